"""What R4 lets a sender write, and our contracts cannot hold, made so that it can be used.

https://hl7.org/fhir/R4/datatypes.html#dateTime · https://hl7.org/fhir/R4/datatypes.html#Period
"""

from datetime import datetime
from typing import Any, Final

from service.wire.fhir.instants import plain

Json = dict[str, Any]
_LONGEST: Final = len("2026-02-27T15:00:00.123456789Z")
_AT_SIGN: Final = "@"


def tidy(part: Json) -> None:
    """Tidy one part of a resource, in place.

    An instant loses digits beyond a billionth of a second, and its leap second; a Period that ends before it
    starts has no end (checks tell of it, per-1); a ContactPoint without a system has the one that its value
    looks like (checks tell of that too, cpt-2).
    """
    for name, value in part.items():
        # the sixtieth second stands at 17, a fraction that is too long makes an instant longer than any
        if type(value) is str and value[10:11] == "T" and (value[17:19] == "60" or len(value) >= _LONGEST):
            part[name] = plain(value)
    if "end" in part and "start" in part and _is_reversed(part["start"], part["end"]):
        del part["end"]
    ways = part.get("telecom")
    for way in ways if isinstance(ways, list) else ():
        if isinstance(way, dict) and "system" not in way and isinstance(way.get("value"), str):
            way["system"] = "email" if _AT_SIGN in way["value"] else "phone"


def _is_reversed(start: Any, end: Any) -> bool:
    if not (isinstance(start, str) and isinstance(end, str)):
        return False
    if "T" in start and "T" in end:
        try:
            return datetime.fromisoformat(end) < datetime.fromisoformat(start)
        except (ValueError, TypeError):
            return False
    known = min(len(start.partition("T")[0]), len(end.partition("T")[0]))
    return end[:known] < start[:known]
