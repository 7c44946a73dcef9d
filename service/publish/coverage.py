"""Which routing keys the registered bindings cover (https://www.rabbitmq.com/tutorials/amqp-concepts#exchange-topic)."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache

from service.values.scope import DEFAULT, Partner


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
    """The bindings of all partners, by view; answers are kept, for there are few routing keys."""

    def __init__(self, partners: Iterable[Partner]) -> None:
        """Take the partner registry."""
        self._patterns: dict[tuple[str, bool], list[str]] = {(DEFAULT, False): []}
        for partner in partners:
            self._patterns.setdefault((partner.view, False), [])
            for binding in (each for queue in partner.queues for each in queue.bindings):
                self._patterns.setdefault((partner.view, binding.full_resource), []).append(binding.pattern)
        self._known: dict[tuple[str, str], Expected] = {}

    def knows(self, view: str) -> bool:
        """Tell whether a view is anybody's."""
        return (view, False) in self._patterns

    def of(self, view: str, routing_key: str) -> Expected:
        """Return who waits for a routing key in a view."""
        known = self._known.get((view, routing_key))
        if known is None:
            plain, full = (
                any(matches(each, routing_key) for each in self._patterns.get((view, is_full), ()))
                for is_full in (False, True)
            )
            known = self._known[view, routing_key] = Expected(plain, full)
        return known
