"""The parameters of a search, each to what it asks: https://hl7.org/fhir/R4/search.html.

What is not known is refused and named, with the nearest name that is known; who prefers to be answered
leniently is told instead that it was left out.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final

from service.disclose.query.chains import chained, reverse_chained
from service.disclose.query.includes import included, reverse_included
from service.disclose.query.results import MOST, SUMMARIES, TOTALS, count_of, one_of, orders
from service.errors import Malformed
from service.values.criteria import Along, Criterion, HasTerm, Order
from service.values.kept.resources import Query
from service.wire.fhir.search.asked import Ours
from service.wire.fhir.search.compartments import compartment_terms
from service.wire.fhir.search.criteria import Unknown, criterion
from service.wire.fhir.search.forms.dates import bounds
from service.wire.fhir.search.forms.numbers import prefix_and_date
from service.wire.fhir.search.parameters import OF_EVERY_RESOURCE
from service.wire.parameters import shown

# SQLite: an expression 1000 deep, 50,000 bytes in LIKE; PostgreSQL: 65,535 values in a statement
MOST_VALUES: Final = 200
# each is a condition to plan for, and planning many takes PostgreSQL longer than a statement may last
MOST_CRITERIA: Final = 20
LONGEST: Final = 1000
# the link to the next page holds them all, sealed, and has to be an address that is taken
MOST_BYTES: Final = 9_000
# https://hl7.org/fhir/R4/datatypes.html#id
_ID: Final = re.compile(r"[A-Za-z0-9.-]{1,64}")
NOT_SEARCHED: Final = frozenset({"_text", "_content", "_filter", "_query", "_list", "_contained"})


@dataclass(frozen=True, slots=True)
class Ground:
    """On what is searched: types of resources, in the compartment of one of them if `of` names it.

    What comes along is of `readable` types, what is led through of those that are kept in `ours`.
    `is_lenient` says that what is not known is left out. A page has `most` entries at most, and with them
    come `most_along`.
    """

    types: tuple[str, ...]
    ours: Ours
    readable: Sequence[str]
    of: tuple[str, str] | None = None
    is_lenient: bool = False
    most: int = MOST
    most_along: int = MOST


@dataclass(slots=True)
class Search:
    """A parsed search: its query, what comes with the results, and how much of each is shown.

    `heeded` are the parameters that were, as they were written; `left_out` those that were not, with why.
    """

    query: Query
    along: Along = field(default_factory=Along)
    summary: str = "false"
    elements: tuple[str, ...] = ()
    heeded: list[tuple[str, str]] = field(default_factory=list)
    left_out: list[Malformed] = field(default_factory=list)


@dataclass(slots=True)
class _Reading:
    """What has been read so far."""

    ground: Ground
    search: Search
    conditions: list[Criterion] = field(default_factory=list)
    ids: tuple[str, ...] = ()
    updated: list[tuple[str, str, str]] = field(default_factory=list)
    count: int = 50
    order: tuple[Order, ...] = ()
    total: str = "none"
    once: set[str] = field(default_factory=set)


def parse_query(
    ground: Ground, parameters: Sequence[tuple[str, str]], after: tuple[str | float, ...] | None
) -> Search:
    """Return what a search asks for; `after` is the key of the last result seen.

    Raises:
        Malformed: an unknown parameter or modifier, too many values, or one that cannot be read; names the
            parameter.
    """
    check_bounds(parameters)
    reading = _Reading(ground, Search(Query(ground.types[0]), Along(most=ground.most_along)))
    for name, text in parameters:
        try:
            _read(reading, name, text)
        except Unknown as unknown:
            if not ground.is_lenient:
                raise
            reading.search.left_out.append(unknown)
        else:
            reading.search.heeded.append((name, text))
    return _search(reading, after)


def _search(reading: _Reading, after: tuple[str | float, ...] | None) -> Search:
    ground, search = reading.ground, reading.search
    if ground.of is not None:
        found = [term for type_ in ground.types for term in compartment_terms(type_, *ground.of)]
        reading.conditions.append(HasTerm(tuple(found), is_narrow=True))
    count = 0 if search.summary == "count" else min(reading.count, ground.most)
    search.query = Query(
        ground.types[0],
        tuple(reading.conditions),
        reading.ids,
        tuple(reading.updated),
        count,
        after,
        with_total=reading.total != "none" or count == 0,
        order=reading.order,
        types=ground.types if len(ground.types) > 1 else (),
    )
    return search


def _read(reading: _Reading, name: str, text: str) -> None:
    base = name.partition(":")[0]
    if base in _OWN:
        if name != base and base not in {"_include", "_revinclude"}:
            raise Malformed("This modifier is not supported here.", where=base)
        if base in _ONCE:
            if base in reading.once:
                raise Malformed("Say it once.", where=base)
            reading.once.add(base)
        _OWN[base](reading, name, text)
    elif base == "_has":
        reading.conditions.append(reverse_chained(*_only(reading, base), name, text))
    elif "." in name:
        reading.conditions.append(chained(*_only(reading, base), name, text))
    else:
        reading.conditions.append(_condition(reading.ground, name, text))


def _only(reading: _Reading, name: str) -> tuple[str, Ours]:
    """Return the only type that is searched, and what is known here."""
    ground = reading.ground
    if len(ground.types) > 1:
        raise Malformed("Searched for on one type at a time.", where=shown(name))
    return ground.types[0], ground.ours


def _condition(ground: Ground, name: str, text: str) -> Criterion:
    base = name.partition(":")[0]
    if base in NOT_SEARCHED:
        raise Unknown("Not searched for here; search by parameters of the type.", where=base)
    criteria = [criterion(type_, name, text, ground.ours, _ALSO) for type_ in ground.types]
    if len(criteria) == 1:
        return criteria[0]
    if any(type(each) is not HasTerm for each in criteria):
        raise Malformed("With this modifier searched for on one type at a time.", where=base)
    return HasTerm(tuple(t for each in criteria if isinstance(each, HasTerm) for t in each.terms))


def check_bounds(parameters: Sequence[tuple[str, str]]) -> None:
    """Refuse more values, longer ones, or others than every database compares with; raises Malformed."""
    values = [(name, value) for name, text in parameters for value in text.split(",")]
    size = sum(len(text.encode()) for _, text in parameters)
    if len(parameters) > MOST_CRITERIA or len(values) > MOST_VALUES or size > MOST_BYTES:
        limits = f"{MOST_CRITERIA} parameters, {MOST_VALUES} values or {MOST_BYTES} bytes"
        raise Malformed(f"The search has over {limits}; ask for them in parts.")
    for name, value in values:
        if len(value) > LONGEST:
            raise Malformed(f"A value has over {LONGEST} characters.", where=shown(name.partition(":")[0]))
        if "\0" in value:
            raise Malformed("The value holds a NUL; leave it out.", where=shown(name.partition(":")[0]))


def _ids(reading: _Reading, name: str, text: str) -> None:
    reading.ids = tuple(text.split(","))
    if not all(map(_ID.fullmatch, reading.ids)):
        raise Malformed(
            "Not a logical id: up to 64 letters, digits, - and .; write it without a type.", where=name
        )


def _updated(reading: _Reading, name: str, text: str) -> None:
    prefix, value = prefix_and_date(name, text)
    first, last = bounds(value)
    reading.updated.append((prefix, first.isoformat(), last.isoformat()))


def _count(reading: _Reading, _name: str, text: str) -> None:
    reading.count = count_of(text)


def _sort(reading: _Reading, _name: str, text: str) -> None:
    reading.order = orders(reading.ground.types, text)


def _total(reading: _Reading, name: str, text: str) -> None:
    reading.total = one_of(name, text, TOTALS)


def _summary(reading: _Reading, name: str, text: str) -> None:
    reading.search.summary = one_of(name, text, SUMMARIES)


def _elements(reading: _Reading, name: str, text: str) -> None:
    elements = tuple(text.split(","))
    if not all(element.isidentifier() for element in elements):
        raise Malformed("Write names of elements at the root, with commas between.", where=name)
    reading.search.elements = elements


def _include(reading: _Reading, name: str, text: str) -> None:
    reading.search.along.includes.append(included(reading.ground.types, reading.ground.readable, name, text))


def _revinclude(reading: _Reading, name: str, text: str) -> None:
    ground = reading.ground
    may_come = [type_ for type_ in ground.readable if type_ in ground.ours.kept]
    reading.search.along.revincludes.append(reverse_included(ground.types, may_come, name, text))


_OWN: Final[dict[str, Callable[[_Reading, str, str], None]]] = {
    "_id": _ids,
    "_lastUpdated": _updated,
    "_count": _count,
    "_sort": _sort,
    "_total": _total,
    "_summary": _summary,
    "_elements": _elements,
    "_include": _include,
    "_revinclude": _revinclude,
}
_ALSO: Final = (*_OWN, *OF_EVERY_RESOURCE, "_has")
_ONCE: Final = frozenset({"_id", "_count", "_sort", "_total", "_summary", "_elements"})
