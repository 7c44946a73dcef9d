"""Subscribers are told of what they may see, in order, by numbers without gaps.

https://hl7.org/fhir/uv/subscriptions-backport/STU1.1/notifications.html
"""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select

from service.store import tables
from service.wire.fhir.check.validate import validate
from tests.flows import river
from tests.web.sent import PERSON, Mercy, encounter
from tests.web.subscriptions.subscribing import (
    BACKPORT,
    FEED,
    FHIR,
    OURS,
    SECRET,
    change_plan,
    status,
)


def test_an_endpoint_that_takes_the_handshake_makes_a_subscription_active(rivers_house, subscribed, receiver):
    kept = subscribed(header=[f"Authorization: {SECRET}", "X-Hook: 1"])
    ((headers, bundle),) = receiver.taken
    assert (headers["Content-Type"], headers["Authorization"], headers["X-Hook"]) == (FHIR, SECRET, "1")
    assert validate(bundle) == []
    assert (bundle["type"], len(bundle["entry"])) == ("history", 1)
    assert bundle["meta"]["profile"] == [f"{BACKPORT}backport-subscription-notification-r4"]
    (entry,) = bundle["entry"]
    url = f"/fhir/Subscription/{kept['id']}"
    assert (entry["request"]["method"], entry["request"]["url"].endswith(f"{url}/$status")) == ("GET", True)
    assert entry["resource"]["meta"]["profile"] == [f"{BACKPORT}backport-subscription-status-r4"]
    (said,) = receiver.notifications("handshake")
    assert (said["status"], said["events-since-subscription-start"]) == ("requested", "0")
    read = rivers_house.get(url, partner="northern")
    assert (read.json["status"], read.headers["ETag"]) == ("active", 'W/"2"')


def test_a_change_comes_with_the_resource_in_full_as_its_partner_reads_it(
    rivers_house, subscribed, receiver, worker
):
    kept = subscribed()
    change_plan(rivers_house, "Back on the road")
    worker.work()
    bundle = receiver.taken[-1][1]
    assert validate(bundle) == []
    plan = rivers_house.one("CarePlan", partner="northern")
    assert plan["title"] == "Back on the road"
    first, second = bundle["entry"]
    assert second["resource"] == plan
    assert second["fullUrl"].endswith(f"/fhir/CarePlan/{plan['id']}")
    assert (second["request"], second["response"]["status"]) == (
        {"method": "PUT", "url": f"CarePlan/{plan['id']}"},
        "200",
    )
    (said,) = receiver.notifications()
    assert said["subscription"]["reference"].endswith(f"/fhir/Subscription/{kept['id']}")
    assert (said["topic"], said["status"]) == (kept["criteria"], "active")
    assert said["events-since-subscription-start"] == "1"
    (event,) = receiver.events()
    assert event["event-number"] == "1"
    assert event["focus"] == {"reference": second["fullUrl"]}
    assert datetime.fromisoformat(event["timestamp"]) <= datetime.now(UTC)
    assert first["resource"]["resourceType"] == "Parameters"


@pytest.mark.parametrize(("content", "topic"), [("id-only", True), ("empty", False)])
def test_less_comes_where_less_is_asked_for(rivers_house, subscribed, receiver, worker, content, topic):
    subscribed(content=content)
    change_plan(rivers_house, "Back on the road")
    worker.work()
    bundle = receiver.taken[-1][1]
    assert validate(bundle) == []
    (said,), (event,) = receiver.notifications(), receiver.events()
    assert ("topic" in said) == topic
    assert not any("resource" in entry for entry in bundle["entry"][1:])
    plan = rivers_house.one("CarePlan", partner="northern")["id"]
    if content == "empty":
        assert (len(bundle["entry"]), set(event)) == (1, {"event-number", "timestamp"})
        assert plan not in str(bundle)
    else:
        (entry,) = bundle["entry"][1:]
        assert entry["fullUrl"] == event["focus"]["reference"]
        assert entry["request"]["url"] == f"CarePlan/{plan}"


