"""Search parameters to a Query; what is not known is refused, for a filter unheeded would show too much.

https://hl7.org/fhir/R4/search.html
"""

import re
from collections.abc import Iterable
from typing import Final

from service.errors import Malformed
from service.values.resources import Condition, Query
from service.wire.fhir.search import PARAMETERS, normal, span

_DATE: Final = re.compile(
    r"(eq|ne|gt|lt|ge|le|sa|eb|ap)?(\d{4}(?:-\d\d(?:-\d\d(?:T[0-9:.]+(?:Z|[+-]\d\d:\d\d))?)?)?)\Z"
)
MOST: Final = 500


def parse_query(type_: str, given: Iterable[tuple[str, str]], after: tuple[str, str] | None) -> Query:
    """Return the query of a search on a type.

    Raises:
        Malformed: an unknown parameter or modifier, or a value that cannot be read; names the parameter.
    """
    conditions: list[Condition] = []
    ids: tuple[str, ...] = ()
    updated: list[tuple[str, str, str]] = []
    count = 50
    for name, text in given:
        if name == "_id":
            ids = tuple(text.split(","))
        elif name == "_lastUpdated":
            updated.append(_date(name, text))
        elif name == "_count":
            if not text.isdecimal() or len(text) > 6:
                raise Malformed("Not a count.", where=name)
            count = min(int(text), MOST)
        elif name not in {"_format", "_cursor"}:
            conditions.append(_condition(type_, name, text))
    return Query(type_, tuple(conditions), ids, tuple(updated), count, after)


def _condition(type_: str, name: str, text: str) -> Condition:
    base, _, modifier = name.partition(":")
    if base not in PARAMETERS[type_]:
        known = ", ".join([*PARAMETERS[type_], "_id", "_lastUpdated", "_count"])
        raise Malformed(f"Not a search parameter of {type_}; known are {known}.", where=base[:40])
    kind = PARAMETERS[type_][base][0]
    if modifier and not (kind == "string" and modifier in {"exact", "contains"}):
        raise Malformed("This modifier is not supported here.", where=base)
    values: list[tuple[str | None, ...]] = []
    for each in re.split(r"(?<!\\),", text):
        plain = each.replace("\\,", ",")
        if kind == "token":
            system, bar, code = plain.rpartition("|")
            values.append((system if bar else None, code))
        elif kind == "reference":
            reference = plain.rstrip("/").split("/")
            values.append(("/".join(reference[:-1])[-40:], reference[-1]))
        elif kind == "date":
            values.append(_date(base, plain))
        else:
            values.append((modifier, normal(plain)))
    return Condition(base, kind, tuple(values))


def _date(name: str, text: str) -> tuple[str, str, str]:
    found = _DATE.match(text)
    if found is None:
        raise Malformed("Not a date with an optional prefix, e.g. ge2026-03.", where=name)
    try:
        low, high = span(found[2])
    except ValueError as exc:
        raise Malformed("No such day in the calendar.", where=name) from exc
    return found[1] or "eq", low, high
