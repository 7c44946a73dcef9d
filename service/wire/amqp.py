"""AMQP 0-9-1 without meaning: the one way to a broker, through pika, and what is asked of it there.

Who publishes with many unconfirmed at a time drives a connection of its own (`publish.rabbit`).
https://www.rabbitmq.com/docs/channels#error-handling
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any, Final

import pika
from pika.adapters.utils.connection_workflow import AMQPConnectorException
from pika.exceptions import AMQPError, ChannelClosedByBroker, NackError, UnroutableError

from service.errors import Misconfigured, Unavailable

CONNECT_SECONDS: Final = 10.0
HEARTBEAT_SECONDS: Final = 60
BLOCKED_SECONDS: Final = 20
NO_SUCH_QUEUE: Final = 404
NOT_ALLOWED: Final = 403
AWAY: Final = "The broker does not answer; look whether it runs."

Properties: Final = pika.BasicProperties
"""The properties of a message, by the names that AMQP gives them."""


class ClosedByBroker(Unavailable):
    """The broker ended a channel; `reply_code` is AMQP's."""

    def __init__(self, reply_code: int) -> None:
        """Take the broker's code."""
        super().__init__(f"The broker refused it ({reply_code}).")
        self.reply_code = reply_code


def parameters(url: str) -> Any:
    """Return connection parameters with our deadlines.

    Raises:
        Misconfigured: the URL cannot be read; it is not quoted, for it may hold a password.
    """
    try:
        read: Any = pika.URLParameters(url)
    except (ValueError, TypeError, KeyError) as exc:
        raise Misconfigured(
            "Not an AMQP URL; write amqp://user:password@host:5672/vhost.", where="CASEBRIDGE_AMQP_URL"
        ) from exc
    read.heartbeat = HEARTBEAT_SECONDS
    read.blocked_connection_timeout = BLOCKED_SECONDS
    read.socket_timeout = read.stack_timeout = CONNECT_SECONDS
    return read


@contextmanager
def connected(url: str) -> Iterator[Any]:
    """Give a connection that waits for each answer of the broker; it is closed after the block.

    Raises:
        Misconfigured: as `parameters`.
        ClosedByBroker: the broker refused something that was asked in the block.
        Unavailable: the broker does not answer, or no more.
    """
    try:
        with pika.BlockingConnection(parameters(url)) as connection:
            yield connection
    except ChannelClosedByBroker as exc:
        raise ClosedByBroker(exc.reply_code) from exc
    # one that takes the connection and says nothing is no AMQPError to pika
    except (AMQPError, AMQPConnectorException, OSError) as exc:
        raise Unavailable(AWAY) from exc


class Asker:
    """Asks a broker one thing after the other; a refusal ends the channel, so what follows has a new one."""

    def __init__(self, connection: Any) -> None:
        """Take a connection that waits for each answer."""
        self._connection = connection
        self._channel = connection.channel()

    def refusal(self, ask: Callable[[Any], None]) -> int | None:
        """Ask something on a channel; return the broker's reply code if it refuses, None if it does not."""
        try:
            ask(self._channel)
        except ChannelClosedByBroker as exc:
            self._channel = self._connection.channel()
            return int(exc.reply_code)
        return None


def depth(connection: Any, queue: str) -> int | None:
    """Return how many messages wait in a queue, None where there is no such queue."""
    # asking for a queue that is not there ends the channel
    channel = connection.channel()
    try:
        count = int(channel.queue_declare(queue, passive=True).method.message_count)
    except ChannelClosedByBroker as exc:
        if exc.reply_code != NO_SUCH_QUEUE:
            raise
        return None
    channel.close()
    return count


def offer(channel: Any, queue: str, body: bytes, properties: Any) -> None:
    """Publish to a queue, if it is there and takes it."""
    with suppress(NackError):
        channel.basic_publish("", queue, body, properties)


def place(channel: Any, queue: str, body: bytes, properties: Any) -> bool:
    """Publish to a queue on a channel that confirms; return whether it is there and took it."""
    try:
        channel.basic_publish("", queue, body, properties, mandatory=True)
    except (NackError, UnroutableError):
        return False
    return True


def wake(connection: Any) -> None:
    """End another thread's wait for the broker on a connection."""
    with suppress(AMQPError):
        connection.add_callback_threadsafe(_nothing)


def _nothing() -> None:
    """Wake the connection."""
