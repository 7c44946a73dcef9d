"""What is declared on RabbitMQ: exchanges, and each partner's queues as its registry names them.

https://www.rabbitmq.com/docs/quorum-queues
"""

from collections.abc import Iterable, Mapping
from functools import cache
from types import MappingProxyType
from typing import Any, Final

from service.errors import Misconfigured
from service.values.scope import DEFAULT, Partner, Queue
from service.wire.amqp import ClosedByBroker, connected, depth

EVENTS: Final = "casebridge.events"
FULL: Final = "casebridge.events.full"
DEAD: Final = "casebridge.dead"
DISCHARGES: Final = "casebridge.discharges"
DELIVERY_LIMIT: Final = 20


def declare(url: str, partners: Iterable[Partner]) -> None:
    """Declare each view's exchanges, each partner's queues, and that of discharges, with dead-letter queues.

    Raises:
        Unavailable: the broker does not answer.
        Misconfigured: something of that name is there already, made otherwise.
    """
    registered = tuple(partners)
    try:
        with connected(url) as connection:
            channel = connection.channel()
            channel.exchange_declare(DEAD, "direct", durable=True)
            for view in (DEFAULT, *(partner.view for partner in registered)):
                for exchange in exchanges(view):
                    channel.exchange_declare(exchange, "topic", durable=True)
            _declare_discharges(channel)
            for partner in registered:
                for queue in partner.queues:
                    _declare(channel, queue, partner.view)
    except ClosedByBroker as exc:
        raise Misconfigured(
            f"The broker refused a declaration ({exc.reply_code}): something of a registered name was made "
            "with other properties, or the right to declare is missing; remove it, rename it, or grant it."
        ) from exc


def depths(url: str, names: Iterable[str]) -> dict[str, int | None]:
    """Return how many messages wait in each queue, None where there is no such queue; raises Unavailable."""
    with connected(url) as connection:
        return {name: depth(connection, name) for name in names}


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
