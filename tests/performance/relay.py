"""The relay against a bare windowed pika publisher, and at 2 ms round trip.

Both sides publish the same bodies, persistent and mandatory, to the same quorum queue; the relay publishes
each to the open exchange too.
"""

import contextlib
import selectors
import socket
import threading
import time
from collections import deque
from collections.abc import Iterator
from urllib.parse import urlsplit

import pika

from service.cli.processes.collector import pausing
from service.publish.amqp import rabbit, topology
from service.publish.amqp.frames import CONTENT_TYPE
from service.publish.relay import Relay
from tests.performance import house
from tests.performance.lines import Entry, at_least, median, ratios, rounds, spread
from tests.publish.made import Office, message, partner

CASES = 1000
WINDOW = 500
BODY = b'{"specversion":"1.0","type":"org.casebridge.careplan.updated.v1","data":"' + b"x" * 600 + b'"}'
PARTNERS = (partner(plain=("#",)),)
EXCHANGE = topology.own_exchange("harbor")


class Bare:
    """What pika does at its best: nothing but publish and count confirms, with a window."""

    def __init__(self, url: str, messages: list) -> None:
        self._left, self._tag, self._acked = deque(messages), 0, 0
        self._total = len(messages)
        self.seconds = 0.0
        parameters = pika.URLParameters(url)
        self._connection = pika.SelectConnection(parameters, on_open_callback=self._opened)

    def run(self) -> float:
        """Publish everything and return the seconds it took, connecting not counted."""
        self._connection.ioloop.start()
        return self.seconds

    def _opened(self, connection) -> None:
        connection.channel(on_open_callback=self._confirm)

    def _confirm(self, channel) -> None:
        self._channel = channel
        channel.confirm_delivery(self._on_confirm, callback=self._begin)

    def _begin(self, _frame) -> None:
        self._began = time.perf_counter()
        self._send()

    def _send(self) -> None:
        while self._left and self._tag - self._acked < WINDOW:
            message = self._left.popleft()
            properties = pika.BasicProperties(
                content_type=CONTENT_TYPE, delivery_mode=2, message_id=message.id
            )
            self._channel.basic_publish(
                EXCHANGE, message.routing_key, message.body, properties, mandatory=True
            )
            self._tag += 1

    def _on_confirm(self, frame) -> None:
        method = frame.method
        assert method.NAME == "Basic.Ack"
        # without multiple, tags may come out of order: count them
        self._acked = max(self._acked, method.delivery_tag) if method.multiple else self._acked + 1
        if self._acked >= self._total:
            self.seconds = time.perf_counter() - self._began
            self._connection.ioloop.stop()
        self._send()


class Delay:
    """A TCP proxy that adds a round trip: each chunk leaves half of it after it came."""

    def __init__(self, host: str, port: int, round_trip: float) -> None:
        self._to, self._half = (host, port), round_trip / 2
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self._open: list[socket.socket] = [self._listener]
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        """Cut all connections."""
        for connection in self._open:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
            connection.close()

    def reach(self) -> socket.socket:
        """Connect to what stands behind."""
        return socket.create_connection(self._to)

    def passes(self, way: str) -> bool:
        """Whether something passes, `in` to what stands behind or `out` of it."""
        return True

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                try:
                    broker = self.reach()
                except OSError:
                    client.close()
                    continue
                self._open += [client, broker]
                for connection in (client, broker):
                    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                threading.Thread(target=self._carry, args=(client, broker), daemon=True).start()

    def _carry(self, one: socket.socket, other: socket.socket) -> None:
        due: deque[tuple[float, socket.socket, bytes]] = deque()
        with selectors.DefaultSelector() as selector, contextlib.suppress(OSError):
            selector.register(one, selectors.EVENT_READ, other)
            selector.register(other, selectors.EVENT_READ, one)
            while True:
                wait = max(due[0][0] - time.perf_counter(), 0) if due else None
                for key, _ in selector.select(wait):
                    chunk = key.fileobj.recv(1 << 16)
                    if not chunk:
                        key.data.shutdown(socket.SHUT_WR)
                        return
                    if self.passes("in" if key.fileobj is one else "out"):
                        due.append((time.perf_counter() + self._half, key.data, chunk))
                while due and due[0][0] <= time.perf_counter():
                    _, to, chunk = due.popleft()
                    to.sendall(chunk)


def run(quick: bool, servers: house.Servers) -> list[Entry]:
    """Measure both lines."""
    count, number = (10_000, 3) if quick else (40_000, 5)
    url = servers.rabbit.create_vhost()
    topology.declare(url, PARTNERS)
    with house.database(servers) as database:
        # the collector is as in a worker
        with pausing():
            office = Office(database)
        relayed, bare = rounds(
            "relay.vs_raw",
            number,
            lambda: relay_rate(office, url, made(count)),
            lambda: bare_rate(url, made(count)),
        )
        with delayed(url) as far:
            (slow,) = rounds("relay.rate_2ms", number, lambda: relay_rate(office, far, made(count)))
        office.engine.dispose()
    shares = ratios(relayed, bare)
    sides = f"relay {spread(relayed)}, bare pika {spread(bare)} msg/s; {number} rounds of {count}"
    return [
        at_least("relay.vs_raw", median(shares), "ratio", 0.6, f"{spread(shares)}; {sides}"),
        at_least("relay.rate_2ms", median(slow), "msg/s", 5000, f"{spread(slow)}; over {CASES} cases"),
    ]


def made(count: int) -> list:
    """Messages over all cases."""
    return [message(f"case/{n % CASES}", sequence=n // CASES + 1, body=BODY) for n in range(count)]


def bare_rate(url: str, messages: list) -> float:
    """Messages a second from bare pika. Leaves no messages."""
    seconds = Bare(url, messages).run()
    purge(url)
    return len(messages) / seconds


def relay_rate(office: Office, url: str, messages: list) -> float:
    """Messages a second from committed rows to marked ones; connecting is not counted. Leaves no messages."""
    relay = Relay(office.outbox, rabbit.Rabbit(url, PARTNERS), PARTNERS, lambda *_: None)
    relay.run_once()
    office.emit(*messages)
    began = time.perf_counter()
    relay.run_once()
    seconds = time.perf_counter() - began
    assert office.outbox.backlog() == 0
    relay.close()
    purge(url)
    return len(messages) / seconds


def purge(url: str) -> None:
    """Empty the queue."""
    with pika.BlockingConnection(pika.URLParameters(url)) as connection:
        connection.channel().queue_purge("harbor")


@contextlib.contextmanager
def delayed(url: str) -> Iterator[str]:
    """The broker's URL through a proxy of 2 ms round trip."""
    parts = urlsplit(url)
    proxy = Delay(parts.hostname, parts.port or 5672, 0.002)
    try:
        yield url.replace(f"{parts.hostname}:{parts.port}", f"127.0.0.1:{proxy.port}", 1)
    finally:
        proxy.close()
