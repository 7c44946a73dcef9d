"""A queue that is gone raises the alarm, and how deep the others are is told."""

import socket
import threading

import pytest

from service.errors import Unavailable
from service.publish.amqp import topology
from service.publish.amqp import watch as watching
from service.publish.amqp.watch import DEPTH, MISSING, watch
from service.wire import amqp
from tests.publish.made import partner, until

PARTNERS = (partner(),)


@pytest.fixture
def watched(broker, monkeypatch):
    """A declared broker under watch."""
    monkeypatch.setattr(watching, "LOOK_SECONDS", 0.1)
    topology.declare(broker.url, PARTNERS)
    stop = threading.Event()

    def depths(names):
        return topology.depths(broker.url, names)

    thread = threading.Thread(target=watch, args=(depths, PARTNERS, stop))
    thread.start()
    yield broker
    stop.set()
    thread.join()


def test_a_queue_that_is_gone_is_told(watched):
    before = MISSING._value.get()
    watched.do(lambda channel: channel.queue_delete("harbor"))
    until(lambda: MISSING._value.get() > before)


def test_the_depth_of_a_queue_is_told(watched):
    for _ in range(3):
        watched.do(lambda channel: channel.basic_publish("", "harbor", b"{}"))
    until(lambda: DEPTH.labels("harbor")._value.get() == 3)


def test_the_depth_of_what_hospitals_sent_and_of_what_could_not_be_kept_is_told(watched):
    for queue, count in ((topology.DISCHARGES, 2), (f"{topology.DISCHARGES}.dead", 1)):
        for _ in range(count):
            watched.do(lambda channel, queue=queue: channel.basic_publish("", queue, b"{}"))
        until(lambda queue=queue, count=count: DEPTH.labels(queue)._value.get() == count)


def test_a_broker_that_says_nothing_is_told_as_one_that_does_not_answer(monkeypatch):
    monkeypatch.setattr(amqp, "CONNECT_SECONDS", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"amqp://casebridge:secret@127.0.0.1:{silent.getsockname()[1]}/none"
        with pytest.raises(Unavailable, match="does not answer"):
            topology.declare(url, PARTNERS)


def test_a_broker_that_is_away_is_no_end(broker, monkeypatch):
    monkeypatch.setattr(watching, "LOOK_SECONDS", 0.01)
    stop, asked = threading.Event(), []

    def depths(names):
        asked.append(names)
        if len(asked) == 3:
            stop.set()
        return topology.depths("amqp://casebridge:secret@127.0.0.1:1/none", names)

    watch(depths, PARTNERS, stop)
    inbound = [f"casebridge.{name}" for name in ("discharges", "discharges.dead", "cases", "cases.dead")]
    assert asked == [[*inbound, "harbor"]] * 3