def test_events_are_numbered_in_order_without_gaps_whatever_else_is_committed_or_rolled_back(
    rivers_house, subscribed, receiver, worker
):
    kept = subscribed()
    for number in range(5):
        change_plan(rivers_house, f"Title {number}")
        wrong = {**river.CASE, "client": "nobody", "status": "unheard-of"}
        assert rivers_house.put("/api/cases/c1", wrong, headers={"If-Match": "*"}).status_code == 422
        assert (
            rivers_house.put(
                "/api/clients/other", {**river.CLIENT, "identifiers": []}, headers={}
            ).status_code
            < 500
        )
        if number % 2:
            worker.work(2)
    worker.work()
    assert receiver.numbers() == [1, 2, 3, 4, 5]
    assert status(rivers_house, kept["id"])["events-since-subscription-start"] == "5"


def test_no_more_events_come_at_once_than_are_wanted(rivers_house, subscribed, receiver, worker):
    extension = {"url": f"{BACKPORT}backport-max-count", "valuePositiveInt": 2}
    subscribed(extension=[extension])
    for number in range(5):
        change_plan(rivers_house, f"Title {number}")
    worker.work()
    counts = [
        sum(parameter["name"] == "notification-event" for parameter in head["parameter"])
        for head in receiver.heads()
    ]
    assert (counts, receiver.numbers()) == ([0, 2, 2, 1], [1, 2, 3, 4, 5])


def test_what_is_not_in_the_scope_is_no_event(rivers_house, subscribed, receiver, worker):
    kept = subscribed(partner="southern")
    change_plan(rivers_house, "Back on the road")
    worker.work()
    assert receiver.notifications() == []
    assert status(rivers_house, kept["id"], "southern")["events-since-subscription-start"] == "0"


def test_what_has_left_the_scope_when_it_is_sent_is_a_number_and_nothing_else(
    rivers_house, subscribed, receiver, worker, clock
):
    subscribed()
    receiver.statuses = [503]
    change_plan(rivers_house, "Back on the road")
    worker.work()
    assert receiver.notifications() == []
    left = {**river.CLIENT, "coverages": []}
    assert rivers_house.put("/api/clients/river", left, headers={"If-Match": "*"}).status_code == 200
    clock.ahead = timedelta(minutes=5)
    worker.work()
    bundle = receiver.taken[-1][1]
    (event,) = receiver.events()
    assert (len(bundle["entry"]), set(event)) == (1, {"event-number", "timestamp"})


def test_what_a_client_denies_is_no_event(rivers_house, subscribed, receiver, worker):
    subscribed()
    denial = {"id": "c1", "status": "active", "decision": "deny"}
    denying = rivers_house.put(
        "/api/clients/river", {**river.CLIENT, "consents": [denial]}, headers={"If-Match": "*"}
    )
    assert denying.status_code == 200, denying.json
    assert rivers_house.get("/fhir/CarePlan", partner="northern").json["total"] == 0
    change_plan(rivers_house, "Back on the road")
    worker.work()
    assert receiver.notifications() == []


def test_filters_leave_what_meets_all_of_them(rivers_house, subscribed, receiver, worker):
    patient = rivers_house.one("Patient")["id"]
    all_of = subscribed(f"CarePlan?patient={patient}", "status=active")
    others = [
        subscribed("patient=someone-else"),
        subscribed(f"patient={patient}", "status=completed"),
        subscribed(f"patient=Patient/{patient}&status=completed,on-hold"),
    ]
    change_plan(rivers_house, "Back on the road")
    worker.work()
    counts = [
        status(rivers_house, kept["id"])["events-since-subscription-start"] for kept in (all_of, *others)
    ]
    assert counts == ["1", "0", "0", "0"]


def test_the_patient_data_feed_tells_of_the_types_that_are_asked_for_by_their_trigger(
    rivers_house, subscribed, receiver, worker
):
    kept = subscribed(
        "CarePlan", "Goal?patient=someone-else", "Patient?_id=nobody", topic=FEED, content="id-only"
    )
    change_plan(rivers_house, "Back on the road")
    renamed = {**river.CLIENT, "language": "sv"}
    assert rivers_house.put("/api/clients/river", renamed, headers={"If-Match": "*"}).status_code == 200
    worker.work()
    (event,) = receiver.events()
    assert "/fhir/CarePlan/" in event["focus"]["reference"]
    assert event["trigger"] == {
        "system": "http://hl7.org/fhir/us/core/CodeSystem/trigger",
        "code": "feed-event",
    }
    assert status(rivers_house, kept["id"])["events-since-subscription-start"] == "1"


