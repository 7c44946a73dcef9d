"""Dates and quantities with their prefixes: https://hl7.org/fhir/R4/search.html#prefix."""

import math
import re
from decimal import Decimal
from typing import Final

from service.errors import Malformed
from service.wire.fhir.search.forms import terms
from service.wire.fhir.search.forms.dates import bounds
from service.wire.fhir.search.forms.escapes import parts

_PREFIX: Final = "(eq|ne|gt|lt|ge|le|sa|eb|ap)?"
_DATE: Final = re.compile(
    _PREFIX + r"(\d{4}(?:-\d\d(?:-\d\d(?:T\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:Z|[+-]\d\d:\d\d)?)?)?)?)\Z",
    re.ASCII,
)
_NUMBER: Final = re.compile(_PREFIX + r"([+-]?\d{1,30}(?:\.(\d{1,30}))?(?:[eE]([+-]?\d{1,2}))?)\Z", re.ASCII)
# these compare with the number itself, not with all that is written so
_TO_THE_POINT: Final = frozenset({"gt", "lt", "ge", "le", "sa", "eb"})


def prefix_and_date(name: str, text: str) -> tuple[str, str]:
    """Return the prefix and the date, which is one of the calendar; an instant without a zone is UTC.

    Raises:
        Malformed: it is none; names the parameter.
    """
    # in an address an unescaped + is a space
    match = _DATE.match(text.replace(" ", "+"))
    if match is None:
        raise Malformed("Not a date with an optional prefix, e.g. ge2026-03.", where=name)
    value = match[2]
    value += "" if "T" not in value or value.endswith("Z") or value[-6] in "+-" else "Z"
    try:
        bounds(value)
    except (ValueError, OverflowError) as exc:
        raise Malformed("No such day in the calendar.", where=name) from exc
    return match[1] or "eq", value


def quantity(name: str, path: str, value: str) -> tuple[str, str, float, float]:
    """Return (range, prefix, first, last) of a quantity: number, number|system|code or number||code.

    Raises:
        Malformed: it is none; names the parameter.
    """
    number, *unit = parts(value)
    match = _NUMBER.match(number)
    if match is None or len(unit) not in {0, 2}:
        raise Malformed("Not a quantity; write number, number|system|code or number||unit.", where=name)
    if unit and not unit[1]:
        raise Malformed("A unit has a code; write number|system|code or number||unit.", where=name)
    first, last = _covered(match)
    system, code = unit or ("", "")
    if not unit:
        return path, match[1] or "eq", first, last
    return terms.pair(path, system, code), match[1] or "eq", first, last


def _covered(match: re.Match[str]) -> tuple[float, float]:
    """Return the first and last number that is written so: 5.4 is all from 5.35 until 5.45."""
    prefix, number = match[1] or "eq", Decimal(match[2])
    if prefix in _TO_THE_POINT:
        return float(number), float(number)
    if prefix == "ap":
        return float(number - abs(number) / 10), float(number + abs(number) / 10)
    half = Decimal("0.5").scaleb(int(match[4] or 0) - len(match[3] or ""))
    return float(number - half), math.nextafter(float(number + half), -math.inf)
