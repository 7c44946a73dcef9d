"""Dates and instants of which only a part may be known: https://hl7.org/fhir/R4/datatypes.html#dateTime."""

from datetime import datetime, timedelta
from typing import Final

EPOCH: Final = datetime(1970, 1, 1)  # noqa: DTZ001  offsets are taken off by hand: no year is out of range
SECOND: Final = timedelta(seconds=1)
DAY: Final = len("2026-11-29")
EVER: Final = ("0001-01-01", "9999-12-31")


def seconds(instant: str) -> tuple[int, int]:
    """Return an instant with an offset as seconds since 1970 and nanoseconds."""
    cut = -1 if instant.endswith("Z") else -6
    zone = instant[cut:]
    offset = 0 if zone == "Z" else int(zone[:3]) * 3600 + int(zone[0] + zone[4:]) * 60
    whole = datetime.fromisoformat(instant[:19])
    return (whole - EPOCH) // SECOND - offset, int(instant[20:cut].ljust(9, "0") or "0")


def is_before(one: str, other: str) -> bool:
    """Return whether one date or instant is before another: two instants in time, else as far as both say."""
    if "T" in one and "T" in other:
        return seconds(one) < seconds(other)
    said = min(DAY, len(one), len(other))
    return one[:said] < other[:said]


def may_be_same_day(one: str, other: str) -> bool:
    """Return whether two dates or instants may be of one day: a part of a date is any day in it."""
    said = min(DAY, len(one), len(other))
    return one[:said] == other[:said]


def first_day(date: str) -> str:
    """Return the first day that a date or instant may be of."""
    return _day(date, "-01-01")


def last_day(date: str) -> str:
    """Return the last day that a date or instant may be of; a month's is taken as the 31st."""
    return _day(date, "-12-31")


def _day(date: str, rest: str) -> str:
    said = date[:DAY]
    return said + rest[len(said) - DAY :] if len(said) < DAY else said
