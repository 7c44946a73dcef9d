"""Endpoints that fail, and what their subscriptions come to: nothing is lost that is kept.

https://hl7.org/fhir/uv/subscriptions-backport/STU1.1/errors.html
"""

from datetime import UTC, datetime, timedelta

import pytest

from service.store import tables
from service.wire.fhir.check.validate import validate
from service.wire.fhir.search.asked import Ours
from service.wire.fhir.subscriptions.reading import kept_wanted
from tests.web.subscriptions.conftest import REGISTRY, Clock, Worker
from tests.web.subscriptions.subscribing import (
    BACKPORT,
    RESET,
    Receiver,
    change_plan,
    create,
    put,
    status,
    subscription,
)


@pytest.mark.parametrize("answer", [301, RESET])
def test_an_endpoint_that_does_not_take_it_makes_an_error_until_it_is_asked_for_again(
    rivers_house, subscribed, receiver, worker, answer
):
    receiver.statuses = [answer]
    kept = subscribed()
    path = f"/fhir/Subscription/{kept['id']}"
    failed = rivers_house.get(path, partner="northern").json
    assert (failed["status"], bool(failed["error"]), receiver.taken) == ("error", True, [])
    assert status(rivers_house, kept["id"])["error"]["text"]
    change_plan(rivers_house, "Meanwhile")
    worker.work()
    assert receiver.taken == []
    assert status(rivers_house, kept["id"])["events-since-subscription-start"] == "1"
    again = put(rivers_house, failed | {"status": "requested"})
    assert (again.status_code, again.json["status"], "error" in again.json) == (200, "requested", False)
    worker.work()
    assert rivers_house.get(path, partner="northern").json["status"] == "active"
    assert [len(receiver.notifications("handshake")), receiver.numbers()] == [1, [1]]


@pytest.mark.parametrize("answer", [500, RESET])
def test_what_is_not_taken_comes_again_with_its_number_and_before_what_follows(
    rivers_house, subscribed, receiver, worker, clock, answer
):
    subscribed()
    receiver.statuses = [answer, answer]
    change_plan(rivers_house, "First")
    worker.work()
    assert len(receiver.refused) == 1, "it waits before it is tried again"
    change_plan(rivers_house, "Second")
    clock.ahead += timedelta(minutes=5)
    worker.work()
    clock.ahead += timedelta(minutes=5)
    worker.work()
    assert len(receiver.refused) == 2
    assert receiver.numbers() == [1, 2]


def test_an_endpoint_that_hangs_holds_up_no_other(rivers_house, subscribed, receiver, worker):
    hanging = Receiver()
    try:
        for _ in range(3):
            subscribed(endpoint=hanging.url)
        subscribed()
        hanging.open.clear()
        change_plan(rivers_house, "Back on the road")
        rivers_house.outbox.number()
        before = len(receiver.taken)
        receiver.asked.clear()
        worker.loop.turn()
        assert receiver.asked.wait(60)
        assert hanging.asked.is_set()
        hanging.open.set()
        worker.loop.close()
        assert len(receiver.taken) == before + 1
        assert hanging.numbers() == [1, 1, 1]
    finally:
        hanging.close()


def test_who_no_longer_leads_marks_nothing_and_the_next_sends_the_same_number(
    rivers_house, subscribed, receiver, worker, settings, engine, clock
):
    kept = subscribed()
    receiver.open.clear()
    receiver.asked.clear()
    change_plan(rivers_house, "Back on the road")
    rivers_house.outbox.number()
    worker.loop.turn()
    assert receiver.asked.wait(60)
    with engine.begin() as connection:
        # as if it had been paused for longer than its lease, and another had taken that
        taken = tables.lease.c.fence + 1
        connection.execute(tables.lease.update().values(fence=taken, expires=0))
    receiver.open.set()
    worker.loop.close()
    another = Worker(rivers_house, settings, engine, clock)
    another.work()
    assert receiver.numbers() == [1, 1]
    assert status(rivers_house, kept["id"])["events-since-subscription-start"] == "1"


def test_one_that_is_off_is_told_nothing_of_that_time(rivers_house, subscribed, receiver, worker):
    kept = subscribed()
    read = rivers_house.get(f"/fhir/Subscription/{kept['id']}", partner="northern").json
    off = put(rivers_house, read | {"status": "off"}).json
    change_plan(rivers_house, "Meanwhile")
    worker.work()
    assert put(rivers_house, off | {"status": "active"}).json["status"] == "requested"
    worker.work()
    change_plan(rivers_house, "Back on the road")
    worker.work()
    assert receiver.numbers() == [1]


