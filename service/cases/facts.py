"""Facts with the moment they were stated, so that late and repeated events give the same result.

A fact stands under a path with its moment; of two, the one of the later moment holds, and of two at one
moment the one whose text is greater. Of an identifier the names of its system that any event told
(`known_as`) are kept. Joining is commutative, associative and idempotent: the facts of the same events are
the same in whatever order, and however often, the events arrive (a last-writer-wins map,
https://inria.hal.science/inria-00555588).
"""

import json
from typing import Any, Final

from service.values.dates import EPOCH, SECOND
from service.values.kept.facts import Fact, Facts, Moment

NAMES: Final = "known_as"


def day(moment: Moment) -> str:
    """Return the ISO date of a moment, in UTC."""
    return (EPOCH + moment[0] * SECOND).date().isoformat()


def instant_of(moment: Moment) -> str:
    """Return a moment as an instant, in UTC, to the second."""
    return f"{(EPOCH + moment[0] * SECOND).isoformat()}Z"


def join(facts: Facts, newer: Facts) -> dict[str, Fact]:
    """Return what is known after something was said; neither is changed."""
    joined = dict(facts)
    for path, fact in newer.items():
        other = joined.get(path)
        joined[path] = fact if other is None else _newer_fact(other, fact)
    return joined


def _newer_fact(one: Fact, other: Fact) -> Fact:
    """Return the fact that holds of two, with all the names that either knows."""
    last = one if _weight(one) > _weight(other) else other
    names, other_names = _names(one), _names(other)
    if names == other_names or not isinstance(last.value, dict):
        return last
    return Fact(last.at, {**last.value, NAMES: sorted({*names, *other_names})})


def _names(fact: Fact) -> list[str]:
    content = fact.value
    return content.get(NAMES, []) if isinstance(content, dict) else []


def value(facts: Facts, path: str) -> Any:
    """Return what a path says, or None when nothing was said or it was cleared."""
    fact = facts.get(path)
    return fact.value if fact is not None else None


def facts_below(facts: Facts, path: str) -> list[tuple[str, Any]]:
    """Return (rest of path, value) of what is said below a path, without what `path` itself cleared later."""
    cleared = facts[path].at if path in facts else None
    return [
        (key.removeprefix(f"{path}."), fact.value)
        for key, fact in sorted(facts.items())
        if key.startswith(f"{path}.") and fact.value is not None and (cleared is None or fact.at > cleared)
    ]


def _weight(fact: Fact) -> tuple[Moment, str]:
    content = fact.value
    if isinstance(content, dict) and NAMES in content:
        content = {name: member for name, member in content.items() if name != NAMES}
    return fact.at, json.dumps(content, sort_keys=True, default=str)
