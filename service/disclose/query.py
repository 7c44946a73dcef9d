"""Search parameters to a Query; what is not known is refused, for a filter unheeded would show too much.

https://hl7.org/fhir/R4/search.html
"""

import re
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Final

from service.errors import Malformed
from service.values.resources import Criterion, HistoryQuery, Query
from service.wire.fhir.search import EXACT, MADE, PARAMETERS, bounds, normal, span
from service.wire.parameters import shown

_DATE: Final = re.compile(
    r"(eq|ne|gt|lt|ge|le|sa|eb|ap)?(\d{4}(?:-\d\d(?:-\d\d(?:T[0-9:.]+(?:Z|[+-]\d\d:\d\d))?)?)?)\Z"
)
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
            prefix, value = _prefix_and_date(name, text)
            first, last = bounds(value)
            updated.append((prefix, first.isoformat(), last.isoformat()))
        elif name == "_count":
            count = min(_count(text), most)
        else:
            conditions.append(_condition(type_, name, text, base))
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


def _condition(type_: str, name: str, text: str, base_url: str) -> Criterion:
    base, _, modifier = name.partition(":")
    known = (PARAMETERS | MADE)[type_]
    if base not in known:
        names = ", ".join([*known, "_id", "_lastUpdated", "_count"])
        raise Malformed(f"Not a search parameter of {type_}; known are {names}.", where=shown(base))
    kind = known[base][0]
    if modifier and not (kind == "string" and modifier in {"exact", "contains"}):
        raise Malformed("This modifier is not supported here.", where=base)
    values: list[tuple[str | None, ...]] = []
    for part in re.split(r"(?<!\\),", text):
        plain = part.replace("\\,", ",")
        if not plain.strip():
            raise Malformed("The value is empty; give one, or leave the parameter out.", where=base)
        if kind == "token":
            system, bar, code = plain.rpartition("|")
            if not code:
                raise Malformed("A system alone is not searched for; write system|value.", where=base)
            values.append((system if bar else None, code))
        elif kind == "reference":
            values.append(_reference(plain.removeprefix(f"{base_url}/"), base))
        elif kind == "date":
            values.append(_date(base, plain))
        else:
            values.append((modifier, plain if modifier == "exact" else normal(plain)))
    return Criterion(base + EXACT if modifier == "exact" else base, kind, tuple(values))


def _reference(text: str, name: str) -> tuple[str, str]:
    """Return (type or '', id) of a relative reference; nothing we keep refers to another server."""
    type_, _, id_ = text.rpartition("/")
    if "/" in type_ or not id_:
        raise Malformed("Not a reference of ours; write Type/id, or the id alone.", where=name)
    return type_, id_


def _date(name: str, text: str) -> tuple[str, str, str]:
    prefix, value = _prefix_and_date(name, text)
    return prefix, *span(value)


def _prefix_and_date(name: str, text: str) -> tuple[str, str]:
    """Return the prefix and the date, which is one of the calendar."""
    match = _DATE.match(text)
    if match is None:
        raise Malformed("Not a date with an optional prefix, e.g. ge2026-03.", where=name)
    try:
        bounds(match[2])
    except (ValueError, OverflowError) as exc:
        raise Malformed("No such day in the calendar.", where=name) from exc
    return match[1] or "eq", match[2]
