"""The outbox in an operator's hands: what is stuck is seen and let go, what is old is deleted."""

from datetime import UTC, datetime
from uuid import uuid4

import pytest
from click.testing import CliRunner

from service.__main__ import cli
from service.errors import NotFound
from service.store import tables as t
from service.store.audit.reading import SqlAuditReading
from service.store.relay.positions import Positions
from service.values.audit import AuditQuery
from service.wire.fhir.audit_event import AuditEvents
from service.wire.fhir.check.model import structure
from tests.publish.made import Office, message

REGISTRY = """
partners:
  - {name: harbor, kind: engineer, queues: [{name: harbor, bindings: [{pattern: "careplan.*"}]}]}
  - {name: clinic, kind: engineer, queues: [{name: clinic, bindings: [{pattern: "goal.*"}]}]}
"""
RECORDED = """
SELECT partner, interaction, correlation, things, text
FROM audit JOIN audit_text USING (row) ORDER BY row
"""
WHY = ("--reason", "it is known")


@pytest.fixture
def office(database_url, monkeypatch):
    """Three numbered messages."""
    monkeypatch.setenv("CASEBRIDGE_DATABASE_URL", database_url)
    monkeypatch.setenv("CASEBRIDGE_AUTH", "off")
    office = Office(database_url)
    office.emit(message(), message("case/2"), message("case/3"))
    office.outbox.number()
    yield office
    office.engine.dispose()


def events(*words):
    return CliRunner().invoke(cli, ["events", *words])


def recorded(office):
    with office.engine.connect() as connection:
        return [tuple(row) for row in connection.exec_driver_sql(RECORDED)]


def test_parked_messages_are_printed_with_their_reason(office):
    assert events("parked").output == ""
    office.outbox.park(2, "The broker refuses it: larger than its limit.")
    assert events("parked").output == "2  careplan.updated  The broker refuses it: larger than its limit.\n"


def test_one_is_tried_again_or_all_are(office):
    for position in (1, 2, 3):
        office.outbox.park(position, "no reason")
    assert events("retry", "2", *WHY).output == "1 tried again.\n"
    assert [message.position for message in office.outbox.parked_messages()] == [1, 3]
    assert events("retry", "--all", *WHY).output == "2 tried again.\n"
    assert office.outbox.parked_messages() == []
    assert events("retry", "--all", *WHY).output == "0 tried again.\n"


@pytest.mark.parametrize("decision", ["retry", "skip"])
def test_where_one_is_not_parked_nothing_is_changed_and_nothing_is_on_record(office, decision):
    office.outbox.park(1, "no reason")
    done = events(decision, "1", "3", *WHY)
    assert isinstance(done.exception, NotFound)
    assert "Not parked: 3" in str(done.exception)
    assert len(office.outbox.parked_messages()) == 1
    assert recorded(office) == []


def test_a_skip_tells_who_does_not_get_what_and_lets_the_owner_go_on(office, monkeypatch, tmp_path):
    (tmp_path / "partners.yaml").write_text(REGISTRY, encoding="utf-8")
    monkeypatch.setenv("CASEBRIDGE_PARTNERS", str(tmp_path / "partners.yaml"))
    office.outbox.owe([(1, "clinic")])
    for position in (1, 2):
        office.outbox.park(position, "no reason")
    assert events("skip", "1", "2", *WHY).output == (
        "1  careplan.updated  case/1, sequence 1: not for clinic\n"
        "2  careplan.updated  case/2, sequence 1: not for harbor\n"
    )
    assert office.outbox.parked_messages() == []
    assert [row.position for row in office.outbox.pending(0, 10)] == [3]
    assert office.outbox.debts() == {}
    assert sorted(office.states().values()) == ["pending", "skipped", "skipped"]
    assert office.outbox.backlog() == 1
    assert isinstance(events("retry", "2", *WHY).exception, NotFound)


def test_a_decision_is_on_record_with_its_reason_the_message_and_whose_it_is(office):
    river = str(uuid4())
    columns = {"uuid": "1", "kind": "case", "source": "cms", "source_id": "c1", "client": river}
    now = {"created": datetime.now(UTC), "updated": datetime.now(UTC)}
    with office.engine.begin() as connection:
        connection.execute(t.document.insert(), {**columns, **now, "revision": 1, "body": b"{}"})
    office.outbox.park(1, "no reason")
    events("retry", "1", "--reason", "the broker takes 16 MiB now")
    office.outbox.park(1, "no reason")
    events("skip", "1", "--reason", "a later one tells more")
    things = f'{{"{river}":["event/1"]}}'
    (one,) = office.states().keys() - {left.id for left in office.outbox.pending(0, 9)}
    assert recorded(office) == [
        ("local", "retry", one, things, "the broker takes 16 MiB now"),
        ("local", "skip", one, things, "a later one tells more"),
    ]
    skipped, retried = SqlAuditReading(office.engine).entries(AuditQuery())
    for entry, why in ((skipped, "a later one tells more"), (retried, "the broker takes 16 MiB now")):
        ((client, event),) = AuditEvents("http://localhost").of(entry)
        assert list(structure(event)) == []
        assert (client, event["purposeOfEvent"][0]["text"]) == (river, why)
        assert event["entity"][0]["what"]["reference"] == "http://localhost/events?after=0&_count=1"


@pytest.mark.parametrize(
    "words",
    [
        ("retry", *WHY),
        ("retry", "1", "--all", *WHY),
        ("retry", "1"),
        ("retry", "0", *WHY),
        ("skip", str(2**63), *WHY),
        ("skip", *WHY),
        ("skip", "1"),
        ("skip", "1", "--reason", " "),
        ("prune",),
        ("prune", "--keep-days", "1", "--before", "2026-01-01T00:00Z"),
        ("prune", "--before", "2026-01-01T00:00"),
        ("prune", "--before", "yesterday"),
        ("prune", "--keep-days", "-1"),
    ],
)
def test_wrong_use_exits_2(office, words):
    assert events(*words).exit_code == 2


def test_old_messages_are_deleted_and_young_ones_are_not(office):
    office.outbox.mark([1, 2], "published")
    Positions(office.engine).number(1)  # writes the tick that says how far they had come by now
    assert events("prune", "--keep-days", "1").output == "0 messages deleted.\n"
    assert events("prune", "--before", "2026-01-01T00:00Z").output == "0 messages deleted.\n"
    assert events("prune", "--keep-days", "0").output == "2 messages deleted.\n"
    assert list(office.states().values()) == ["pending"]


def test_what_a_queue_is_owed_is_told_and_forgiven(office):
    office.outbox.owe([(1, "harbor"), (2, "harbor"), (2, "clinic")])
    assert events("owed").output == "1  clinic\n2  harbor\n"
    assert events("forgive", "harbor").output == "2 forgiven.\n"
    assert events("owed").output == "1  clinic\n"
    assert sorted(office.states().values()) == ["owed", "pending", "published"]
    assert events("forgive", "harbor").exit_code == 1
