"""Where in a message stands what a path of the source `hl7v2` (see `incoming.patients`) names."""

import re
from typing import Final

from service.wire.hl7v2.places import Place

_PATH: Final = re.compile(
    r"message\.(?:[A-Z0-9]{3}(?:\[\d+\])?\.)?(?P<segment>[A-Z][A-Z0-9]{2})(?:\[(?P<sequence>\d+)\])?"
    r"(?:\.[fr](?P<field>\d+)(?:\[(?P<repetition>\d+)\])?"
    r"(?:\.c(?P<component>\d+)(?:s(?P<subcomponent>\d+))?)?)?"
)
# times are chosen from several fields: the first that may tell each
_CHOSEN: Final = {
    "times.recorded": "EVN-2",
    "times.admitted": "PV1-44",
    "times.discharged": "PV1-45",
    "times.left": "PV1-45",
}


def place_of(path: str) -> str:
    """Return a place as people write it (`PV1-2.1`), or nothing when the path names none."""
    if path in _CHOSEN:
        return _CHOSEN[path]
    found = _PATH.match(path)
    if found is None:
        return ""
    numbers = {name: int(text or 0) for name, text in found.groupdict().items() if name != "segment"}
    counted = {name: numbers[name] + 1 for name in ("sequence", "repetition")}
    return str(Place(found["segment"], **{**numbers, **counted}))
