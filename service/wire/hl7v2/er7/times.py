"""Time stamps (TS, DTM, DT of HL7 v2 chapter 2A) as FHIR dateTimes: https://hl7.org/fhir/R4/datatypes.html#dateTime.

The sender's offset is kept; without one the time is the partner's. As precise as it was sent, except that
FHIR wants minutes and seconds with an hour, which are filled with zeros, and that what is finer than a
microsecond is cut off. A leap second is the one before it. The hour 24 is refused: HH is 00 to 23.
"""

import re
from datetime import date, datetime, timedelta, tzinfo
from typing import Final

from service.errors import Issue, Rejected

_FRACTION: Final = r"(?:[.,](?P<fraction>\d+))?"
_STAMP: Final = re.compile(
    r"(?P<year>\d{4})(?:(?P<month>\d\d)(?:(?P<day>\d\d)(?:T?(?P<hour>\d\d)(?:(?P<minute>\d\d)"
    rf"(?:(?P<second>\d\d){_FRACTION})?)?)?)?)?(?P<offset>Z|[+-]\d\d:?\d\d)?",
    re.ASCII,
)
# what the standard does not have and interfaces send: ISO 8601 in its extended form
_ISO: Final = re.compile(
    r"(?P<year>\d{4})-(?P<month>\d\d)(?:-(?P<day>\d\d)(?:[T ](?P<hour>\d\d):(?P<minute>\d\d)"
    rf"(?::(?P<second>\d\d){_FRACTION})?(?P<offset>Z|[+-]\d\d(?::?\d\d)?)?)?)?",
    re.ASCII,
)
_PARTS: Final = ("year", "month", "day", "hour", "minute", "second", "fraction", "offset")
_FINEST: Final = 6
_LONGEST_OFFSET: Final = "14:00"


def to_fhir(text: str, zone: tzinfo, where: str) -> str:
    """Give the FHIR dateTime of a time stamp.

    Args:
        text: the time stamp, such as `20240131`, `202401311405` or `20240131140559.5+0100`; one of ISO 8601,
            such as `2024-01-31T14:05Z`, is read too.
        zone: the partner's time zone.
        where: the place of the value, for the error.

    Raises:
        Rejected: it has another form, or there is no such time.
    """
    match = _STAMP.fullmatch(text.strip()) or _ISO.fullmatch(text.strip())
    if match is None:
        raise _time_error("Not a time stamp; write YYYYMMDDHHMMSS with an offset such as +0100.", where)
    try:
        return _fhir_text(match, zone)
    except ValueError as exc:
        raise _time_error("There is no such date, time or offset; correct it.", where) from exc


def stamp(instant: datetime) -> str:
    """Write an aware instant as a time stamp with its offset, to the second."""
    return instant.strftime("%Y%m%d%H%M%S%z")


def _fhir_text(match: re.Match[str], zone: tzinfo) -> str:
    year, month, day, hour, minute, second, fraction, offset = (match[name] for name in _PARTS)
    if hour is None:
        date.fromisoformat(f"{year}-{month or '01'}-{day or '01'}")
        return "-".join(part for part in (year, month, day) if part)
    text = f"{year}-{month}-{day}T{hour}:{minute or '00'}:{'59' if second == '60' else second or '00'}"
    instant = datetime.fromisoformat(text)
    spoken = _offset(instant.replace(tzinfo=zone)) if offset is None else _fhir_offset(offset)
    if spoken[1:] > _LONGEST_OFFSET or spoken[4:] > "59":
        raise ValueError(spoken)
    return f"{text}{f'.{fraction[:_FINEST]}' if fraction else ''}{spoken}"


def _fhir_offset(offset: str) -> str:
    """An offset that was sent, as FHIR writes it."""
    digits = offset[1:].replace(":", "")
    return offset if offset == "Z" else f"{offset[0]}{digits[:2]}:{digits[2:] or '00'}"


def _offset(instant: datetime) -> str:
    """The offset as FHIR writes it, to the minute; local mean times of old had seconds."""
    offset = instant.utcoffset() or timedelta()
    hours, minutes = divmod(int(abs(offset).total_seconds()) // 60, 60)
    return f"{'-' if offset < timedelta() else '+'}{hours:02}:{minutes:02}"


def _time_error(what: str, where: str) -> Rejected:
    return Rejected(what, issues=[Issue(what, where, "value")])
