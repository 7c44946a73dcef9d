"""Search parameters to a Query; what is not known is refused, for a filter unheeded would show too much.

https://hl7.org/fhir/R4/search.html
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Final

from service.errors import Malformed
from service.values.resources import Criterion, HistoryQuery, Query
from service.wire.fhir.criteria import criterion, prefix_and_date
from service.wire.fhir.search import bounds
from service.wire.parameters import shown

ALSO: Final = ("_id", "_lastUpdated", "_count")
CURSOR: Final = "_cursor"
MOST: Final = 500
# SQLite: an expression 1000 deep, 50,000 bytes in LIKE; PostgreSQL: 65,535 values in a statement
MOST_VALUES: Final = 200
# each is a table to join, and planning many takes PostgreSQL longer than a statement may last
MOST_CRITERIA: Final = 20
LONGEST: Final = 1000
# the link to the next page holds them all, sealed, and has to be an address that is taken
MOST_BYTES: Final = 9_000


def parse_query(
    type_: str,
    parameters: Sequence[tuple[str, str]],
    after: tuple[str, str] | None,
    base: str,
    most: int = MOST,
) -> Query:
    """Return the query of a search on a type; `base` is our address, as absolute references name it.

    A page has `most` entries at most.

    Raises:
        Malformed: an unknown parameter or modifier, too many values, or one that cannot be read; names the
            parameter.
    """
    _check_bounds(parameters)
    conditions: list[Criterion] = []
    ids: tuple[str, ...] = ()
    updated: list[tuple[str, str, str]] = []
    count = min(50, most)
    for name, text in parameters:
        if "\0" in text:
            raise Malformed("The value holds a NUL; leave it out.", where=shown(name.partition(":")[0]))
        if name == "_id":
            if ids:
                raise Malformed("Say it once, with commas between the ids.", where=name)
            ids = tuple(text.split(","))
        elif name == "_lastUpdated":
            prefix, value = prefix_and_date(name, text)
            first, last = bounds(value)
            updated.append((prefix, first.isoformat(), last.isoformat()))
        elif name == "_count":
            count = min(_count(text), most)
        else:
            conditions.append(criterion(type_, name, text, base, ALSO))
    return Query(type_, tuple(conditions), ids, tuple(updated), count, after)


def parse_past(parameters: Sequence[tuple[str, str]], most: int = MOST) -> HistoryQuery:
    """Return which versions a history asks for, `most` on a page (R4 http section 3.1.0.12).

    Raises:
        Malformed: an unknown parameter, or one that cannot be read; names the parameter.
    """
    past = HistoryQuery()
    past = replace(past, count=min(past.count, most))
    for name, text in parameters:
        if name == "_count":
            past = replace(past, count=min(_count(text), most))
        elif name == "_since":
            past = replace(past, since=_since(text))
        elif name == CURSOR and text.isdecimal() and len(text) < 10:
            past = replace(past, below=int(text))
        else:
            raise Malformed("Not a parameter of a history; known are _count and _since.", where=shown(name))
    return past


def _since(text: str) -> datetime:
    try:
        if "T" in text and (instant := datetime.fromisoformat(text)).tzinfo is not None:
            return instant
    except ValueError as exc:
        raise Malformed("No such instant in the calendar.", where="_since") from exc
    raise Malformed("Not an instant, e.g. 2026-03-02T08:00:00Z.", where="_since")


def _count(text: str) -> int:
    if not text.isdecimal() or len(text) > 6:
        raise Malformed("Not a count.", where="_count")
    return min(int(text), MOST)


def _check_bounds(parameters: Sequence[tuple[str, str]]) -> None:
    """Refuse more values, or longer ones, than every database compares with."""
    values = [(name, value) for name, text in parameters for value in text.split(",")]
    size = sum(len(text.encode()) for _, text in parameters)
    if len(parameters) > MOST_CRITERIA or len(values) > MOST_VALUES or size > MOST_BYTES:
        limits = f"{MOST_CRITERIA} parameters, {MOST_VALUES} values or {MOST_BYTES} bytes"
        raise Malformed(f"The search has over {limits}; ask for them in parts.")
    for name, value in values:
        if len(value) > LONGEST:
            raise Malformed(f"A value has over {LONGEST} characters.", where=shown(name.partition(":")[0]))
