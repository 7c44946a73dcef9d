"""RabbitMQ through pika: a channel with confirms that keeps many in flight.

https://www.rabbitmq.com/docs/confirms
"""

import time
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import suppress
from itertools import takewhile
from typing import Any, Final

import pika
from pika.exceptions import AMQPError, ChannelClosedByBroker

from service.errors import Unavailable
from service.publish.amqp.frames import Frames, acks
from service.publish.amqp.topology import declare, depths, unbind
from service.publish.ports import ChannelClosed, Copy, Drift, Settlement
from service.values.access.scope import Partner
from service.wire.amqp import AWAY, CONNECT_SECONDS, NO_SUCH_QUEUE, ClosedByBroker, connected, parameters

CONFIRM_SECONDS: Final = 30.0
SILENCE_SECONDS: Final = 10.0
SILENCE_AFTER: Final = 1.0
_TOO_LARGE: Final = frozenset({311, 406})


class Rabbit:
    """A broker, by its URL, and what is registered there."""

    def __init__(self, url: str, partners: Iterable[Partner]) -> None:
        """Take the URL and the partner registry, which may change; nothing is connected yet."""
        self._url = url
        self._partners = partners
        self._held: frozenset[str] = frozenset()

    def declare(self) -> list[Drift]:
        """Declare what is registered, and return what was otherwise; raises Unavailable."""
        return declare(self._url, self._partners, self._held)

    def hold(self, queues: Collection[str]) -> None:
        """Unbind these queues, and keep them so; raises Unavailable."""
        new, self._held = frozenset(queues) - self._held, frozenset(queues)
        if new:
            unbind(self._url, new)

    def depths(self, queues: Collection[str]) -> dict[str, int | None]:
        """Return how many messages wait in queues, None where there is no such queue; raises Unavailable."""
        return depths(self._url, queues)

    def connect(self) -> "RabbitPublisher":
        """Return a publisher on a connection of its own; raises Unavailable."""
        return RabbitPublisher(self._url)


class _Connection(pika.SelectConnection):  # type: ignore[misc]
    """Takes confirms many at a time, where pika would call back for each through four layers."""

    acked: Callable[[list[tuple[int, bool]]], None] | None = None
    confirming = 0
    _frame_buffer: bytes

    def _on_data_available(self, data_in: bytes) -> None:
        """Take the confirms that come first; all else, and the confirms behind it, pika reads itself."""
        rest = self._frame_buffer + data_in
        if self.acked is not None:
            data = rest
            taken, rest = acks(data, self.confirming)
            # by these pika knows that the broker is there
            self.bytes_received += len(data) - len(rest)
            if taken:
                self.acked(taken)
        self._frame_buffer = b""
        super()._on_data_available(rest)