def test_admissions_and_discharges_are_told_with_the_stay(rivers_house, subscribed, receiver, worker):
    known = {**river.CLIENT, "identifiers": [*river.CLIENT["identifiers"], PERSON]}
    assert rivers_house.put("/api/clients/river", known, headers={"If-Match": "*"}).status_code == 200
    rivers_house.outbox.number()
    topics = [subscribed(topic=f"{OURS}{name}", content="id-only") for name in ("admission", "discharge")]
    mercy = Mercy(rivers_house)

    def counts():
        worker.work()
        return [int(status(rivers_house, kept["id"])["events-since-subscription-start"]) for kept in topics]

    begun = datetime.now(UTC) - timedelta(days=3)
    stay = {"status": "in-progress", "period": {"start": begun.isoformat(timespec="seconds")}}
    assert mercy.send("/fhir/Encounter", encounter(**stay)).status_code == 201
    assert counts() == [1, 0]
    (focus,) = receiver.taken[-1][1]["entry"][1:]
    assert focus["fullUrl"].endswith(
        f"/fhir/Encounter/{rivers_house.one('Encounter', partner='northern')['id']}"
    )
    ended = {"period": {**stay["period"], "end": datetime.now(UTC).isoformat(timespec="seconds")}}
    sent = encounter(**ended, meta={"lastUpdated": ended["period"]["end"]})
    assert mercy.send("/fhir/Encounter", sent).status_code in {200, 201}
    assert counts() == [1, 1]
    assert [event["focus"] for event in receiver.events()] == [{"reference": focus["fullUrl"]}] * 2


def test_what_is_told_is_on_record_before_it_is_sent(rivers_house, subscribed, receiver, worker, engine):
    kept = subscribed()
    receiver.open.clear()
    change_plan(rivers_house, "Back on the road")
    rivers_house.outbox.number()
    receiver.asked.clear()
    worker.loop.turn()
    assert receiver.asked.wait(60)
    with engine.connect() as connection:
        rows = connection.execute(select(tables.audit).where(tables.audit.c.interaction == "disclose")).all()
    receiver.open.set()
    worker.loop.close()
    plan = rivers_house.one("CarePlan", partner="northern")["id"]
    (row,) = rows
    assert (row.partner, row.correlation) == ("northern", kept["id"])
    assert f"CarePlan/{plan}/_history/2" in str(row.things)


def test_what_several_write_at_once_is_told_once_each(rivers_house, subscribed, receiver, worker):
    """What is committed late has its place behind what was looked through before: nothing is passed over."""
    subscribed(partner="northern")
    several = [f"{writer}-{number}" for writer in range(3) for number in range(4)]

    def write(writer):
        for number in range(4):
            name = f"{writer}-{number}"
            case = {**river.CASE, "identifiers": [{"system": "urn:example:cases", "value": name}]}
            client = rivers_house.app.test_client()
            put = client.put(f"/api/cases/{name}", json=case, headers={"Casebridge-Partner": "cms"})
            assert put.status_code == 201

    with ThreadPoolExecutor(3) as writers:
        writing = [writers.submit(write, writer) for writer in range(3)]
        while not all(writer.done() for writer in writing):
            worker.work(1)
        for writer in writing:
            writer.result()
    worker.work()
    assert receiver.numbers() == list(range(1, len(several) + 1))
    plans = rivers_house.get("/fhir/CarePlan?_count=50", partner="northern").json["entry"]
    told_of = {event["focus"]["reference"] for event in receiver.events()}
    assert told_of == {
        plan["fullUrl"] for plan in plans if plan["resource"]["id"] != first_plan(rivers_house)
    }


def first_plan(house):
    """The plan of the story, which was there before."""
    plans = house.get("/fhir/CarePlan?identifier=urn:example:cases|C-1", partner="northern").json["entry"]
    return plans[0]["resource"]["id"]
