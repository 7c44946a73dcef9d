"""What is declared on RabbitMQ: the open exchange, and each registered queue with an exchange of its own.

A publish to an exchange that feeds several queues is confirmed when all of them have it, and refused when one
of them refuses it. So each registered queue is told by itself, and the broker's answer is that queue's alone.

https://www.rabbitmq.com/docs/quorum-queues · https://www.rabbitmq.com/docs/confirms#when-publishes-are-confirmed
"""

from collections.abc import Iterable, Mapping
from functools import partial
from types import MappingProxyType
from typing import Any, Final

from service.publish.ports import Drift
from service.values.scope import DEFAULT, Partner, Queue
from service.wire.amqp import NO_SUCH_QUEUE, Asker, connected, depth

EVENTS: Final = "casebridge.events"
DEAD: Final = "casebridge.dead"
DISCHARGES: Final = "casebridge.discharges"
DELIVERY_LIMIT: Final = 20


def declare(url: str, partners: Iterable[Partner]) -> list[Drift]:
    """Declare all exchanges and queues, and return what the broker had otherwise; raises Unavailable.

    One that cannot be declared keeps no other from it.
    """
    drifts = []
    with connected(url) as connection:
        asker = Asker(connection)
        asker.refusal(_declare_dead)
        if asker.refusal(_declare_discharges):
            drifts.append(Drift(DISCHARGES, "otherwise"))
        if asker.refusal(partial(_declare_topic, EVENTS)):
            drifts.append(Drift(EVENTS, "otherwise"))
            if asker.refusal(lambda channel: channel.exchange_declare(EVENTS, passive=True)):
                drifts.append(Drift(EVENTS, "unreachable"))
        for partner in partners:
            for queue in partner.queues:
                drifts += _declare_queue(asker, queue, partner.view)
    return drifts


def declare_discharges(url: str) -> None:
    """Declare the queue of discharges and its dead-letter queue.

    Raises:
        Unavailable: the broker does not answer, or refuses it (ClosedByBroker).
    """
    with connected(url) as connection:
        channel = connection.channel()
        _declare_dead(channel)
        _declare_discharges(channel)


def depths(url: str, names: Iterable[str]) -> dict[str, int | None]:
    """Return how many messages wait in each queue, None where there is no such queue; raises Unavailable."""
    with connected(url) as connection:
        return {name: depth(connection, name) for name in names}


def own_exchange(queue: str) -> str:
    """The exchange through which a registered queue is told."""
    return f"casebridge.to.{queue}"


def _declare_queue(asker: Asker, queue: Queue, view: str) -> list[Drift]:
    own, drifts = own_exchange(queue.name), []
    if asker.refusal(lambda channel: channel.queue_declare(queue.name, passive=True)) == NO_SUCH_QUEUE:
        drifts.append(Drift(queue.name, "missing"))
    if asker.refusal(partial(_declare_with_dead, queue.name)):
        drifts.append(Drift(queue.name, "otherwise"))
    asker.refusal(lambda channel: channel.exchange_declare(own, "fanout", durable=True))
    if asker.refusal(lambda channel: channel.queue_bind(queue.name, own)):
        drifts.append(Drift(queue.name, "unreachable"))
    elif view == DEFAULT:
        # the release before told all queues by the open exchange: what comes there would come twice
        for binding in queue.bindings:
            asker.refusal(partial(_unbind, queue.name, binding.pattern))
    return drifts


def _declare_dead(channel: Any) -> None:
    channel.exchange_declare(DEAD, "direct", durable=True)


def _declare_topic(name: str, channel: Any) -> None:
    channel.exchange_declare(name, "topic", durable=True)


def _unbind(queue: str, pattern: str, channel: Any) -> None:
    channel.queue_unbind(queue, EVENTS, pattern)


def _declare_discharges(channel: Any) -> None:
    """Declare the queue of discharges, and an exchange that leads to it alone: the right to send is its."""
    # several workers, one at a time: what a hospital sends stays in order
    _declare_with_dead(DISCHARGES, channel, {"x-single-active-consumer": True})
    channel.exchange_declare(DISCHARGES, "fanout", durable=True)
    channel.queue_bind(DISCHARGES, DISCHARGES)


def _declare_with_dead(name: str, channel: Any, more: Mapping[str, Any] = MappingProxyType({})) -> None:
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
