"""Where in a message stands what a path of the source `hl7v2` (see `incoming.patients`) names."""

import re
from typing import Final

from service.wire.hl7v2.er7.error_locations import ErrorLocation
from service.wire.hl7v2.types.datatypes import READ, STAFF

_PATH: Final = re.compile(
    r"message\.(?:[A-Z0-9]{3}(?:\[\d+\])?\.)?(?P<segment>[A-Z][A-Z0-9]{2})(?:\[(?P<sequence>\d+)\])?"
    r"(?:\.[fr](?P<field>\d+)(?:\[(?P<repetition>\d+)\])?"
    r"(?:\.c(?P<component>\d+)(?:s(?P<subcomponent>\d+))?)?"
    r"(?:\.(?P<member>[a-z]+)(?:\[(?P<nth>\d+)\])?)?)?"
)
# where in an XPN stands what is read of it, of an XCN one further; and in other fields
_OF_NAMES: Final = {"family": 1, "given": 2, "suffix": 4, "prefix": 5}
_OF_OTHERS: Final = {"line": (1, 2, 8), "coding": (1, 4, 10)}
# times are chosen from several fields: the first that may tell each
_CHOSEN: Final = {
    "times.recorded": "EVN-2",
    "times.admitted": "PV1-44",
    "times.discharged": "PV1-45",
    "times.left": "PV1-45",
}


def location_of(path: str) -> str:
    """Return a place as people write it (`PV1-2.1`), or nothing when the path names none."""
    if path in _CHOSEN:
        return _CHOSEN[path]
    match = _PATH.match(path)
    if match is None:
        return ""
    groups = match.groupdict()
    segment, member = groups.pop("segment"), groups.pop("member")
    numbers = {name: int(text or 0) for name, text in groups.items()}
    counted = {name: numbers[name] + 1 for name in ("sequence", "repetition")}
    nth = numbers.pop("nth")
    if member and not numbers["component"]:
        numbers["component"] = _component(segment, numbers["field"], member, nth)
    return str(ErrorLocation(segment, **{**numbers, **counted}))


def _component(segment: str, field: int, member: str, nth: int) -> int:
    """Return the component of the nth part of what is read of a field whole; 0 where it is several."""
    if member in _OF_NAMES:
        return _OF_NAMES[member] + nth + (READ.get(segment, {}).get(field) is STAFF)
    parts = _OF_OTHERS.get(member, ())
    return parts[nth] if nth < len(parts) else 0
