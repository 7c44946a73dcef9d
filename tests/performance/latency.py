"""From a commit to the consumer, against a bare publish and consume on the same quorum queue.

A worker in a process of its own relays. One message is under way at a time, as where cases change rarely.
"""

import itertools
import queue
import statistics
import tempfile
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import pika

from service.publish.amqp import topology
from service.publish.amqp.frames import CONTENT_TYPE
from service.store.relay.notices import Notices
from service.store.store import SqlStore
from tests.performance import house
from tests.performance.lines import Entry, at_most, median, ratios, rounds, spread
from tests.performance.relay import BODY, EXCHANGE, PARTNERS
from tests.publish.made import Office, message

GAP = 0.01
PATIENCE = 60
# sends a message; returns its id, and from when on it is waited for
Send = Callable[[], tuple[str, float]]


class Consumer(threading.Thread):
    """Takes messages as they come, and notes when each was there."""

    def __init__(self, url: str) -> None:
        super().__init__(daemon=True)
        self._url = url
        self._over = threading.Event()
        self._came: queue.SimpleQueue[tuple[str, float]] = queue.SimpleQueue()

    def run(self) -> None:
        """Take all that comes, until it is closed."""
        with pika.BlockingConnection(pika.URLParameters(self._url)) as connection:
            channel = connection.channel()
            for method, properties, _ in channel.consume("harbor", inactivity_timeout=0.5):
                if self._over.is_set():
                    return
                if method is not None:
                    self._came.put((properties.message_id, time.perf_counter()))
                    channel.basic_ack(method.delivery_tag)

    def close(self) -> None:
        """Hang up."""
        self._over.set()
        self.join()

    def came(self, message_id: str) -> float:
        """Wait for a message; return when it was there."""
        while True:
            id_came, at = self._came.get(timeout=PATIENCE)
            if id_came == message_id:
                return at


def run(quick: bool, servers: house.Servers) -> list[Entry]:
    """Measure both lines."""
    count, number = (60, 3) if quick else (1000, 5)
    url = servers.rabbit.create_vhost()
    topology.declare(url, PARTNERS)
    with ExitStack() as stack:
        database = stack.enter_context(house.database(servers))
        office = Office(database)
        stack.callback(office.engine.dispose)
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        worker = house.environment(database, folder, AMQP_URL=url)
        stack.enter_context(house.process(worker, "service", "worker"))
        consumer = Consumer(url)
        consumer.start()
        stack.callback(consumer.close)
        commit = _committing(office)
        publish = _publishing(stack, url)
        relayed, bare = rounds(
            "latency",
            number,
            lambda: _waits(consumer, commit, count),
            lambda: _waits(consumer, publish, count),
        )
    return [
        _line("latency.p50_vs_bare", 50, 3.0, relayed, bare),
        _line("latency.p99_vs_bare", 99, 10.0, relayed, bare),
    ]


def _committing(office: Office) -> Send:
    """Return what commits a message and returns its id, and when it was committed."""
    store = SqlStore(office.engine, notify=Notices(office.engine).give)
    sequences = itertools.count(1)

    def commit() -> tuple[str, float]:
        sent = message("case/1", next(sequences), body=BODY)
        store.transact(lambda unit: unit.resources.emit([sent]))
        return sent.id, time.perf_counter()

    return commit


def _publishing(stack: ExitStack, url: str) -> Send:
    """Return what publishes a message, confirmed, and returns its id, and when it was handed over."""
    connection = stack.enter_context(pika.BlockingConnection(pika.URLParameters(url)))
    channel = connection.channel()
    channel.confirm_delivery()

    def publish() -> tuple[str, float]:
        sent = message(body=BODY)
        properties = pika.BasicProperties(content_type=CONTENT_TYPE, delivery_mode=2, message_id=sent.id)
        began = time.perf_counter()
        channel.basic_publish(EXCHANGE, sent.routing_key, sent.body, properties, mandatory=True)
        return sent.id, began

    return publish


def _waits(consumer: Consumer, send: Send, count: int) -> list[float]:
    """Return how many milliseconds each of many messages took to the consumer."""
    waits = []
    for _ in range(count):
        id_, began = send()
        waits.append((consumer.came(id_) - began) * 1000)
        time.sleep(GAP)
    return waits


def _line(name: str, part: int, budget: float, relayed: list[list[float]], bare: list[list[float]]) -> Entry:
    """Return the line of a percentile, of each side's round by round."""
    ours, theirs = ([percentile(waits, part) for waits in side] for side in (relayed, bare))
    shares = ratios(ours, theirs)
    sides = f"committed {spread(ours)}, bare {spread(theirs)} ms; {len(shares)} rounds of {len(bare[0])}"
    return at_most(name, median(shares), "ratio", budget, f"{spread(shares)}; {sides}")


def percentile(numbers: list[float], part: int) -> float:
    """Return what so many of a hundred do not pass."""
    return statistics.quantiles(numbers, n=100)[part - 1]
