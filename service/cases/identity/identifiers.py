"""Whose number it is: which identifiers name one person, and when two of them are the same number.

An identifier has a system, perhaps a type (HL7 table 0203), a use, and as its sender may also write it
(`known_as`): with another name of the same authority, or with none.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

from service.values.identifiers.numbers import OF_SYSTEMS, TYPES, is_personal
from service.values.identifiers.placeholders import names_nobody
from service.values.inbound.intake import IntakeSettings

Json = dict[str, Any]
_PASSING: Final = frozenset({"secondary", "temp"})
_MAIL: Final = re.compile(r"[^\s@]+@[^\s@]+\.[^\s@]+|(?:mailto|tel|sip):.*")
_NO_AUTHORITY: Final = re.compile(r"urn:casebridge:authority:[^:]+")
_VISIT: Final = frozenset({None, "VN"})


def identifying(identifiers: Iterable[Json], settings: IntakeSettings) -> list[Json]:
    """Return the identifiers that find a person, by a hospital's settings.

    What is secondary, temporary or a placeholder finds nobody, nor does a number that names something else
    than one person: an account, a visit, an insurance, a device, a mailbox.
    """
    return [identifier for identifier in identifiers if _finds(identifier, settings)]


def _finds(identifier: Json, settings: IntakeSettings) -> bool:
    type_, system = identifier.get("type"), identifier["system"]
    if type_ is None and system not in settings.identifying:
        type_ = OF_SYSTEMS.get(system)
    return (
        identifier.get("use") not in _PASSING
        and settings.identifies(system)
        and (is_personal(type_) or type_ in settings.identifying_types)
        and not _MAIL.fullmatch(identifier["value"])
        and not names_nobody(identifier["value"], settings.placeholders)
    )


def is_visit(identifier: Json) -> bool:
    """Return whether a stay's identifier is a number of this visit alone; an account may have several."""
    return identifier.get("type") in _VISIT and identifier.get("use") not in _PASSING


def same_number(sent: Json, held: Json) -> bool:
    """Return whether two identifiers are one number, by the names of their systems and their types."""
    if sent["value"] != held["value"] or _kind(sent) != _kind(held):
        return False
    return sent["system"] in systems(held) or held["system"] in systems(sent)


def with_authority(identifiers: Sequence[Json]) -> list[Json]:
    """Return identifiers without those of no stated authority that stand among them with theirs, too."""
    assigned = [identifier for identifier in identifiers if not _NO_AUTHORITY.fullmatch(identifier["system"])]
    return [
        identifier
        for identifier in identifiers
        if identifier in assigned or not share_a_number([identifier], assigned)
    ]


def systems(identifier: Json) -> list[str]:
    """Return the systems under which an identifier may stand, the one that is used first."""
    return [identifier["system"], *identifier.get("known_as", ())]


def type_of_number(identifier: Json) -> str | None:
    """Return the type of a number, which before had its place in the system alone."""
    system: str = identifier["system"]
    suffix = system.rpartition(":")[2] if system.startswith("urn:casebridge:authority:") else ""
    type_: str | None = identifier.get("type")
    return type_ or (suffix if suffix in TYPES else OF_SYSTEMS.get(system))


def _kind(identifier: Json) -> str | None:
    """Return of what kind a number is; a record number is often sent without its type, as is a visit's."""
    type_ = type_of_number(identifier)
    return None if is_personal(type_) or type_ == "VN" else type_


def pairs(identifiers: Iterable[Json]) -> list[tuple[str, str]]:
    """Return (system, value) of identifiers, of each the system that is used."""
    return [(identifier["system"], identifier["value"]) for identifier in identifiers]


def share_a_number(sent: Sequence[Json], held: Sequence[Json]) -> bool:
    """Return whether one of some numbers is one of others."""
    return any(same_number(one, other) for one in sent for other in held)


def differing_system(sent: Sequence[Json], held: Sequence[Json]) -> str | None:
    """Return a system in which both have numbers and none in common, or None; former numbers do not count."""
    ours = [identifier for identifier in held if identifier.get("use") not in {*_PASSING, "old"}]
    for system in dict.fromkeys(identifier["system"] for identifier in sent):
        theirs = [identifier for identifier in sent if identifier["system"] == system]
        others = [identifier for identifier in ours if _in(system, identifier, theirs)]
        # a number that was theirs once is still theirs
        if others and not share_a_number(theirs, held):
            return str(system)
    return None