def test_a_partner_that_is_revoked_is_told_nothing(
    rivers_house, subscribed, receiver, worker, registry, settings, engine
):
    subscribed()
    entry = "  - name: northern\n"
    registry.write_text(REGISTRY.replace(entry, f"{entry}    revoked: true\n"), encoding="utf-8")
    later = Worker(rivers_house, settings, engine, Clock())
    change_plan(rivers_house, "Back on the road")
    later.work()
    assert receiver.notifications() == []


def test_an_endpoint_may_take_as_long_as_its_subscription_says(rivers_house, subscribed, receiver, worker):
    timeout = {"url": f"{BACKPORT}backport-timeout", "valueUnsignedInt": 1}
    kept = subscribed(extension=[timeout])
    assert kept_wanted(kept, Ours("", ())).seconds == 1
    receiver.open.clear()
    change_plan(rivers_house, "Back on the road")
    # the endpoint answers no sooner than the attempt is over
    worker.work(2)
    assert receiver.asked.is_set()
    assert status(rivers_house, kept["id"])["error"]["text"].startswith("It does not answer as it should")
    assert receiver.numbers() == []


def test_an_endpoint_that_takes_nothing_for_days_puts_its_subscription_in_error(
    rivers_house, subscribed, receiver, worker, clock
):
    kept = subscribed()
    path = f"/fhir/Subscription/{kept['id']}"
    receiver.statuses = [500] * 100
    change_plan(rivers_house, "First")
    worker.work()
    for hours in (24, 24, 23):
        clock.ahead += timedelta(hours=hours)
        worker.work()
        assert rivers_house.get(path, partner="northern").json["status"] == "active"
    clock.ahead += timedelta(hours=2)
    worker.work()
    failed = rivers_house.get(path, partner="northern").json
    assert (failed["status"], failed["error"]) == ("error", "The endpoint answered 500.")
    tried = len(receiver.refused)
    change_plan(rivers_house, "Second")
    clock.ahead += timedelta(hours=2)
    worker.work()
    assert len(receiver.refused) == tried, "nothing is sent to it any more"
    assert status(rivers_house, kept["id"])["events-since-subscription-start"] == "2", "events are counted on"
    receiver.statuses = []
    put(rivers_house, failed | {"status": "requested"})
    worker.work()
    assert receiver.numbers() == [1, 2]
    assert rivers_house.get(path, partner="northern").json["status"] == "active"


def test_an_endpoint_that_takes_something_now_and_then_stays(
    rivers_house, subscribed, receiver, worker, clock
):
    kept = subscribed()
    for number in range(4):
        receiver.statuses = [500]
        change_plan(rivers_house, f"Title {number}")
        worker.work()
        clock.ahead += timedelta(days=2)
        worker.work()
    assert receiver.numbers() == [1, 2, 3, 4]
    assert status(rivers_house, kept["id"])["status"] == "active"


def test_heartbeats_come_in_silence_and_only_where_they_are_asked_for(
    rivers_house, subscribed, receiver, worker, clock
):
    beating = {"url": f"{BACKPORT}backport-heartbeat-period", "valueUnsignedInt": 60}
    kept = subscribed(extension=[beating])
    silent = Receiver()
    try:
        subscribed(endpoint=silent.url)
        clock.ahead = timedelta(seconds=50)
        worker.work()
        assert receiver.notifications("heartbeat") == []
        clock.ahead = timedelta(seconds=70)
        worker.work()
        (beat,) = receiver.notifications("heartbeat")
        assert (beat["status"], beat["events-since-subscription-start"]) == ("active", "0")
        assert validate(receiver.taken[-1][1]) == []
        clock.ahead = timedelta(seconds=110)
        change_plan(rivers_house, "Back on the road")
        worker.work()
        clock.ahead = timedelta(seconds=150)
        worker.work()
        assert len(receiver.notifications("heartbeat")) == 1, "an event is a sign of life, too"
        assert silent.notifications("heartbeat") == []
        assert status(rivers_house, kept["id"])["events-since-subscription-start"] == "1"
    finally:
        silent.close()


def test_a_subscription_ends_when_it_says(rivers_house, worker, receiver, clock):
    worker.house.outbox.number()
    end = (datetime.now(UTC) + timedelta(hours=1)).isoformat()
    kept = create(rivers_house, {**subscription(endpoint=receiver.url), "end": end}).json
    worker.work()
    clock.ahead = timedelta(hours=2)
    change_plan(rivers_house, "Back on the road")
    worker.work()
    assert rivers_house.get(f"/fhir/Subscription/{kept['id']}", partner="northern").json["status"] == "off"
    assert receiver.notifications() == []
