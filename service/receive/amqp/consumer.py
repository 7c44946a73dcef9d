"""RabbitMQ: takes deliveries off a queue of ours, one at a time, in order.

A delivery is acknowledged once what came of it is committed, and answered where an answer is wanted. Whoever
ends before that leaves it to the next: it comes again, and the inbox knows it.

https://www.rabbitmq.com/docs/confirms · https://www.rabbitmq.com/docs/consumers#single-active-consumer
"""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass, replace
from itertools import count
from typing import Any, Final

import structlog

from service.errors import CasebridgeError, Unavailable
from service.receive.amqp.taking import DELIVERIES, Delivery, DeliveryResult
from service.supervision import RESTING, supervise
from service.wire import amqp

LOOK_SECONDS: Final = 0.5
TRIES: Final = 10
USER: Final = "casebridge-user"
# https://www.rabbitmq.com/docs/dlx#effects
DEAD_LETTERED: Final = "x-death"
_SHOWN: Final = 20

log = structlog.get_logger()


class _StoppedError(Exception):
    """The worker ends while a delivery is still to be tried again."""


@dataclass(frozen=True, slots=True)
class InboundQueue:
    """Where deliveries wait, and where what cannot be kept goes: an exchange, its key, the queue there.

    `name` is that of what is delivered, as discharges.
    """

    name: str
    queue: str
    dead_exchange: str
    dead_key: str
    dead_queue: str


