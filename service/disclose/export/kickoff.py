"""What a kick-off asks for, read and checked: of an address, or of posted Parameters.

https://hl7.org/fhir/uv/bulkdata/STU2/export.html#query-parameters
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from flask import request

from service.disclose.negotiate import FHIR
from service.door import json_body
from service.errors import Issue, Malformed, Unscoped, Unsupported
from service.flows.export.elements import is_element
from service.values.jobs.exports import Asked
from service.wire.fhir.search.type_filter import NAME, filters_of, narrowings
from service.wire.parameters import shown

NDJSON: Final = "application/fhir+ndjson"
FORMATS: Final = (NDJSON, "application/ndjson", "ndjson")
KNOWN: Final = (
    *("_type", "_since", "_until", "_elements", "_typeFilter", "patient", "organizeOutputBy"),
    *("allowPartialManifests", "_outputFormat"),
)
EXPORT_TYPE: Final = "exportType"
EXPORT_TYPES: Final = tuple(
    f"hl7.fhir.us.davinci-pdex#{what}"
    for what in ("payertopayer", "provider-download", "provider-delta", "provider-snapshot")
)
"""What an export of Da Vinci may be for; it has the same resources for each."""
UNSUPPORTED: Final = {
    "includeAssociatedData": "name the types in _type: Provenance is one of them",
}
"""Parameters of Bulk Data that are not heeded here, and what to do instead."""
_MOST: Final = 200
_SHORT: Final = 100
_PATIENT: Final = re.compile(r"Patient/([A-Za-z0-9.-]{1,64})", re.ASCII)
_OF_ALL: Final = "/fhir/$export"


@dataclass(frozen=True, slots=True)
class Kinds:
    """Which types are kept, and whether a partner may see one."""

    kept: Sequence[str]
    allowed: Callable[[str], bool]

    def checked(self, named: Sequence[str]) -> tuple[str, ...]:
        """Return the types to export: those named, or all that may be.

        Raises:
            Malformed: one is not kept here.
            Unscoped: one is not the partner's to see, or none is.
        """
        unknown = [type_ for type_ in named if type_ not in self.kept]
        if unknown:
            raise Malformed(f"Not a type that is exported; these are: {', '.join(self.kept)}.", where="_type")
        wanted = tuple(type_ for type_ in self.kept if type_ in named) if named else tuple(self.kept)
        types = tuple(type_ for type_ in wanted if self.allowed(type_))
        denied = next((type_ for type_ in wanted if type_ not in types), "*")
        if not types or (named and len(types) < len(wanted)):
            scope = f"system/{denied if named else '*'}.rs"
            raise Unscoped(f"This partner was not granted {scope}.", scope)
        return types


def check_prefer() -> bool:
    """Tell whether what is not known may be passed over; refuse who would not take an answer later.

    https://www.rfc-editor.org/rfc/rfc7240
    """
    said = {each.strip().lower() for each in request.headers.get("Prefer", "").replace(";", ",").split(",")}
    if "respond-async" not in said:
        raise Malformed("It takes time: send `Prefer: respond-async`.", where="Prefer")
    return "handling=lenient" in said


@dataclass(frozen=True, slots=True)
class Reading:
    """How a kick-off is read: `clients` gives the clients of Patients, by the ids of those that may be seen.

    `address` is ours; `also` are the parameters that are taken beside those of every export.
    """

    address: str
    kinds: Kinds
    clients: Callable[[Sequence[str]], Mapping[str, str]]
    also: tuple[str, ...] = ()


def asked(reading: Reading) -> Asked:
    """Return what this request asks to export.

    Raises:
        Malformed: a parameter is not known, not heeded here, or cannot be read; names it.
        Unscoped: as `Kinds.checked`.
    """
    is_lenient = check_prefer()
    values: dict[str, list[str]] = {}
    ignored: list[str] = []
    for name, text in _pairs():
        if name in KNOWN or name in reading.also:
            values.setdefault(name, []).extend(_values(name, text))
        elif is_lenient:
            ignored.append(f"{shown(name)}: {_why_not(name)}")
        else:
            raise Malformed(_why_not(name), where=shown(name))
    _check_format(_one(values, "_outputFormat"))
    _check_purpose(_one(values, EXPORT_TYPE))
    _check_boolean("allowPartialManifests", _one(values, "allowPartialManifests"))
    types = reading.kinds.checked(values.get("_type", []))
    given = request.query_string.decode("ascii", "replace")
    address = reading.address
    return Asked(
        request=f"{address}{request.path}" + (f"?{given}" if given else ""),
        types=types,
        since=_instant("_since", _one(values, "_since")),
        until=_instant("_until", _one(values, "_until")),
        elements=_elements(values.get("_elements", []), types),
        filters=_filters(values.get(NAME, []), types),
        clients=_clients(values.get("patient"), reading.clients),
        by_patient=_is_by_patient(_one(values, "organizeOutputBy")),
        ignored=tuple(dict.fromkeys(ignored)),
    )


def _values(name: str, text: str) -> list[str]:
    if name == NAME:
        return filters_of(text)
    return [each.strip() for each in text.split(",")]


def _pairs() -> list[tuple[str, str]]:
    pairs = [pair for pair in request.args.items(multi=True) if pair[0] not in {"_format", "_pretty"}]
    if request.method == "POST" and (request.content_length or request.mimetype):
        if request.mimetype not in {FHIR, "application/json"}:
            raise Unsupported(f"Send the parameters as {FHIR}: a Parameters resource.", where="Content-Type")
        pairs += _parameters(json_body())
    if len(pairs) > _MOST or any(len(text) > _SHORT * _MOST for _, text in pairs):
        raise Malformed("That is more than an export can be asked for.")
    return pairs


def _parameters(sent: Any) -> Iterable[tuple[str, str]]:
    """Give the name and value of each parameter of a Parameters resource."""
    if not isinstance(sent, dict) or sent.get("resourceType") != "Parameters":
        raise Malformed("Not a Parameters resource.", where="resourceType")
    listed = sent.get("parameter", [])
    if not isinstance(listed, list):
        raise Malformed("Not a list.", where="Parameters.parameter")
    for number, each in enumerate(listed):
        where = f"Parameters.parameter[{number}]"
        if not isinstance(each, dict) or not isinstance(each.get("name"), str):
            raise Malformed("A parameter has a name.", where=where)
        said = [value for key, value in each.items() if key.startswith("value")]
        if len(said) != 1 or not isinstance(said[0], str | bool | dict):
            raise Malformed("A parameter has one value: `valueString`, `valueInstant`, …", where=where)
        reference = said[0].get("reference") if isinstance(said[0], dict) else None
        if each["name"] == "patient":
            if not isinstance(reference, str):
                raise Malformed("Name a patient by a valueReference.", where=where)
            yield "patient", reference
            continue
        if isinstance(said[0], dict) and each["name"] in KNOWN:
            raise Malformed("Not a plain value.", where=where)
        yield each["name"], str(said[0]).lower() if isinstance(said[0], bool) else str(said[0])


def _why_not(name: str) -> str:
    if name in UNSUPPORTED:
        return f"Not heeded here; {UNSUPPORTED[name]}."
    return f"Not a parameter of an export; known are {', '.join(KNOWN)}."


def _one(values: dict[str, list[str]], name: str) -> str | None:
    given = values.get(name, [])
    if len(given) > 1:
        raise Malformed("Given twice; give it once.", where=name)
    return given[0] if given else None


def _check_format(text: str | None) -> None:
    # a `+` that was not escaped reads as a space
    if text is not None and text.replace(" ", "+") not in FORMATS:
        raise Malformed(f"Only NDJSON is written; ask for {NDJSON}.", where="_outputFormat")


def _instant(name: str, text: str | None) -> datetime | None:
    if text is None:
        return None
    try:
        instant = datetime.fromisoformat(text)
        if "T" in text and instant.tzinfo is not None:
            return instant.astimezone(UTC)
    except (ValueError, OverflowError) as exc:
        raise Malformed("No such instant, e.g. 2026-03-02T08:00:00Z.", where=name) from exc
    raise Malformed("Not an instant, e.g. 2026-03-02T08:00:00Z.", where=name)


def _check_purpose(text: str | None) -> None:
    if text is not None and text not in EXPORT_TYPES:
        raise Malformed(
            f"Not an export that is known here; these are {', '.join(EXPORT_TYPES)}.", where=EXPORT_TYPE
        )


def _check_boolean(name: str, text: str | None) -> None:
    if text not in {None, "true", "false"}:
        raise Malformed("Say true or false.", where=name)


def _is_by_patient(text: str | None) -> bool:
    if text not in {None, "Patient"}:
        raise Malformed("Files are by Patient, or without it by type.", where="organizeOutputBy")
    return text is not None


def _filters(texts: Sequence[str], types: Sequence[str]) -> tuple[str, ...]:
    """Return the searches that types are filtered by, each of a type that is exported."""
    for narrowing in narrowings(tuple(texts)):
        if narrowing.type not in types:
            raise Malformed(f"It filters {narrowing.type}, which is not exported.", where=NAME)
    return tuple(dict.fromkeys(texts))


def _clients(
    references: Sequence[str] | None, clients: Callable[[Sequence[str]], Mapping[str, str]]
) -> tuple[str, ...] | None:
    """Return the clients of the Patients that are named; None where none is."""
    if references is None:
        return None
    if request.method != "POST" or request.args.get("patient") is not None:
        raise Malformed("Post it, in Parameters, as a valueReference.", where="patient")
    if request.path == _OF_ALL:
        raise Malformed(
            "Patients are named where patients are exported: at /fhir/Patient/$export.", where="patient"
        )
    named = [match[1] for each in references if (match := _PATIENT.fullmatch(each))]
    found = clients(named)
    unknown = [number for number, each in enumerate(references) if each.removeprefix("Patient/") not in found]
    if unknown:
        issues = [
            Issue("There is no such Patient for you.", f"patient[{number}]", "not-found")
            for number in unknown
        ]
        raise Malformed("Some patients are not there.", issues=issues)
    return tuple(sorted(set(found.values())))


def _elements(names: Sequence[str], types: Sequence[str]) -> tuple[str, ...]:
    for name in names:
        if not is_element(name, types):
            what = "Not a root element of a type that is exported, e.g. `status` or `CarePlan.status`."
            raise Malformed(what, where="_elements")
    return tuple(dict.fromkeys(names))
