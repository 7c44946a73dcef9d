"""A cluster of three brokers loses the leader of a queue, then another node; nothing is lost, all in order.

With two of three nodes it goes on. With one nothing is confirmed: nothing is marked as published, and it all
goes out once another is back.
"""

import time

import pytest

from service.publish import catchup
from service.publish.amqp import rabbit, topology
from service.publish.amqp.rabbit import Rabbit
from service.publish.relay import Relay
from service.supervision import Backoff
from tests.clusters import NODES, cluster
from tests.faults.test_confirms import ids_come_in_order
from tests.publish.made import Broker, Office, message, partner, unrecorded, until
from tests.publish.test_relay import Running

OWNERS, EACH = 60, 10


@pytest.fixture
def three():
    with cluster() as three:
        yield three


def story(part):
    """The next messages of each owner."""
    return [
        message(f"case/{n}", part * EACH + sequence, body=b"%d" % n)
        for sequence in range(EACH)
        for n in range(OWNERS)
    ]


@pytest.mark.soak
def test_a_cluster_that_loses_its_leader_and_then_its_majority_loses_no_message(
    three, postgres_url, monkeypatch
):
    monkeypatch.setattr(rabbit, "CONFIRM_SECONDS", 5.0)
    monkeypatch.setattr(catchup, "BACKOFF", Backoff(0.25, 1.0))
    office, broker, partners = Office(postgres_url), Broker(three.url), [partner()]
    parts = [story(part) for part in range(4)]
    sent = [message for part in parts for message in part]

    def states(part):
        told = office.states()
        return {told[each.id] for each in part}

    topology.declare(three.url, partners)
    time.sleep(1.5)  # a quorum queue is on disk only then
    with Running(Relay(office.outbox, Rabbit(three.url, partners), partners, unrecorded)):
        office.emit(*parts[0])
        until(lambda: states(parts[0]) == {"published"})

        first = three.leader_of("harbor", asked=NODES[0])
        office.emit(*parts[1])
        three.nodes[first].kill9()
        office.emit(*parts[2])
        until(lambda: states(parts[1] + parts[2]) == {"published"})

        living = [name for name in NODES if name != first]
        second = three.leader_of("harbor", asked=living[0])
        three.nodes[second].kill9()
        time.sleep(1)  # for what it still had confirmed
        office.emit(*parts[3])
        # longer than a confirm is waited for
        time.sleep(3 * rabbit.CONFIRM_SECONDS)
        assert "published" not in states(parts[3])

        three.nodes[first].start()
        until(lambda: states(sent) == {"published"}, 240)
    ids_come_in_order(sent, broker.take("harbor", 5))
    office.engine.dispose()
