"""What is declared on RabbitMQ: the open exchange, and each registered queue with an exchange of its own.

A publish to an exchange that feeds several queues is confirmed when all of them have it, and refused when one
of them refuses it. So each registered queue is told by itself, and the broker's answer is that queue's alone.

https://www.rabbitmq.com/docs/quorum-queues · https://www.rabbitmq.com/docs/confirms#when-publishes-are-confirmed
"""

from collections.abc import Collection, Iterable, Mapping
from functools import partial
from types import MappingProxyType
from typing import Any, Final

from service.publish.ports import Drift
from service.values.access.scope import DEFAULT, Partner, Queue
from service.wire.amqp import (
    NO_SUCH_QUEUE,
    NOT_ALLOWED,
    Asker,
    ClosedByBroker,
    connected,
    depth,
    parameters,
)

EVENTS: Final = "casebridge.events"
DEAD: Final = "casebridge.dead"
DISCHARGES: Final = "casebridge.discharges"
CASES: Final = "casebridge.cases"
INBOUND: Final = (DISCHARGES, CASES)
"""The queues by which we are told, each with an exchange of its name."""
DELIVERY_LIMIT: Final = 20
QUORUM: Final[Mapping[str, Any]] = MappingProxyType({"x-queue-type": "quorum"})
SEGMENT_BYTES: Final = 20_000_000
"""A stream lets go a whole segment of this size, once a later one is begun."""
# several workers, one at a time: what a hospital sends stays in order
ONE_AT_A_TIME: Final[Mapping[str, Any]] = MappingProxyType({"x-single-active-consumer": True})


def declare(url: str, partners: Iterable[Partner], held: Collection[str] = ()) -> list[Drift]:
    """Declare all exchanges and queues, and return what the broker had otherwise; raises Unavailable.

    Queues that are held are unbound, all others bound. One that cannot be declared keeps no other from it.
    What we may not declare, but is there, is no drift: somebody else has imported it (`definitions`).
    """
    with connected(url) as connection:
        asker = Asker(connection)
        asker.refusal(_declare_dead)
        drifts = [
            Drift(name, "otherwise")
            for name in INBOUND
            if asker.refusal(partial(_declare_inbound, name)) not in {None, NOT_ALLOWED}
        ]
        refusal = asker.refusal(partial(_declare_topic, EVENTS))
        if refusal is not None:
            if refusal != NOT_ALLOWED:
                drifts.append(Drift(EVENTS, "otherwise"))
            if asker.refusal(lambda channel: channel.exchange_declare(EVENTS, passive=True)):
                drifts.append(Drift(EVENTS, "unreachable"))
        for partner in partners:
            for queue in partner.queues:
                drifts += _declare_queue(asker, queue, partner.view, held)
    return drifts


def declare_inbound(url: str, name: str) -> None:
    """Declare a queue by which we are told, and its dead-letter queue; who may not takes it as it is.

    Raises:
        Unavailable: the broker does not answer, or refuses it (ClosedByBroker).
    """
    with connected(url) as connection:
        asker = Asker(connection)
        asker.refusal(_declare_dead)
        code = asker.refusal(partial(_declare_inbound, name))
        if code == NOT_ALLOWED:
            code = asker.refusal(lambda channel: channel.queue_declare(name, passive=True))
        if code is not None:
            raise ClosedByBroker(code)


def unbind(url: str, queues: Iterable[str]) -> None:
    """Have queues told nothing by their exchanges; who may not has them as they are. Raises Unavailable."""
    with connected(url) as connection:
        asker = Asker(connection)
        for queue in queues:
            asker.refusal(partial(_unbind_own, queue))


def remove(url: str, queue: str) -> None:
    """Delete a queue, its dead-letter queue and its exchange, with what is in them; raises Unavailable."""
    with connected(url) as connection:
        channel = connection.channel()
        channel.exchange_delete(own_exchange(queue))
        channel.queue_delete(queue)
        channel.queue_delete(dead_queue(queue))


