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


def parse_query(
    type_: str, given: Iterable[tuple[str, str]], after: tuple[str, str] | None, base: str
) -> Query:
    """Return the query of a search on a type; `base` is our address, as absolute references name it.

    Raises:
        Malformed: an unknown parameter or modifier, or a value that cannot be read; names the parameter.
    """
    conditions: list[Condition] = []
    ids: tuple[str, ...] = ()
    updated: list[tuple[str, str, str]] = []
    count = 50
    for name, text in given:
        if "\0" in text:
            raise Malformed("The value holds a NUL; leave it out.", where=name.partition(":")[0][:40])
        if name == "_id":
            ids = tuple(text.split(","))
        elif name == "_lastUpdated":
            updated.append(_date(name, text))
        elif name == "_count":
            if not text.isdecimal() or len(text) > 6:
                raise Malformed("Not a count.", where=name)
            count = min(int(text), MOST)
        elif name not in {"_format", "_cursor"}:
            conditions.append(_condition(type_, name, text, base))
    return Query(type_, tuple(conditions), ids, tuple(updated), count, after)


def _condition(type_: str, name: str, text: str, base_url: str) -> Condition:
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
            values.append(_reference(plain.removeprefix(f"{base_url}/"), base))
        elif kind == "date":
            values.append(_date(base, plain))
        else:
            values.append((modifier, normal(plain)))
    return Condition(base, kind, tuple(values))


def _reference(text: str, name: str) -> tuple[str, str]:
    """Return (type or '', id) of a relative reference; nothing we keep refers to another server."""
    type_, _, id_ = text.rpartition("/")
    if "/" in type_ or not id_:
        raise Malformed("Not a reference of ours; write Type/id, or the id alone.", where=name)
    return type_, id_


def _date(name: str, text: str) -> tuple[str, str, str]:
    found = _DATE.match(text)
    if found is None:
        raise Malformed("Not a date with an optional prefix, e.g. ge2026-03.", where=name)
    try:
        low, high = span(found[2])
    except (ValueError, OverflowError) as exc:
        raise Malformed("No such day in the calendar.", where=name) from exc
    return found[1] or "eq", low, high
