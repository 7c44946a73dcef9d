"""Whose numbers are whose: the system of a CX or XCN, the other names its sender may give it, and its type.

Assigning authorities are HDs, http://www.hl7.eu/refactored/dtHD.html; types are those of HL7 table 0203. A
record number, a national one or a visit's stands under its authority's own system; a number of another kind,
as an account's, under one that ends in `#` and the type, so that account 55001 is not record 55001.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import quote

from service.values.identifiers.numbers import PERSONAL, is_personal, type_of
from service.values.inbound.intake import IntakeSettings

Json = dict[str, Any]
OURS: Final = "urn:casebridge:authority"
_NPI: Final = "http://hl7.org/fhir/sid/us-npi"
_OID: Final = re.compile(r"[0-2](\.(0|[1-9][0-9]*))+\Z")
_URI: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:\S+\Z")


@dataclass(frozen=True, slots=True)
class _Field:
    """A field that holds numbers: where the authority and the type stand, and what kind it holds by itself.

    `kind` is the type of a number that has none; `keeps` says that the field decides, whatever the type.
    """

    authority: int = 4
    type: int = 5
    kind: str | None = None
    keeps: bool = False


_PERSONS: Final = _Field()
_VISITS: Final = _Field(kind="VN", keeps=True)
_OTHERS: Final = _Field(keeps=True)
_PEOPLE: Final = _Field(authority=9, type=13, keeps=True)
_FIELDS: Final = {
    **dict.fromkeys(("PID-2", "PID-3", "PID-4", "MRG-1", "MRG-2", "MRG-4"), _PERSONS),
    **dict.fromkeys(("PV1-19", "PV1-50"), _VISITS),
    "PID-18": _Field(kind="AN"),
    "PID-19": _Field(kind="SS"),
    "IN1-3": _OTHERS,
    **dict.fromkeys(
        ("PV1-7", "PV1-8", "PV1-9", "PV1-17", "PV1-52", "PV2-13", "PD1-4", "ROL-4", "PRT-5"), _PEOPLE
    ),
}
# of older versions: beside a number in the other field they find nobody, unless they say whose they are
_VAGUE: Final = {"PID-2": "PID-3", "PID-4": "PID-3", "MRG-2": "MRG-1", "MRG-4": "MRG-1"}


GIVEN: Final = ("system", "known_as", "type", "use")
"""What stands under each number."""


def components(place: str, key: str) -> tuple[str, ...]:
    """Return the components of a field, `PID-3`, that one of `GIVEN` is made of beside the number."""
    field = _FIELDS.get(place)
    if field is None:
        return ()
    assigner = [f"c{field.authority}{part}" for part in ("", "s2", "s3")]
    return (*(assigner if key != "type" else ()), f"c{field.type}")


def name_systems(view: Json, partner: str, settings: IntakeSettings) -> None:
    """Put `system`, `known_as`, `type` and `use` under each number of a patient's segments.

    Args:
        view: segments as `view.to_json` shows them; changed in place.
        partner: the sender's name in the registry; numbers of no stated authority are theirs.
        settings: the authorities that the registry states.
    """
    registry = dict(settings.authorities)
    for place, field in _FIELDS.items():
        vague = _VAGUE.get(place)
        beside = vague is not None and any("c1" in number for number in _numbers(view, vague))
        for number in _numbers(view, place):
            _name(number, field, partner, registry)
            if place == "PV1-50":
                # an alternate number: senders put one there that several visits have, or the person's
                sent = type_of(number.get("c5"))
                number |= {"use": "secondary", "type": sent if sent in PERSONAL else "VN"}
            if beside and "type" not in number and not _is_stated(number, field):
                number["use"] = "secondary"


def _numbers(view: Json, place: str) -> Iterator[Json]:
    name, _, number = place.partition("-")
    segments = view.get(name, [])
    for segment in segments if isinstance(segments, list) else [segments]:
        # the first repetition stands under f too, and is the same object
        yield from segment.get(f"r{number}", ())


def _is_stated(number: Json, field: _Field) -> bool:
    return any(number.get(f"c{field.authority}{part}") for part in ("", "s2"))


def _name(number: Json, field: _Field, partner: str, registry: dict[str, str]) -> None:
    sent = type_of(number.get(f"c{field.type}"))
    type_ = field.kind if sent is None or (field.keeps and field.kind) else sent
    systems = _systems(number, field.authority, partner, registry)
    if type_ == "NPI" and field is _PEOPLE:
        systems = [_NPI, *systems]
    elif not field.keeps and not is_personal(type_):
        systems = [f"{system}#{type_}" for system in systems]
    if field.type == _PERSONS.type:
        systems += _former(number, type_, partner)
    number["system"] = systems[0]
    number["known_as"] = systems[1:100]
    if type_ is not None:
        number["type"] = type_


def _systems(number: Json, component: int, partner: str, registry: dict[str, str]) -> list[str]:
    """Return the URIs of a number's assigning authority: by the registry, by the sender, or as their own.

    The last is that of their numbers without an authority; of such a one the others are those registered.
    """
    name, universal, kind = (number.get(f"c{component}{part}", "") for part in ("", "s2", "s3"))
    theirs = f"{OURS}:{quote(partner, safe='')}"
    if not name and not universal:
        return [theirs, *dict.fromkeys(registry.values())]
    registered = [registry[authority] for authority in (name, universal) if authority in registry]
    local = f"{theirs}:{quote(name or universal, safe='')}"
    return list(dict.fromkeys([*registered, *_universal(name, universal, kind), local, theirs]))


def _former(number: Json, type_: str | None, partner: str) -> Iterator[str]:
    """Give the systems that a number may be known under from before: they ended in the type that was sent."""
    name = number.get("c4") or number.get("c4s2", "")
    stem = ":".join([OURS, *(quote(part, safe="") for part in (partner, name) if part)])
    usual = ("MR", "PI", "PT") if is_personal(type_) else (type_,)
    for type_sent in dict.fromkeys([number.get("c5"), *usual]):
        if type_sent:
            yield f"{stem}:{quote(type_sent, safe='')}"


def _universal(name: str, universal: str, kind: str) -> Iterator[str]:
    if kind in {"ISO", ""} and _OID.match(universal):
        yield f"urn:oid:{universal}"
    elif kind == "UUID" and universal:
        yield f"urn:uuid:{universal.lower()}"
    elif _URI.match(universal):
        yield universal
    if _OID.match(name):
        yield f"urn:oid:{name}"
