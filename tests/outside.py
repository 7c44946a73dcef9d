"""A RabbitMQ broker that somebody else runs, where our user need have no more than one virtual host.

Whoever tests there takes turns, and deletes afterwards what the test has named.
"""

import contextlib
import time
from collections.abc import Iterator
from functools import partial, wraps
from typing import Any

import pika
from pika.channel import Channel

from service.publish.amqp import topology
from service.wire.amqp import Asker

# declared exclusively by whoever has the turn
TURN = "casebridge.tests"
# what our processes declare, or send to, without a test that names it
OURS = (*topology.INBOUND, "casebridge.demo")
NAMING = ("queue_declare", "basic_consume", "basic_get", "exchange_declare")


class OutsideRabbit:
    """The broker that a URL names."""

    def __init__(self, url: str) -> None:
        self.url = url

    @contextlib.contextmanager
    def lend_vhost(self) -> Iterator[str]:
        """Give its URL to one test at a time, as empty as it was before the first."""
        with turn(self.url) as asker, names_of_pika() as names:
            sweep(asker, OURS)
            try:
                yield self.url
            finally:
                sweep(asker, {*OURS, *names})


@contextlib.contextmanager
def turn(url: str) -> Iterator[Asker]:
    """Wait until no other process of ours tests there, and keep it so."""
    parameters = pika.URLParameters(url)
    parameters.heartbeat = 0  # nobody answers one while a test runs
    with pika.BlockingConnection(parameters) as connection:
        asker = Asker(connection)
        while asker.refusal(lambda channel: channel.queue_declare(TURN, exclusive=True)) is not None:
            time.sleep(0.1)
        yield asker


@contextlib.contextmanager
def names_of_pika() -> Iterator[set[str]]:
    """The names of queues and exchanges that this process uses meanwhile."""
    names: set[str] = set()
    real = {name: getattr(Channel, name) for name in NAMING}
    for name, method in real.items():
        setattr(Channel, name, noting(method, names))
    try:
        yield names
    finally:
        for name, method in real.items():
            setattr(Channel, name, method)


def noting(method: Any, names: set[str]) -> Any:
    @wraps(method)
    def note(channel: Channel, *words: Any, **more: Any) -> Any:
        names.add(words[0] if words else more.get("queue") or more.get("exchange") or "")
        return method(channel, *words, **more)

    return note


def sweep(asker: Asker, names: set[str] | tuple[str, ...]) -> None:
    """Delete queues and exchanges of these names, with what we declare for a queue."""
    ours = {name for name in names if name and not name.startswith("amq.") and name != TURN}
    for name in ours | {topology.dead_queue(name) for name in ours}:
        asker.refusal(partial(_delete_queue, name))
    for name in ours | {topology.own_exchange(name) for name in ours} | {topology.EVENTS, topology.DEAD}:
        asker.refusal(partial(_delete_exchange, name))


def _delete_queue(name: str, channel: Any) -> None:
    channel.queue_delete(name)


def _delete_exchange(name: str, channel: Any) -> None:
    channel.exchange_delete(name)
