"""What is declared on RabbitMQ: exchanges, and each partner's queues as its registry names them.

https://www.rabbitmq.com/docs/quorum-queues
"""

from collections.abc import Iterable, Mapping
from functools import cache
from types import MappingProxyType
from typing import Any, Final

import pika
from pika.exceptions import AMQPError, ChannelClosedByBroker

from service.errors import Misconfigured, Unavailable
from service.values.scope import DEFAULT, Partner, Queue

EVENTS: Final = "casebridge.events"
FULL: Final = "casebridge.events.full"
DEAD: Final = "casebridge.dead"
DISCHARGES: Final = "casebridge.discharges"
DELIVERY_LIMIT: Final = 20
CONNECT_SECONDS: Final = 10.0
HEARTBEAT_SECONDS: Final = 60
BLOCKED_SECONDS: Final = 20
NO_SUCH_QUEUE: Final = 404


def declare(url: str, partners: Iterable[Partner]) -> None:
    """Declare each view's exchanges, each partner's queues, and that of discharges, with dead-letter queues.

    Raises:
        Unavailable: the broker does not answer.
        Misconfigured: something of that name is there already, made otherwise.
    """
    registered = tuple(partners)
    try:
        with pika.BlockingConnection(parameters(url)) as connection:
            channel = connection.channel()
            channel.exchange_declare(DEAD, "direct", durable=True)
            for view in (DEFAULT, *(partner.view for partner in registered)):
                for exchange in exchanges(view):
                    channel.exchange_declare(exchange, "topic", durable=True)
            _declare_discharges(channel)
            for partner in registered:
                for queue in partner.queues:
                    _declare(channel, queue, partner.view)
    except ChannelClosedByBroker as exc:
        raise Misconfigured(
            f"The broker refused a declaration ({exc.reply_code}): something of a registered name was made "
            "with other properties, or the right to declare is missing; remove it, rename it, or grant it."
        ) from exc
    except (AMQPError, OSError) as exc:
        raise Unavailable("The broker does not answer; look whether it runs.") from exc


def depths(url: str, names: Iterable[str]) -> dict[str, int | None]:
    """Return how many messages wait in each queue, None where there is no such queue; raises Unavailable."""
    try:
        with pika.BlockingConnection(parameters(url)) as connection:
            return {name: _depth(connection, name) for name in names}
    except (AMQPError, OSError) as exc:
        raise Unavailable("The broker does not answer; look whether it runs.") from exc


def _depth(connection: Any, name: str) -> int | None:
    # asking for a queue that is not there ends the channel
    channel = connection.channel()
    try:
        depth = int(channel.queue_declare(name, passive=True).method.message_count)
    except ChannelClosedByBroker as exc:
        if exc.reply_code != NO_SUCH_QUEUE:
            raise
        return None
    channel.close()
    return depth


@cache
def exchanges(view: str) -> tuple[str, str]:
    """The exchanges of a view: of its messages, and of those that carry the resource."""
    return (EVENTS, FULL) if view == DEFAULT else (f"casebridge.view.{view}", f"casebridge.view.{view}.full")


def _declare(channel: Any, queue: Queue, view: str) -> None:
    _declare_with_dead(channel, queue.name)
    plain, full = exchanges(view)
    for binding in queue.bindings:
        channel.queue_bind(queue.name, full if binding.full_resource else plain, binding.pattern)


def _declare_discharges(channel: Any) -> None:
    """Declare the queue of discharges, and an exchange that leads to it alone: the right to send is its."""
    # several workers, one at a time: what a hospital sends stays in order
    _declare_with_dead(channel, DISCHARGES, {"x-single-active-consumer": True})
    channel.exchange_declare(DISCHARGES, "fanout", durable=True)
    channel.queue_bind(DISCHARGES, DISCHARGES)


def _declare_with_dead(channel: Any, name: str, more: Mapping[str, Any] = MappingProxyType({})) -> None:
    dead = f"{name}.dead"
    channel.queue_declare(dead, durable=True, arguments={"x-queue-type": "quorum"})
    channel.queue_bind(dead, DEAD, name)
    arguments = {
        **more,
        "x-queue-type": "quorum",
        "x-delivery-limit": DELIVERY_LIMIT,
        "x-dead-letter-exchange": DEAD,
        "x-dead-letter-routing-key": name,
        # without both, dead-lettering is at most once
        "x-dead-letter-strategy": "at-least-once",
        "x-overflow": "reject-publish",
    }
    channel.queue_declare(name, durable=True, arguments=arguments)


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
