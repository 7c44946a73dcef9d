"""A subscription tells no more than the token may read that it was created with."""

import pytest

from service.store.relay.outbox import Outbox
from tests.flows import river
from tests.web import smart
from tests.web.subscriptions.conftest import Worker
from tests.web.subscriptions.subscribing import FEED, FHIR, subscription

KEPT = "system/Subscription.cruds"


@pytest.fixture
def database_url(sqlite_url):
    """What a token leaves of a scope is the same on both."""
    return sqlite_url


@pytest.fixture
def settings(tmp_path, database_url):
    entries = [smart.entry(name, private_hosts=["127.0.0.1"]) for name in smart.KINDS]
    return smart.settings(database_url, smart.registry(tmp_path, *entries))


@pytest.fixture
def house(settings, engine, mappings):
    house = smart.House(settings, engine, mappings)
    for path, document in river.STORY:
        assert house.ask("PUT", path, partner="cms", json=document).status_code == 201
    return house


@pytest.fixture
def worker(house, settings, engine, clock):
    house.outbox = Outbox(engine)
    house.outbox.number()
    return Worker(house, settings, engine, clock)


def create(house, scopes, sent):
    token = house.token("northern", f"{KEPT} {scopes}".strip())
    return house.ask("POST", "/fhir/Subscription", token=token, json=sent, content_type=FHIR)


def change(house):
    """A plan and a person are changed."""
    for path, document, more in (
        ("/api/cases/c1", river.CASE, {"plan": {**river.CASE["plan"], "title": "Another"}}),
        ("/api/clients/river", river.CLIENT, {"language": "sv"}),
    ):
        put = house.ask("PUT", path, partner="cms", json={**document, **more}, headers={"If-Match": "*"})
        assert put.status_code == 200


@pytest.mark.parametrize(
    ("scopes", "sent", "missing"),
    [
        ("", subscription(), "system/CarePlan.r"),
        ("system/Goal.rs system/CarePlan.s", subscription(), "system/CarePlan.r"),
        ("system/Goal.r", subscription("Goal", "Encounter", topic=FEED), "system/Encounter.r"),
        ("", subscription(topic=FEED), "system/CarePlan.r"),
    ],
)
def test_what_a_token_may_not_read_it_may_not_subscribe_to(house, scopes, sent, missing):
    answer = create(house, scopes, sent)
    assert answer.status_code == 403
    assert missing in answer.json["issue"][0]["details"]["text"]


def test_a_feed_has_the_types_that_its_token_reads(house, worker, receiver):
    sent = subscription(topic=FEED, endpoint=receiver.url, content="id-only")
    assert create(house, "system/Patient.r system/Slot.r", sent).status_code == 201
    worker.work()
    change(house)
    worker.work()
    assert ["/Patient/" in event["focus"]["reference"] for event in receiver.events()] == [True]


@pytest.mark.parametrize(("state", "count"), [("active", 1), ("completed", 0)])
def test_what_narrows_the_scopes_of_a_token_narrows_its_subscriptions(house, worker, receiver, state, count):
    sent = subscription(endpoint=receiver.url)
    assert create(house, f"system/CarePlan.r?status={state}", sent).status_code == 201
    worker.work()
    change(house)
    worker.work()
    assert len(receiver.events()) == count


def test_who_subscribes_may_ask_for_events_but_reads_there_what_the_token_reads(house, worker, receiver):
    made = create(house, "system/CarePlan.r", subscription(endpoint=receiver.url)).json
    worker.work()
    change(house)
    worker.work()
    path = f"/fhir/Subscription/{made['id']}/$events"
    for scopes, entries in (("system/CarePlan.r", 2), ("system/Goal.r", 1)):
        answer = house.get(path, token=house.token("northern", f"system/Subscription.r {scopes}"))
        assert (answer.status_code, len(answer.json["entry"])) == (200, entries)
    assert house.get(path, token=house.token("northern", "system/CarePlan.r")).status_code == 403
