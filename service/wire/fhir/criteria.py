"""A search parameter with its text as a criterion; what is not known is refused.

https://hl7.org/fhir/R4/search.html
"""

import re
from typing import Final

from service.errors import Malformed
from service.values.resources import Criterion
from service.wire.fhir.search import EXACT, MADE, PARAMETERS, bounds, normal, span
from service.wire.parameters import shown

_DATE: Final = re.compile(
    r"(eq|ne|gt|lt|ge|le|sa|eb|ap)?(\d{4}(?:-\d\d(?:-\d\d(?:T[0-9:.]+(?:Z|[+-]\d\d:\d\d))?)?)?)\Z"
)


def criterion(type_: str, name: str, text: str, base_url: str, also: tuple[str, ...] = ()) -> Criterion:
    """Return the criterion of a parameter of a type, its modifier in the name.

    `base_url` is our address, as absolute references name it; `also` are what else might have stood there.

    Raises:
        Malformed: an unknown parameter or modifier, or a value that cannot be read; names the parameter.
    """
    base, _, modifier = name.partition(":")
    known = (PARAMETERS | MADE)[type_]
    if base not in known:
        names = ", ".join([*known, *also])
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


def prefix_and_date(name: str, text: str) -> tuple[str, str]:
    """Return the prefix and the date, which is one of the calendar; raises as `criterion`."""
    match = _DATE.match(text)
    if match is None:
        raise Malformed("Not a date with an optional prefix, e.g. ge2026-03.", where=name)
    try:
        bounds(match[2])
    except (ValueError, OverflowError) as exc:
        raise Malformed("No such day in the calendar.", where=name) from exc
    return match[1] or "eq", match[2]


def _reference(text: str, name: str) -> tuple[str, str]:
    """Return (type or '', id) of a relative reference; nothing we keep refers to another server."""
    type_, _, id_ = text.rpartition("/")
    if "/" in type_ or not id_:
        raise Malformed("Not a reference of ours; write Type/id, or the id alone.", where=name)
    return type_, id_


def _date(name: str, text: str) -> tuple[str, str, str]:
    prefix, value = prefix_and_date(name, text)
    return prefix, *span(value)
