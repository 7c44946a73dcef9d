"""What partners have at the broker, as an operator declares it and clears it away."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from service.errors import Conflict, Misconfigured
from service.flows.authorization.registered import entries_of
from service.publish.amqp import topology
from service.publish.ports import Drift
from service.settings import Settings
from service.values.access.scope import Queue
from service.values.kept.resources import HeldQueue
from service.wiring.access.registered import has_database, stored
from service.wiring.operator import check, outbox, partners


@dataclass(frozen=True, slots=True)
class LeftOver:
    """A queue at the broker that no partner has any more: how much is in it, and put aside of it."""

    queue: str
    messages: int
    dead: int


@dataclass(frozen=True, slots=True)
class Standing:
    """A partner's queue that is held, or behind: how much it is owed."""

    queue: Queue
    held: HeldQueue | None
    owed: int


def declared(settings: Settings) -> list[Drift]:
    """Declare what is registered; return what was otherwise. Raises Misconfigured and Unavailable."""
    with outbox(settings) as messages:
        return topology.declare(_broker(settings), partners(settings), messages.held())


def standing(settings: Settings, name: str) -> list[Standing]:
    """Return how the queues of a partner stand that are held or owed something; none without a database.

    Raises Misconfigured: the database is not at this release's schema.
    """
    queues = [queue for partner in partners(settings) if partner.name == name for queue in partner.queues]
    if not queues or not has_database(settings):
        return []
    check(settings)
    with outbox(settings) as messages:
        held, debts = messages.held(), messages.debts()
    return [
        Standing(queue, held.get(queue.name), debts.get(queue.name, 0))
        for queue in queues
        if queue.name in held or queue.name in debts
    ]


def definitions(settings: Settings) -> dict[str, Any]:
    """Return what is registered as a broker imports it, for our virtual host; raises Misconfigured."""
    vhost = topology.vhost_of(settings.amqp_url) if settings.amqp_url else "/"
    return topology.definitions(partners(settings), vhost)


def left_over(settings: Settings, named: Iterable[str]) -> list[LeftOver]:
    """Return the queues that we once told and no partner has now, and of those that are named the ones there.

    Raises:
        Conflict: one of those that are named is a partner's, or one by which we are told.
        Unavailable: the broker does not answer.
    """
    registered = {queue.name for partner in partners(settings) for queue in partner.queues}
    ours = registered.union(topology.INBOUND)
    if ours.union(map(topology.dead_queue, ours)).intersection(named):
        raise Conflict("It is in use; take it out of the registry first.", where="--remove")
    known = {
        queue["name"] for entry in entries_of(stored(settings)).values() for queue in entry.get("queues", ())
    }
    with outbox(settings) as messages:
        known |= messages.queues()
    names = sorted((known | set(named)) - registered - {topology.EVENTS})
    depths = topology.depths(_broker(settings), [*names, *map(topology.dead_queue, names)])
    deads = {name: depths[topology.dead_queue(name)] for name in names}
    return [
        LeftOver(name, depths[name] or 0, deads[name] or 0)
        for name in names
        if (depths[name], deads[name]) != (None, None)
    ]


def remove(settings: Settings, queue: str) -> None:
    """Delete a queue with all that is in it and put aside, and what it is owed; raises Unavailable."""
    topology.remove(_broker(settings), queue)
    with outbox(settings) as messages:
        messages.forget_queue(queue)


def _broker(settings: Settings) -> str:
    if settings.amqp_url is None:
        raise Misconfigured("Say which broker, e.g. amqp://host:5672/vhost.", where="CASEBRIDGE_AMQP_URL")
    return settings.amqp_url
