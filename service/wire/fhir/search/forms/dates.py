"""Dates as search compares them: the first and last instant that a value covers, as milliseconds of UTC.

https://hl7.org/fhir/R4/search.html#date
"""

import calendar
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final

# no instant, and no infinity: a link to the next page tells them as JSON
EARLIEST: Final = -1e100
LATEST: Final = 1e100
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND: Final = timedelta(milliseconds=1)

Span = tuple[float, float]


def span(value: str) -> Span:
    """Return the first and last millisecond, UTC, that a FHIR date, dateTime or instant covers.

    Raises:
        ValueError, OverflowError: there is no such day, hour or instant.
    """
    first, last = bounds(value)
    return float((first - _EPOCH) // _MILLISECOND), float((last - _EPOCH) // _MILLISECOND)


def bounds(value: str) -> tuple[datetime, datetime]:
    """Return the first and last microsecond, UTC, that a FHIR date or dateTime covers.

    Raises:
        ValueError, OverflowError: there is no such day, hour or instant.
    """
    if "T" in value:
        first = datetime.fromisoformat(value).astimezone(UTC)
        return first, first + (_precision(value) - timedelta(microseconds=1))
    year, month, day = ([int(number) for number in value.split("-")] + [0, 0])[:3]
    start = datetime(year, month or 1, day or 1, tzinfo=UTC)
    last_month = month or 12
    last = date(year, last_month, day or calendar.monthrange(year, last_month)[1])
    end = datetime(last.year, last.month, last.day, 23, 59, 59, 999999, tzinfo=UTC)
    return start, end


def span_of_period(period: dict[str, Any]) -> Span:
    """Return what a Period covers; a side that is not said is open."""
    low = span(period["start"])[0] if "start" in period else EARLIEST
    return low, span(period["end"])[1] if "end" in period else LATEST


def span_of_timing(timing: dict[str, Any]) -> Span | None:
    """Return what a Timing covers from its first to its last event, or the bounds within which it repeats."""
    spans = [span(event) for event in timing.get("event", ()) if isinstance(event, str)]
    if period := timing.get("repeat", {}).get("boundsPeriod"):
        spans.append(span_of_period(period))
    return (min(low for low, _ in spans), max(high for _, high in spans)) if spans else None


def _precision(instant: str) -> timedelta:
    """Return how long the last digit of an instant's time lasts: R4 search section 3.1.1.4.6."""
    time = instant[11:].rstrip("Z").partition("+")[0].partition("-")[0]
    if time.count(":") < 2:
        return timedelta(minutes=1)
    decimals = len(time.partition(".")[2])
    return max(timedelta(seconds=10**-decimals), timedelta(microseconds=1))
