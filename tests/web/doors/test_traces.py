"""The trace that a caller names goes to each message that follows of what it asked; W3C Trace Context."""

import re
from datetime import UTC, datetime, timedelta

import pytest
import structlog
from structlog.testing import capture_logs

from service import telemetry
from service.flows.projection.follow import Reprojection
from service.wiring import rooms
from tests.contracts.published import check_fed
from tests.flows import river
from tests.web.sent import a03

TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
OTHER = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00"
LATER = datetime.now(UTC) + timedelta(days=1)
VALID = re.compile(r"00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}")


@pytest.fixture(autouse=True)
def untraced():
    """A test's own thread is in no trace afterwards."""
    token = telemetry.traceparent.set("")
    yield
    telemetry.traceparent.reset(token)


def messages(house, after=0):
    house.outbox.number()
    told = house.get(f"/events?after={after}&_count=500", partner=None).json
    return [check_fed(message) for message in told]


def traces(house, after=0):
    return {message["traceparent"] for message in messages(house, after)}


def test_what_is_put_is_told_in_the_trace_of_the_request(house):
    for path, document in river.STORY:
        assert house.put(path, document, headers={"traceparent": TRACE}).status_code == 201
    assert traces(house) == {TRACE}


def test_each_request_without_one_is_a_trace_of_its_own(house):
    for path, document in river.STORY:
        house.put(path, document)
    told = messages(house)
    assert all(VALID.fullmatch(message["traceparent"]) for message in told)
    assert len({message["traceparent"] for message in told}) == len(river.STORY)


@pytest.mark.parametrize(
    ("sent", "goes_on"),
    [
        (TRACE, TRACE),
        (f"cc{TRACE[2:]}-what-the-future-will-be", TRACE),
        (f"cc{TRACE[2:-2]}ff", TRACE),
        (f"{TRACE}-more", None),
        (f"ff{TRACE[2:]}", None),
        (TRACE.upper(), None),
        (TRACE[:-1], None),
        (f"00-{'0' * 32}-b7ad6b7169203331-01", None),
        (f"00-0af7651916cd43dd8448eb211c80319c-{'0' * 16}-01", None),
        (f"{TRACE},{OTHER}", None),
        ("", None),
        ("x" * 8000, None),
        (None, None),
        (b"00", None),
        (7, None),
    ],
)
def test_one_that_is_not_valid_is_replaced(sent, goes_on):
    telemetry.begin(sent_trace=sent)
    trace = telemetry.traceparent.get()
    assert VALID.fullmatch(trace)
    assert trace == goes_on if goes_on else trace[3:35] not in str(sent)


def test_no_request_is_refused_over_its_trace(house):
    path, document = river.STORY[0]
    assert house.put(path, document, headers={"traceparent": "bogus"}).status_code == 201
    assert all(VALID.fullmatch(trace) for trace in traces(house))


def test_a_discharge_is_told_in_the_trace_of_its_request(rivers_house):
    before = len(messages(rivers_house))
    sent = {"Content-Type": "x-application/hl7-v2+er7", "traceparent": OTHER}
    assert rivers_house.ask("POST", "/hl7v2", partner="mercy", data=a03(), headers=sent).status_code == 200
    assert traces(rivers_house, before) == {OTHER}


def test_what_is_projected_anew_later_is_told_in_the_trace_that_made_it_so(rivers_house, settings, mappings):
    """A client names its insurer: a worker makes its resources anew, of which one has to be another now."""
    before = len(messages(rivers_house))
    with rivers_house.engine.begin() as connection:
        connection.exec_driver_sql("UPDATE resource SET digest = 'old' WHERE type = 'Coverage'")
    renamed = {**river.INSURER, "identifiers": [{"system": "urn:example:payers", "value": "north"}]}
    headers = {"If-Match": 'W/"1"', "traceparent": TRACE}
    assert (
        rivers_house.put("/api/directory/organization/northern", renamed, headers=headers).status_code == 200
    )
    store = rooms.noticed_store(settings, rivers_house.engine)
    worker = Reprojection(store, rooms.projecting(settings, mappings), lambda: LATER)
    while worker.next():
        pass
    of_clients = [m for m in messages(rivers_house, before) if m["partitionkey"].startswith("client/")]
    assert {message["traceparent"] for message in of_clients} == {TRACE}
    assert telemetry.traceparent.get() != TRACE


def test_logs_and_answers_name_the_trace(house):
    """Who sends no correlation id is told the trace's; a log has both."""
    headers = {"traceparent": TRACE}
    assert house.get("/nowhere", headers=headers).headers["X-Correlation-Id"] == TRACE[3:35]
    answer = house.get("/nowhere", headers={**headers, "X-Correlation-Id": "mine-1"})
    assert answer.headers["X-Correlation-Id"] == "mine-1"
    telemetry.begin("mine-1", TRACE)
    with capture_logs(processors=[telemetry._correlate]) as logged:
        structlog.get_logger().info("something_done")
    (line,) = logged
    assert (line["correlation"], line["trace"]) == ("mine-1", TRACE[3:35])
