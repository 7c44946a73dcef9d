"""What R4 lets a sender write, and our contracts cannot hold, made so that it can be used.

https://hl7.org/fhir/R4/datatypes.html#dateTime · https://hl7.org/fhir/R4/datatypes.html#Period
"""

from typing import Any, Final

from service.values.dates import is_before
from service.wire.fhir.sent.instants import plain

Json = dict[str, Any]
_LONGEST: Final = len("2026-02-27T15:00:00.123456789Z")
_AT_SIGN: Final = "@"
_DISPOSITIONS: Final = frozenset(
    {
        "http://fhir.de/StructureDefinition/Entlassungsgrund",
        "https://fhir.hl7.org.uk/StructureDefinition/Extension-UKCore-DischargeMethod",
    }
)


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
    try:
        return is_before(end, start)
    except ValueError:
        # neither is told to be what it is not: the check of it says so
        return False


def tidy_disposition(encounter: Json) -> None:
    """Put among the codings of how a stay ended, in place, those that a country has in an extension for it.

    https://simplifier.net/basisprofil-de-r4/entlassungsgrund ·
    https://simplifier.net/hl7fhirukcorer4/extension-ukcore-dischargemethod
    """
    hospital = encounter.get("hospitalization")
    if not isinstance(hospital, dict):
        return
    codings: list[Json] = []
    parts: tuple[Any, ...] = (encounter, hospital, hospital.get("dischargeDisposition"))
    for part in parts:
        extensions = _extensions(part)
        if dispositions := [extension for extension in extensions if extension.get("url") in _DISPOSITIONS]:
            codings += (coding for extension in dispositions for coding in _codings(extension))
            part["extension"] = [extension for extension in extensions if extension not in dispositions]
            if not part["extension"]:
                del part["extension"]
    if codings:
        concept = hospital.setdefault("dischargeDisposition", {})
        concept["coding"] = [*concept.get("coding", []), *codings]


def _extensions(part: Any) -> list[Json]:
    extensions = part.get("extension") if isinstance(part, dict) else None
    return (
        [extension for extension in extensions if isinstance(extension, dict)]
        if isinstance(extensions, list)
        else []
    )


def _codings(extension: Json) -> list[Json]:
    parts = [extension, *_extensions(extension)]
    codings = [part.get("valueCoding") for part in parts]
    codings += (one for part in parts for one in part.get("valueCodeableConcept", {}).get("coding", []))
    return [coding for coding in codings if isinstance(coding, dict)]
