"""Time stamps (TS, DTM, DT of HL7 v2 chapter 2A) as FHIR dateTimes: https://hl7.org/fhir/R4/datatypes.html#dateTime.

The sender's offset is kept; without one the time is the partner's. As precise as it was sent, except that
FHIR wants minutes and seconds with an hour, which are filled with zeros.
"""

import re
from datetime import UTC, date, datetime, timedelta, timezone, tzinfo
from typing import Final

from service.errors import Issue, Rejected

_STAMP: Final = re.compile(
    r"(?P<year>\d{4})(?:(?P<month>\d\d)(?:(?P<day>\d\d)(?:(?P<hour>\d\d)(?:(?P<minute>\d\d)"
    r"(?:(?P<second>\d\d)(?P<fraction>\.\d{1,4})?)?)?)?)?)?(?P<offset>[+-]\d{4})?",
    re.ASCII,
)
_LONGEST_OFFSET: Final = timedelta(hours=14)


def to_fhir(text: str, zone: tzinfo, where: str) -> str:
    """Give the FHIR dateTime of a time stamp.

    Args:
        text: the time stamp, such as `20240131`, `202401311405` or `20240131140559.5+0100`.
        zone: the partner's time zone.
        where: the place of the value, for the error.

    Raises:
        Rejected: it has another form, or there is no such time.
    """
    found = _STAMP.fullmatch(text.strip())
    if found is None:
        raise _refused("Not a time stamp; write YYYYMMDDHHMMSS with an offset such as +0100.", where)
    try:
        return _written(found, zone)
    except (ValueError, OverflowError) as exc:
        raise _refused("There is no such date, time or offset; correct it.", where) from exc


def stamp(instant: datetime) -> str:
    """Write an aware instant as a time stamp with its offset, to the second."""
    return instant.strftime("%Y%m%d%H%M%S%z")


def _written(found: re.Match[str], zone: tzinfo) -> str:
    year, month, day, hour = (found[part] for part in ("year", "month", "day", "hour"))
    date(int(year), int(month or 1), int(day or 1))
    if hour is None:
        return "-".join(part for part in (year, month, day) if part)
    minute, second = found["minute"] or "00", found["second"] or "00"
    offset = zone if found["offset"] is None else _offset(found["offset"])
    numbers = map(int, (year, month, day, hour, minute, second))
    instant = datetime(*numbers, tzinfo=offset)  # type: ignore[misc,arg-type]
    return f"{year}-{month}-{day}T{hour}:{minute}:{second}{found['fraction'] or ''}{_spoken(instant)}"


def _offset(text: str) -> tzinfo:
    hours, minutes = int(text[1:3]), int(text[3:])
    size = timedelta(hours=hours, minutes=minutes)
    if minutes > 59 or size > _LONGEST_OFFSET:
        raise ValueError(text)
    return timezone(-size if text[0] == "-" else size) if size else UTC


def _spoken(instant: datetime) -> str:
    """The offset as FHIR writes it, to the minute; local mean times of old had seconds."""
    offset = instant.utcoffset() or timedelta()
    hours, minutes = divmod(int(abs(offset).total_seconds()) // 60, 60)
    return f"{'-' if offset < timedelta() else '+'}{hours:02}:{minutes:02}"


def _refused(what: str, where: str) -> Rejected:
    return Rejected(what, issues=[Issue(what, where, "value")])