def definitions(partners: Iterable[Partner], vhost: str) -> dict[str, list[dict[str, Any]]]:
    """Return what `declare` declares as a broker imports it: https://www.rabbitmq.com/docs/definitions."""
    registered = {queue.name: queue for partner in partners for queue in partner.queues}
    names = list(registered)
    exchanges = {DEAD: "direct", EVENTS: "topic", **dict.fromkeys(INBOUND, "fanout")}
    exchanges |= {own_exchange(name): "fanout" for name in names}
    queues = {name: _arguments(name, ONE_AT_A_TIME) for name in INBOUND}
    queues |= {name: _own_arguments(queue) for name, queue in registered.items()}
    read_once = [name for name in queues if name not in registered or registered[name].stream is None]
    bindings = [(DEAD, dead_queue(name), name) for name in read_once]
    bindings += [(name, name, "") for name in INBOUND]
    bindings += [(own_exchange(name), name, "") for name in names]
    queues |= {dead_queue(name): dict(QUORUM) for name in read_once}
    lasting = {"vhost": vhost, "durable": True, "auto_delete": False}
    return {
        "exchanges": [
            {"name": name, "type": kind, **lasting, "internal": False, "arguments": {}}
            for name, kind in exchanges.items()
        ],
        "queues": [{"name": name, **lasting, "arguments": arguments} for name, arguments in queues.items()],
        "bindings": [
            {
                "source": source,
                "vhost": vhost,
                "destination": queue,
                "destination_type": "queue",
                "routing_key": key,
                "arguments": {},
            }
            for source, queue, key in bindings
        ],
    }


def vhost_of(url: str) -> str:
    """Return the virtual host that an AMQP URL names; raises Misconfigured."""
    return str(parameters(url).virtual_host)


def depths(url: str, names: Iterable[str]) -> dict[str, int | None]:
    """Return how many messages wait in each queue, None where there is no such queue; raises Unavailable."""
    with connected(url) as connection:
        return {name: depth(connection, name) for name in names}


def own_exchange(queue: str) -> str:
    """The exchange through which a registered queue is told."""
    return f"casebridge.to.{queue}"


def dead_queue(queue: str) -> str:
    """The queue of what the readers of another have put aside."""
    return f"{queue}.dead"


def _declare_queue(asker: Asker, queue: Queue, view: str, held: Collection[str]) -> list[Drift]:
    own, drifts = own_exchange(queue.name), []
    if asker.refusal(lambda channel: channel.queue_declare(queue.name, passive=True)) == NO_SUCH_QUEUE:
        drifts.append(Drift(queue.name, "missing"))
    if asker.refusal(partial(_declare_own, queue)) not in {None, NOT_ALLOWED}:
        drifts.append(Drift(queue.name, "otherwise"))
    asker.refusal(lambda channel: channel.exchange_declare(own, "fanout", durable=True))
    if queue.name in held:
        asker.refusal(partial(_unbind_own, queue.name))
        return drifts
    code = asker.refusal(lambda channel: channel.queue_bind(queue.name, own))
    if code == NOT_ALLOWED:
        # whether it is bound, only what comes back tells
        code = asker.refusal(lambda channel: channel.exchange_declare(own, passive=True))
    if code is not None:
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


def _unbind_own(queue: str, channel: Any) -> None:
    # the one that is imported has no key, the one that is declared has the queue's name
    for key in ("", queue):
        channel.queue_unbind(queue, own_exchange(queue), key)


def _declare_inbound(name: str, channel: Any) -> None:
    """Declare a queue by which we are told, and an exchange to it alone: the right to send is its."""
    _declare_with_dead(name, channel, ONE_AT_A_TIME)
    channel.exchange_declare(name, "fanout", durable=True)
    channel.queue_bind(name, name)


def _declare_own(queue: Queue, channel: Any) -> None:
    """Declare a queue; a stream has no dead letters, for nothing is taken out of it."""
    if queue.stream is None:
        _declare_with_dead(queue.name, channel)
    else:
        channel.queue_declare(queue.name, durable=True, arguments=_own_arguments(queue))


def _declare_with_dead(name: str, channel: Any, more: Mapping[str, Any] = MappingProxyType({})) -> None:
    channel.queue_declare(dead_queue(name), durable=True, arguments=dict(QUORUM))
    channel.queue_bind(dead_queue(name), DEAD, name)
    channel.queue_declare(name, durable=True, arguments=_arguments(name, more))


def _arguments(name: str, more: Mapping[str, Any] = MappingProxyType({})) -> dict[str, Any]:
    return {
        **more,
        **QUORUM,
        "x-delivery-limit": DELIVERY_LIMIT,
        "x-dead-letter-exchange": DEAD,
        "x-dead-letter-routing-key": name,
        # without both, dead-lettering is at most once
        "x-dead-letter-strategy": "at-least-once",
        "x-overflow": "reject-publish",
    }


def _own_arguments(queue: Queue) -> dict[str, Any]:
    if queue.stream is None:
        return _arguments(queue.name)
    kept = {"x-max-age": queue.stream.max_age, "x-max-length-bytes": queue.stream.max_bytes}
    return {
        "x-queue-type": "stream",
        "x-stream-max-segment-size-bytes": SEGMENT_BYTES,
        **{name: value for name, value in kept.items() if value is not None},
    }