class Consumer:
    """One thread's work at the broker, another beside it that takes in: a slow message loses no heartbeat."""

    def __init__(
        self,
        connect: Callable[[], AbstractContextManager[Any]],
        queue: InboundQueue,
        take: Callable[[Delivery], DeliveryResult],
        check: Callable[[], None],
    ) -> None:
        """Take a way to a connection to a broker where all is declared, the queue, what takes in.

        `connect` raises Unavailable or Misconfigured; `take` raises Unavailable for what is to be tried
        again; `check` raises when nothing could be kept now, whatever it is.
        """
        self._connect = connect
        self._queue = queue
        self._take = take
        self._check = check
        self._pool = ThreadPoolExecutor(1, queue.name)

    def run(self, stop: threading.Event) -> None:
        """Take in until told to stop; a fallen broker is tried again, with longer and longer pauses."""
        supervise(self._queue.name, lambda: self._turn(stop), stop)
        self._pool.shutdown()

    def waiting(self) -> int:
        """Return how many messages are put aside; raises as `again`."""
        with self._connect() as connection:
            return amqp.depth(connection, self._queue.dead_queue) or 0

    def again(self) -> Iterator[bool]:
        """Take in once more what is put aside now; tell of each whether it is kept, or put aside again.

        Raises:
            Unavailable: broker or database do not answer; what was not told of stays where it is.
        """
        with self._connect() as connection:
            channel = connection.channel()
            channel.confirm_delivery()
            for _ in range(amqp.depth(connection, self._queue.dead_queue) or 0):
                method, properties, body = channel.basic_get(self._queue.dead_queue)
                if method is None:
                    return
                delivery = replace(_delivery(properties, body), user=_user(properties))
                result = self._take_beside_heartbeats(connection, delivery)
                self._settle(channel, delivery, properties, result)
                channel.basic_ack(method.delivery_tag)
                yield not result.why

    def _turn(self, stop: threading.Event) -> float:
        with suppress(_StoppedError), self._connect() as connection:
            self._consume(connection, stop)
        return 0

    def _consume(self, connection: Any, stop: threading.Event) -> None:
        channel = connection.channel()
        channel.confirm_delivery()
        channel.basic_qos(prefetch_count=1)
        for method, properties, body in channel.consume(self._queue.queue, inactivity_timeout=LOOK_SECONDS):
            if method is not None:
                self._handle(connection, channel, properties, body, stop)
                channel.basic_ack(method.delivery_tag)
            if stop.is_set():
                return

    def _handle(
        self, connection: Any, channel: Any, properties: Any, body: bytes, stop: threading.Event
    ) -> None:
        delivery = _delivery(properties, body)
        self._settle(channel, delivery, properties, self._take_with_retries(connection, delivery, stop))

    def _settle(self, channel: Any, delivery: Delivery, properties: Any, result: DeliveryResult) -> None:
        if result.why:
            self._put_aside(channel, delivery, properties, result)
        if result.reply_to and result.answer is not None and result.answer.body:
            self._reply(channel, properties, result)

    def _take_with_retries(
        self, connection: Any, delivery: Delivery, stop: threading.Event
    ) -> DeliveryResult:
        """Take a delivery in, again and again while that cannot be done now: those behind it wait."""
        for tries in count():
            try:
                return self._take_beside_heartbeats(connection, delivery)
            except Unavailable as error:
                if tries >= TRIES and self._could():
                    log.warning("delivery_given_up", tries=tries)
                    return DeliveryResult(why=error.issues)
                DELIVERIES.labels("retried").inc()
                left = RESTING.after(tries)
                log.warning("delivery_waits", pause=left)
            while left > 0:
                if stop.is_set():
                    raise _StoppedError
                connection.sleep(min(left, LOOK_SECONDS))
                left -= LOOK_SECONDS
        raise AssertionError("counting does not end")

    def _could(self) -> bool:
        """Whether others could be kept now: then what fails again and again holds them up for nothing."""
        try:
            self._check()
        except CasebridgeError:
            return False
        return True

    def _take_beside_heartbeats(self, connection: Any, delivery: Delivery) -> DeliveryResult:
        future = self._pool.submit(self._take, delivery)
        future.add_done_callback(lambda _: amqp.wake(connection))
        try:
            while not future.done():
                connection.process_data_events(LOOK_SECONDS)
        finally:
            # a connection that is lost leaves nothing behind that runs beside the next delivery
            wait((future,))
        return future.result()

    def _put_aside(self, channel: Any, delivery: Delivery, properties: Any, result: DeliveryResult) -> None:
        """Publish what cannot be kept where an operator finds it, with the reasons; confirmed and routed."""
        reasons = {
            "casebridge-reason": [_sentence(issue.where, issue.what) for issue in result.why[:_SHOWN]],
            USER: delivery.user,
            "casebridge-correlation": result.correlation,
        }
        # the broker takes no user-id but our own
        members = {name: value for name, value in vars(properties).items() if name != "user_id"}
        theirs = {
            name: header for name, header in (properties.headers or {}).items() if name != DEAD_LETTERED
        }
        members |= {"headers": {**theirs, **reasons}, "delivery_mode": 2, "expiration": None}
        copy = amqp.Properties(**members)
        channel.basic_publish(
            self._queue.dead_exchange, self._queue.dead_key, delivery.body, copy, mandatory=True
        )

    def _reply(self, channel: Any, properties: Any, result: DeliveryResult) -> None:
        """Send an answer to a queue; one that is gone, or full, is its owner's affair."""
        assert result.answer is not None, "there is something to send"
        about = properties.correlation_id or properties.message_id
        headers = {**result.headers, "casebridge-status": result.answer.status}
        reply = amqp.Properties(result.answer.media_type, None, headers, 2, correlation_id=about)
        amqp.offer(channel, result.reply_to, result.answer.body, reply)


def _delivery(properties: Any, body: bytes) -> Delivery:
    return Delivery(
        body,
        _text(properties.content_type),
        _text(properties.user_id),
        _text(properties.message_id),
        _text(properties.reply_to),
        _text(properties.content_encoding),
        _text(properties.type),
        properties.headers or {},
    )


def _text(told: Any) -> str:
    # what is no UTF-8 pika leaves as bytes
    return told if isinstance(told, str) else ""


def _user(properties: Any) -> str:
    """Return who sent what is put aside: by its user-id, or if we put it there, by what we said of it.

    Of what the broker put there our header is anybody's word: it marks that, and we take its mark off.
    """
    headers = properties.headers or {}
    user = properties.user_id if DEAD_LETTERED in headers else headers.get(USER)
    return user if isinstance(user, str) else ""


def _sentence(where: str, what: str) -> str:
    return f"{where}: {what}" if where else what
