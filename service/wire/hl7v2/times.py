"""Time stamps (TS, DTM, DT of HL7 v2 chapter 2A) as FHIR dateTimes: https://hl7.org/fhir/R4/datatypes.html#dateTime.

The sender's offset is kept; without one the time is the partner's. As precise as it was sent, except that
FHIR wants minutes and seconds with an hour, which are filled with zeros.
"""

import re
from datetime import date, datetime, timedelta, tzinfo
from typing import Final

from service.errors import Issue, Rejected

_STAMP: Final = re.compile(
    r"(?P<year>\d{4})(?:(?P<month>\d\d)(?:(?P<day>\d\d)(?:(?P<hour>\d\d)(?:(?P<minute>\d\d)"
    r"(?:(?P<second>\d\d)(?P<fraction>\.\d{1,4})?)?)?)?)?)?(?P<offset>[+-]\d{4})?",
    re.ASCII,
)
_LONGEST_OFFSET: Final = "14:00"


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
    except ValueError as exc:
        raise _refused("There is no such date, time or offset; correct it.", where) from exc


def stamp(instant: datetime) -> str:
    """Write an aware instant as a time stamp with its offset, to the second."""
    return instant.strftime("%Y%m%d%H%M%S%z")


def _written(found: re.Match[str], zone: tzinfo) -> str:
    year, month, day, hour, minute, second, fraction, offset = found.groups()
    if hour is None:
        date.fromisoformat(f"{year}-{month or '01'}-{day or '01'}")
        return "-".join(part for part in (year, month, day) if part)
    text = f"{year}-{month}-{day}T{hour}:{minute or '00'}:{second or '00'}"
    instant = datetime.fromisoformat(text)
    spoken = _offset(instant.replace(tzinfo=zone)) if offset is None else f"{offset[:3]}:{offset[3:]}"
    if spoken[1:] > _LONGEST_OFFSET or spoken[4:] > "59":
        raise ValueError(spoken)
    return f"{text}{fraction or ''}{spoken}"


def _offset(instant: datetime) -> str:
    """The offset as FHIR writes it, to the minute; local mean times of old had seconds."""
    offset = instant.utcoffset() or timedelta()
    hours, minutes = divmod(int(abs(offset).total_seconds()) // 60, 60)
    return f"{'-' if offset < timedelta() else '+'}{hours:02}:{minutes:02}"


def _refused(what: str, where: str) -> Rejected:
    return Rejected(what, issues=[Issue(what, where, "value")])
