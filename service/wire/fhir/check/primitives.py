"""The formats of FHIR's primitive types: https://hl7.org/fhir/R4/datatypes.html#primitive.

Each check takes a value and returns None when it is good, else what is wrong with it. No value is quoted.
"""

import re
from binascii import Error, a2b_base64
from calendar import monthrange
from collections.abc import Callable
from decimal import Decimal
from math import isfinite
from typing import Any

from service.wire.fhir.check.xhtml import narrative

Primitive = Callable[[Any], str | None]

_MOST_CHARACTERS = 1024 * 1024
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff]")
_ZONE = r"(?:Z|[+-](?:(?:0\d|1[0-3]):[0-5]\d|14:00))"
_TIME = r"(?:[01]\d|2[0-3]):[0-5]\d:(?:[0-5]\d|60)(?:\.\d+)?"
_DAY = r"(?P<year>(?!0000)\d{4})-(?P<month>0[1-9]|1[0-2])-(?P<day>0[1-9]|[12]\d|3[01])"
_PART = r"(?!0000)\d{4}(?:-(?:0[1-9]|1[0-2]))?"


def _string(value: Any) -> str | None:
    if type(value) is not str:
        return "must be a string"
    if not value or value.isspace():
        return "must not be empty; leave the element out"
    if not value.isprintable() and _CONTROL.search(value):
        return "must not hold control characters"
    return "must be at most 1 MB long" if len(value) > _MOST_CHARACTERS else None


def _pattern(expression: str, complaint: str) -> Primitive:
    """A check of a string by its pattern."""
    match = re.compile(expression, re.ASCII).fullmatch

    def check(value: Any) -> str | None:
        if type(value) is not str:
            return "must be a string"
        return None if match(value) else complaint

    return check


def _calendar(expression: str, complaint: str) -> Primitive:
    """A check of a date by its pattern and, when it has a day, by the calendar."""
    match = re.compile(expression, re.ASCII).fullmatch

    def check(value: Any) -> str | None:
        if type(value) is not str:
            return "must be a string"
        date = match(value)
        if date is None:
            return complaint
        day = date["day"]
        if day is None or day <= "28" or int(day) <= monthrange(int(date["year"]), int(date["month"]))[1]:
            return None
        return "must be a day the month has"

    return check


def _boolean(value: Any) -> str | None:
    return None if value is True or value is False else "must be true or false"


def _decimal(value: Any) -> str | None:
    kind = type(value)
    if kind is int or (kind is Decimal and value.is_finite()) or (kind is float and isfinite(value)):
        return None
    return "must be a number"


def _whole(least: int, complaint: str) -> Primitive:
    """A check of an integer of 32 bits that is `least` or more."""

    def check(value: Any) -> str | None:
        return None if type(value) is int and least <= value <= 2**31 - 1 else complaint

    return check


def _base64(value: Any) -> str | None:
    if type(value) is not str:
        return "must be a string"
    try:
        decoded = a2b_base64("".join(value.split()), strict_mode=True)
    except (Error, ValueError):
        return "must be base64"
    return None if decoded else "must not be empty; leave the element out"


_URI = _pattern(r"\S+", "must be a URI without white space")
_URI_COMPLAINT = "must be a lower-case urn:uuid: URI"

PRIMITIVES: dict[str, Primitive] = {
    "string": _string,
    "System.String": _string,
    "markdown": _string,
    "code": _pattern(r"[^\s]+(?: [^\s]+)*", "must be a code without stray white space"),
    "id": _pattern(r"[A-Za-z0-9.-]{1,64}", "must be an id: 1 to 64 of letters, digits, '-' and '.'"),
    "uri": _URI,
    "url": _URI,
    "canonical": _URI,
    "oid": _pattern(r"urn:oid:[0-2](?:\.(?:0|[1-9]\d*))+", "must be a urn:oid: URI"),
    "uuid": _pattern(r"urn:uuid:[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}", _URI_COMPLAINT),
    "boolean": _boolean,
    "decimal": _decimal,
    "integer": _whole(-(2**31), "must be a 32-bit integer"),
    "unsignedInt": _whole(0, "must be an integer of 0 or more"),
    "positiveInt": _whole(1, "must be an integer of 1 or more"),
    "date": _calendar(f"{_PART}|{_DAY}", "must be a date: YYYY, YYYY-MM or YYYY-MM-DD"),
    "dateTime": _calendar(
        f"{_PART}|{_DAY}(?:T{_TIME}{_ZONE})?",
        "must be a dateTime: a date, or YYYY-MM-DDThh:mm:ss with its time zone",
    ),
    "instant": _calendar(f"{_DAY}T{_TIME}{_ZONE}", "must be an instant: to the second, with its time zone"),
    "time": _pattern(_TIME, "must be a time: hh:mm:ss, without a time zone"),
    "base64Binary": _base64,
    "xhtml": narrative,
}
