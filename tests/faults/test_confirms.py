"""Nothing is marked that the broker has not confirmed; what is not marked comes again, as it was."""

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from service.publish.amqp import topology
from service.publish.amqp.rabbit import Rabbit
from service.publish.relay import Relay
from tests.faults.partition import Network
from tests.publish.made import Broker, Office, message, partner, unrecorded, until
from tests.publish.test_relay import Running

COUNT = 60
KILLED_BEFORE_IT_MARKS = """
import os, signal, sys
from service.publish.amqp.rabbit import Rabbit
from service.publish.relay import Relay
from tests.publish.made import Office, partner, unrecorded

office = Office(sys.argv[1])
office.outbox.mark = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
Relay(office.outbox, Rabbit(sys.argv[2], [partner()]), [partner()], unrecorded).run_once()
"""
ROOT = Path(__file__).parents[2]


@pytest.fixture
def office(database_url):
    office = Office(database_url)
    yield office
    office.engine.dispose()


@pytest.fixture
def broker(amqp_url):
    topology.declare(amqp_url, [partner()])
    return Broker(amqp_url)


def relay(office, url):
    return Relay(office.outbox, Rabbit(url, [partner()]), [partner()], unrecorded)


def depth(broker):
    return topology.depths(broker.url, ["harbor"])["harbor"]


def ids_come_in_order(sent, got):
    """All came, in the end, each owner's in order; what came twice is the same message."""
    bodies = {properties.message_id: body for properties, _, body in got}
    assert all(bodies[properties.message_id] == body for properties, _, body in got)
    firsts = list(dict.fromkeys(properties.message_id for properties, _, _ in got))
    assert sorted(firsts) == sorted(each.id for each in sent)
    for owner in {each.owner for each in sent}:
        mine = [each.id for each in sent if each.owner == owner]
        assert [id_ for id_ in firsts if id_ in mine] == mine


def test_what_a_queue_has_is_not_marked_while_its_confirms_are_lost(office, broker):
    sent = [message(f"case/{n}", sequence, body=b"%d" % n) for sequence in (1, 2) for n in range(COUNT)]
    network = Network(broker.url)
    try:
        with Running(relay(office, network.url)):
            office.emit(message("case/first"))
            until(lambda: "published" in office.states().values())
            broker.drain("harbor")
            with network.losing("out"):
                office.emit(*sent)
                # of each owner one is under way
                until(lambda: depth(broker) == COUNT)
                assert {office.states()[each.id] for each in sent} == {"pending"}
            until(lambda: set(office.states().values()) == {"published"})
    finally:
        network.close()
    got = broker.drain("harbor")
    assert len(got) == 3 * COUNT
    ids_come_in_order(sent, got)


def test_a_relay_killed_between_confirm_and_mark_has_marked_nothing(office, broker, database_url):
    sent = [message(f"case/{n % COUNT}", 1 + n // COUNT, body=b"%d" % n) for n in range(2 * COUNT)]
    office.emit(*sent)
    words = [sys.executable, "-c", KILLED_BEFORE_IT_MARKS, database_url, broker.url]
    killed = subprocess.run(words, cwd=ROOT, timeout=240, check=False)
    assert killed.returncode == -signal.SIGKILL
    confirmed = depth(broker)
    assert confirmed > 0
    assert set(office.states().values()) == {"pending"}

    second = relay(office, broker.url)
    deadline = time.monotonic() + 60
    while "pending" in office.states().values():
        # the lease of who was killed lasts for some seconds
        assert time.monotonic() < deadline
        second.run_once()
        time.sleep(0.1)
    second.close()
    got = broker.drain("harbor")
    assert len(got) == confirmed + len(sent)
    ids_come_in_order(sent, got)