def _in(system: str, held: Json, sent: Sequence[Json]) -> bool:
    return held["system"] == system and any(_kind(held) == _kind(identifier) for identifier in sent)


def once(identifiers: Iterable[Json]) -> list[Json]:
    """Return each number once, by the name of its system that says most, without the other names."""
    numbers: list[Json] = []
    for identifier in identifiers:
        twin = next((at for at, other in enumerate(numbers) if same_number(identifier, other)), None)
        if twin is None:
            numbers.append(identifier)
        elif identifier["system"] != numbers[twin]["system"] and numbers[twin]["system"] in systems(
            identifier
        ):
            numbers[twin] = {**numbers[twin], **identifier}
        else:
            numbers[twin] = {**identifier, **numbers[twin]}
    return [public(identifier) for identifier in numbers]


def public(identifier: Mapping[str, Any]) -> Json:
    """Return an identifier as documents have it."""
    return {name: member for name, member in identifier.items() if name != "known_as"}


def former(discharge: Json, today: str) -> Json:
    """Return what was said with the patient's numbers whose period is over marked as former ones.

    Args:
        discharge: a Discharge.
        today: the day by which it is told, as an ISO date; what ended that day still holds.
    """
    patient = discharge.get("patient", {})
    if not any("period" in identifier for identifier in patient.get("identifiers", ())):
        return discharge
    numbers = [
        {**identifier, "use": "old"}
        if _is_over(identifier, today) and identifier.get("use") not in _PASSING
        else identifier
        for identifier in patient["identifiers"]
    ]
    return {**discharge, "patient": {**patient, "identifiers": numbers}}


def _is_over(identifier: Json, today: str) -> bool:
    end = identifier.get("period", {}).get("end", today)
    return bool(end < today[: len(end)])


def without_placeholders(discharge: Json, settings: IntakeSettings) -> tuple[Json, list[str]]:
    """Return what was said without numbers that are none, and the JSON pointers of those.

    An organisation, doctor or payer of whom nothing is left is left out too.
    """
    gone: list[str] = []
    cleaned = _without_placeholders_below(discharge, "", settings, gone)
    return (_without_nobody(cleaned), gone) if gone else (discharge, gone)


def _without_nobody(discharge: Json) -> Json:
    stay = discharge.get("stay", {})
    parts = {
        "stay": {name: part for name, part in stay.items() if name != "hospital" or part},
        "contacts": [
            contact for contact in discharge.get("contacts", ()) if {"identifiers", "names"} & contact.keys()
        ],
        "coverages": [insurance for insurance in discharge.get("coverages", ()) if insurance["payer"]],
    }
    return {**discharge, **{name: part for name, part in parts.items() if name in discharge}}


def _without_placeholders_below(node: Json, where: str, settings: IntakeSettings, gone: list[str]) -> Json:
    cleaned: Json = {}
    for name, value in node.items():
        place = f"{where}/{name}"
        if name in {"identifiers", "merged_from"}:
            numbers = list(_real(value, place, settings, gone))
            # an empty list says that a person has none: for a patient it is what the rules look at
            if numbers or place == "/patient/identifiers":
                cleaned[name] = numbers
        elif name == "payer" and "name" in value and names_nobody(value["name"], settings.placeholders):
            gone.append(f"{place}/name")
            nameless = {inside: member for inside, member in value.items() if inside != "name"}
            cleaned[name] = _without_placeholders_below(nameless, place, settings, gone)
        elif isinstance(value, dict):
            cleaned[name] = _without_placeholders_below(value, place, settings, gone)
        elif isinstance(value, list) and value and isinstance(value[0], dict):
            cleaned[name] = [
                _without_placeholders_below(item, f"{place}/{at}", settings, gone)
                for at, item in enumerate(value)
            ]
        else:
            cleaned[name] = value
    return cleaned


def _real(
    identifiers: Sequence[Json], place: str, settings: IntakeSettings, gone: list[str]
) -> Iterator[Json]:
    for at, identifier in enumerate(identifiers):
        if names_nobody(identifier["value"], settings.placeholders):
            gone.append(f"{place}/{at}/value")
        else:
            yield identifier