class RabbitPublisher:
    """One connection and channel in confirm mode, driven by the caller's thread inside `settle`."""

    def __init__(self, url: str) -> None:
        """Connect; raises Unavailable when the broker does not answer in time."""
        self._sent: dict[int, tuple[float, str, str]] = {}
        self._returned: set[tuple[str, str]] = set()
        self._outcomes: list[tuple[int, Settlement]] = []
        self._tag = 0
        self._heard = 0.0
        self._unwritten: list[bytes] = []
        self._frames: Frames  # once the channel is open
        self._channel: Any = None
        self._ready = False
        self._lost: BaseException | None = None
        self._connection = _Connection(
            parameters(url),
            on_open_callback=self._on_open,
            on_open_error_callback=self._on_channel_closed,
            on_close_callback=self._on_channel_closed,
        )
        self._loop: Any = self._connection.ioloop
        self._loop.activate_poller()
        deadline = time.monotonic() + CONNECT_SECONDS
        while not self._ready and self._lost is None and time.monotonic() < deadline:
            self._poll(0.1)
        if not self._ready:
            self.close()
            raise Unavailable(AWAY) from self._lost

    def send(self, copy: Copy) -> int:
        """Put a copy on the wire, persistent, and return its delivery tag."""
        self._check()
        self._unwritten.append(self._frames.of(copy))
        self._tag += 1
        self._sent[self._tag] = (time.monotonic(), copy.exchange, copy.id)
        return self._tag

    def settle(self, seconds: float) -> list[tuple[int, Settlement]]:
        """Wait up to `seconds` for something from the broker; return what has been decided."""
        self._check()
        self._write()
        if not self._outcomes:
            self._poll(seconds)
        if not self._outcomes:
            self._check()
        self._watch()
        decided, self._outcomes = self._outcomes, []
        return decided

    def close(self) -> None:
        """Hang up without waiting for confirms."""
        with suppress(AMQPError, OSError):
            if self._connection.is_open:
                self._connection.close()
                deadline = time.monotonic() + 1
                while not self._connection.is_closed and time.monotonic() < deadline:
                    self._poll(0.05)
            if not self._connection.is_closed:
                # the broker does not answer; nothing public ends it without an answer
                self._connection._adapter_disconnect_stream()  # noqa: SLF001
                self._poll(0)
        with suppress(AMQPError, OSError):
            self._loop.deactivate_poller()
            self._loop.close()

    def _write(self) -> None:
        """Hand all frames to the socket at once: basic_publish makes three system calls of each message."""
        if not self._unwritten:
            return
        frames, self._unwritten = b"".join(self._unwritten), []
        try:
            self._connection._output_marshaled_frames([frames])  # noqa: SLF001 - nothing public takes a batch
        except (AMQPError, OSError) as exc:
            self._lost = self._lost or exc

    def _poll(self, seconds: float) -> None:
        try:
            timer = self._loop.call_later(seconds, _nothing)
            self._loop.poll()
            self._loop.process_timeouts()
            self._loop.remove_timeout(timer)
        except (AMQPError, OSError) as exc:
            self._lost = self._lost or exc

    def _on_open(self, connection: Any) -> None:
        self._channel = connection.channel(on_open_callback=self._prepare)

    def _prepare(self, channel: Any) -> None:
        channel.add_on_close_callback(self._on_channel_closed)
        channel.add_on_return_callback(self._come_back)
        channel.confirm_delivery(self._on_confirm, callback=self._confirming)

    def _confirming(self, _frame: object) -> None:
        self._frames = Frames(self._channel.channel_number, self._connection.params.frame_max)
        self._connection.confirming = self._channel.channel_number
        self._connection.acked = self._decide
        self._ready = True

    def _on_channel_closed(self, _what: object, reason: BaseException) -> None:
        self._lost = self._lost or reason

    def _come_back(self, _channel: object, method: Any, properties: Any, _body: bytes) -> None:
        self._returned.add((method.exchange, properties.message_id))

    def _on_confirm(self, frame: Any) -> None:
        method = frame.method
        outcome: Settlement = "routed" if method.NAME == "Basic.Ack" else "nacked"
        self._decide([(method.delivery_tag, method.multiple)], outcome)

    def _decide(self, confirms: Iterable[tuple[int, bool]], outcome: Settlement = "routed") -> None:
        self._heard = time.monotonic()
        for last, multiple in confirms:
            for tag in self._until(last) if multiple else (last,):
                sent = self._sent.pop(tag, None)
                if sent is None:
                    continue
                if self._returned and sent[1:] in self._returned:
                    self._returned.discard(sent[1:])
                    # an unroutable message is acked too, after it was returned
                    self._outcomes.append((tag, "returned" if outcome == "routed" else outcome))
                else:
                    self._outcomes.append((tag, outcome))

    def _until(self, last: int) -> list[int]:
        """Return the delivery tags up to one that nothing was decided of."""
        return list(takewhile(lambda tag: tag <= last, self._sent))

    def _check(self) -> None:
        if self._lost is None:
            return
        if isinstance(self._lost, ChannelClosedByBroker) and self._lost.reply_code in _TOO_LARGE:
            raise ChannelClosed(f"The broker refused it ({self._lost.reply_code}).") from self._lost
        raise Unavailable("The connection to the broker is lost.") from self._lost

    def _watch(self) -> None:
        """Tell of the oldest copy that is not confirmed in time, of all when no later one is either.

        A queue that does not answer may block the whole of a channel that is new to it.
        """
        if not self._sent:
            return
        tag, (sent, _, _) = next(iter(self._sent.items()))
        if time.monotonic() - sent <= CONFIRM_SECONDS:
            return
        for silent in [tag] if self._heard > sent else list(self._sent):
            del self._sent[silent]
            self._outcomes.append((silent, "silent"))


def _nothing() -> None:
    """Wake the poll."""


def take_until(url: str, queue: str, last: str) -> Iterator[bytes]:
    """Take the messages of a queue off it, until one of routing key `last` has come and then silence.

    Ends without it after ten seconds of silence; waits as long for the queue to be declared.

    Raises:
        Unavailable: the broker does not answer, or has no such queue.
    """
    deadline = time.monotonic() + SILENCE_SECONDS
    while True:
        try:
            yield from _take_messages(url, queue, last)
        except ClosedByBroker as exc:
            if exc.reply_code != NO_SUCH_QUEUE or time.monotonic() > deadline:
                raise Unavailable(f"The broker gives nothing from the queue {queue}.") from exc
            time.sleep(0.2)
        else:
            return


def _take_messages(url: str, queue: str, last: str) -> Iterator[bytes]:
    with connected(url) as connection:
        channel = connection.channel()
        silence = SILENCE_SECONDS
        while True:
            method, _, body = next(channel.consume(queue, inactivity_timeout=silence))
            if method is None:
                return
            channel.basic_ack(method.delivery_tag)
            silence = SILENCE_AFTER if method.routing_key == last else silence
            yield body
