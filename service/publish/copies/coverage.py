"""Which queues a message goes to: the registered bindings, by the rules of a topic exchange.

https://www.rabbitmq.com/tutorials/amqp-concepts#exchange-topic
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache

from service.publish.amqp.topology import EVENTS, own_exchange
from service.publish.copies.readers import Reader, reader_of
from service.publish.ports import Copy, Misfit, Settlement
from service.values.access.scope import DEFAULT, Binding, Partner
from service.values.kept.resources import NumberedMessage


def matches(pattern: str, routing_key: str) -> bool:
    """Tell whether a topic pattern covers a key: `*` stands for one word, `#` for none or more."""
    return _matches(tuple(pattern.split(".")), tuple(routing_key.split(".")))


@cache
def _matches(pattern: tuple[str, ...], words: tuple[str, ...]) -> bool:
    if not pattern:
        return not words
    head, rest = pattern[0], pattern[1:]
    if head == "#":
        return _matches(rest, words) or (bool(words) and _matches(pattern, words[1:]))
    return bool(words) and head in {"*", words[0]} and _matches(rest, words[1:])


@dataclass(frozen=True, slots=True)
class Route:
    """Where a copy goes: to a registered queue by its own exchange, or to whoever binds to the open one.

    `queue` is its name in what is owed; of the open exchange it is the exchange's. A mandatory copy that
    reaches no queue comes back.
    """

    queue: str
    exchange: str
    full: bool = False
    mandatory: bool = True

    def copy_of(self, row: NumberedMessage, previous: int | None) -> Copy:
        """Return the message as it goes there, behind another; one without the resource goes without it.

        Raises:
            Misfit: the resource is asked for, and cannot be put into the message.
        """
        if self.full and row.flaw:
            raise Misfit(row.flaw)
        body = (row.full or row.body) if self.full else row.body
        return Copy(self.exchange, row.routing_key, row.id, body, self.mandatory, previous)

    def is_content_with(self, outcome: Settlement) -> bool:
        """Tell whether nothing is owed then: somebody has it, or need not be there."""
        return outcome == "routed" or (outcome == "returned" and self.queue == EVENTS)


class Coverage:
    """The bindings of all partners, by view; answers are kept, for there are few routing keys."""

    def __init__(self, partners: Iterable[Partner]) -> None:
        """Take the partner registry."""
        self._bindings: dict[str, list[tuple[str, Binding]]] = {DEFAULT: []}
        self.readers: dict[str, tuple[Reader, ...]] = {}
        self.limits: dict[str, int] = {}
        self.groups: dict[str, frozenset[str]] = {}
        for partner in partners:
            for queue in partner.queues:
                self.readers[queue.name] = (*self.readers.get(queue.name, ()), reader_of(partner))
            mine = self._bindings.setdefault(partner.view, [])
            self.groups |= {
                queue.name: queue.targeted_groups for queue in partner.queues if queue.targeted_groups
            }
            self.limits |= {queue.name: queue.depth_limit for queue in partner.queues if queue.depth_limit}
            mine += [(queue.name, binding) for queue in partner.queues for binding in queue.bindings]
        self.queues = {EVENTS, *(name for mine in self._bindings.values() for name, _ in mine)}
        # that do not get all of an owner's messages
        self.partial = {
            name
            for mine in self._bindings.values()
            for name, _ in mine
            if ("#" not in {binding.pattern for queue, binding in mine if queue == name})
            or name in self.groups
            or not all(reader.sees_all for reader in self.readers[name])
        }
        self._full = any(binding.full_resource for mine in self._bindings.values() for _, binding in mine)
        self._known: dict[tuple[str, str], tuple[Route, ...]] = {}
        self._narrowed: dict[tuple[str, str], tuple[tuple[str, Reader], ...]] = {}

    def is_as(self, other: "Coverage") -> bool:
        """Tell whether the bindings are the same, and what may go by them."""
        mine, others = ((of._bindings, of.readers, of.limits, of.groups) for of in (self, other))  # noqa: SLF001 - its kind
        return mine == others

    def wants_resource(self, row: NumberedMessage) -> bool:
        """Tell whether a message goes somewhere with the resource itself."""
        return self._full and any(route.full for route in self.routes(row))

    def routes(self, row: NumberedMessage) -> Sequence[Route]:
        """Return where copies of a message go that may go there."""
        routes = self.of(row.view, row.routing_key)
        return [route for route in routes if route.queue not in row.kept_from] if row.kept_from else routes

    def narrowed(self, view: str, routing_key: str) -> tuple[tuple[str, Reader], ...]:
        """Return the queues that a message would go to if its readers, who do not see all, may see it."""
        known = self._narrowed.get((view, routing_key))
        if known is None:
            queues = sorted({route.queue for route in self.of(view, routing_key)})
            readers = ((queue, reader) for queue in queues for reader in self.readers.get(queue, ()))
            known = tuple((queue, reader) for queue, reader in readers if not reader.sees_all)
            self._narrowed[view, routing_key] = known
        return known

    def grouped(self, view: str, routing_key: str) -> dict[str, frozenset[str]]:
        """Return the queues that a message would go to if it is of their targeted groups, with these."""
        queues = {route.queue for route in self.of(view, routing_key)}
        return {queue: self.groups[queue] for queue in queues if queue in self.groups}

    def of(self, view: str, routing_key: str) -> tuple[Route, ...]:
        """Return where copies of a message go; who asked for the resource and for messages gets both.

        What nobody registered for goes to the open exchange alone, and comes back when nobody is bound there.
        """
        known = self._known.get((view, routing_key))
        if known is None:
            known = self._known[view, routing_key] = self._matching_routes(view, routing_key)
        return known

    def _matching_routes(self, view: str, routing_key: str) -> tuple[Route, ...]:
        wanted = {
            (name, binding.full_resource)
            for name, binding in self._bindings.get(view, ())
            if matches(binding.pattern, routing_key)
        }
        routes = [Route(name, own_exchange(name), full) for name, full in sorted(wanted)]
        if view == DEFAULT:
            routes.append(Route(EVENTS, EVENTS, mandatory=not routes))
        return tuple(routes)
