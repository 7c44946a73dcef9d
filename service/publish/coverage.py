"""Which routing keys the registered bindings cover (https://www.rabbitmq.com/tutorials/amqp-concepts#exchange-topic)."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache

from service.values.scope import Partner


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
class Expected:
    """Who waits for a routing key: bindings without the resource, bindings with it."""

    plain: bool
    full: bool


class Coverage:
    """The bindings of all partners; answers are kept, for there are few routing keys."""

    def __init__(self, partners: Iterable[Partner]) -> None:
        """Take the partner registry."""
        bindings = [each for partner in partners for queue in partner.queues for each in queue.bindings]
        self._plain = [each.pattern for each in bindings if not each.full_resource]
        self._full = [each.pattern for each in bindings if each.full_resource]
        self._known: dict[str, Expected] = {}

    def of(self, routing_key: str) -> Expected:
        """Return who waits for a routing key."""
        known = self._known.get(routing_key)
        if known is None:
            known = self._known[routing_key] = Expected(
                any(matches(each, routing_key) for each in self._plain),
                any(matches(each, routing_key) for each in self._full),
            )
        return known
