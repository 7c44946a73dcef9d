"""A worker that is killed between sending and marking leaves it to the next: the same number comes again."""

import pytest

from tests.faults.house import until
from tests.flows.test_reply import SECONDS, running
from tests.web.subscriptions.subscribing import Receiver, change_plan, create, subscription


@pytest.fixture
def database_url(postgres_url):
    """What becomes of a lease whose holder is killed is the same on both."""
    return postgres_url


def test_a_worker_killed_while_it_sends_leaves_the_event_to_the_next(rivers_house, registry, database_url):
    """At least once; the number of an event is its own for good."""
    environment = {
        "CASEBRIDGE_AUTH": "off",
        "CASEBRIDGE_DATABASE_URL": database_url,
        "CASEBRIDGE_PARTNERS": str(registry),
    }
    receiver = Receiver()
    try:
        rivers_house.outbox.number()
        assert create(rivers_house, subscription(endpoint=receiver.url)).status_code == 201
        with running(environment) as worker:
            until(lambda: receiver.notifications("handshake"), "no handshake came", SECONDS)
            receiver.open.clear()
            receiver.asked.clear()
            change_plan(rivers_house, "First")
            assert receiver.asked.wait(SECONDS)
            worker.kill()
        receiver.open.set()
        until(lambda: receiver.numbers() == [1], "it was not taken", SECONDS)
        with running(environment):
            until(lambda: len(receiver.numbers()) > 1, "it did not come again", SECONDS)
            change_plan(rivers_house, "Second")
            until(lambda: 2 in receiver.numbers(), "the next did not come", SECONDS)
        assert receiver.numbers() == [1, 1, 2]
    finally:
        receiver.close()
