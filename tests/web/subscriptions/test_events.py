"""Events are kept for a while, and told once more to who asks for them.

https://hl7.org/fhir/uv/subscriptions-backport/STU1.1/OperationDefinition-backport-subscription-events.html
"""

from datetime import timedelta

from service.wire.fhir.check.validate import validate
from tests.flows import river
from tests.web.subscriptions.subscribing import FHIR, change_plan, events_of, values_by_name


def test_events_are_asked_for_once_more_by_their_numbers(rivers_house, subscribed, receiver, worker):
    kept = subscribed(content="id-only")
    for number in range(4):
        change_plan(rivers_house, f"Title {number}")
    worker.work()
    path = f"/fhir/Subscription/{kept['id']}/$events"

    def numbers(query, **given):
        method = "POST" if given else "GET"
        bundle = rivers_house.ask(method, f"{path}{query}", partner="northern", **given)
        assert bundle.status_code == 200, bundle.json
        assert validate(bundle.json) == []
        assert (bundle.json["type"], values_by_name(bundle.json["entry"][0]["resource"])["type"]) == (
            "history",
            "query-event",
        )
        return [int(event["event-number"]) for event in events_of(bundle.json)], bundle.json["entry"][1:]

    every, entries = numbers("")
    assert (every, "resource" in entries[0]) == ([1, 2, 3, 4], False)
    assert numbers("?eventsSinceNumber=2&eventsUntilNumber=3")[0] == [2, 3]
    assert numbers("?eventsSinceNumber=9")[0] == []
    assert numbers("?content=empty")[1] == []
    (entry,) = numbers("?eventsSinceNumber=4&content=full-resource")[1]
    assert entry["resource"] == rivers_house.one("CarePlan", partner="northern")
    asked = [{"name": "eventsUntilNumber", "valueString": "1"}]
    body = {"json": {"resourceType": "Parameters", "parameter": asked}, "content_type": FHIR}
    assert numbers("", **body)[0] == [1]
    for wrong in ("eventsSinceNumber=one", "content=all", "since=1"):
        assert rivers_house.get(f"{path}?{wrong}", partner="northern").status_code == 400
    assert rivers_house.get(path, partner="southern").status_code == 404


def test_events_that_were_never_taken_can_be_asked_for_and_only_what_may_be_seen_is_told(
    rivers_house, subscribed, receiver, worker
):
    kept = subscribed()
    receiver.statuses = [503]
    change_plan(rivers_house, "Back on the road")
    worker.work()
    left = {**river.CLIENT, "coverages": []}
    assert rivers_house.put("/api/clients/river", left, headers={"If-Match": "*"}).status_code == 200
    bundle = rivers_house.get(f"/fhir/Subscription/{kept['id']}/$events", partner="northern").json
    (event,) = events_of(bundle)
    assert (len(bundle["entry"]), set(event)) == (1, {"event-number", "timestamp"})


def test_old_events_are_forgotten_and_their_numbers_are_not_given_again(
    rivers_house, subscribed, receiver, worker, clock
):
    kept = subscribed()
    change_plan(rivers_house, "First")
    worker.work()
    clock.ahead = timedelta(days=31)
    worker.work()
    path = f"/fhir/Subscription/{kept['id']}/$events"
    assert events_of(rivers_house.get(path, partner="northern").json) == []
    change_plan(rivers_house, "Second")
    worker.work()
    assert receiver.numbers() == [1, 2]


def test_what_is_no_longer_kept_when_it_could_be_sent_is_passed_by(
    rivers_house, subscribed, receiver, worker, clock
):
    subscribed()
    receiver.statuses = [500]
    change_plan(rivers_house, "First")
    worker.work()
    clock.ahead = timedelta(days=31)
    worker.work()
    assert receiver.notifications() == []
    change_plan(rivers_house, "Second")
    worker.work()
    assert receiver.numbers() == [2]
    (said,) = receiver.notifications()
    assert said["events-since-subscription-start"] == "2"
