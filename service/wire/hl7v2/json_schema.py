"""The JSON Schema of the view, against which mappings are checked when they are loaded.

Segments and fields are those of HL7 v2.9 (https://www.hl7.org/implement/standards/product_brief.cfm?product_id=649);
which components a field has depends on its data type and version, so any of them may be named.
"""

from typing import Any, Final

from service.wire.hl7v2.types.concepts import Concept, language
from service.wire.hl7v2.types.datatypes import (
    READ,
    address,
    destination,
    identifier,
    location,
    rank,
    telecom,
    words,
)
from service.wire.hl7v2.types.reading import Reader
from service.wire.hl7v2.view import INSIDE, MANY, MANY_A_PATIENT, ONCE, ONCE_A_PATIENT, TIMES, USED_AS_TIMES

FIELDS: Final = {
    "ACC": 13,
    "AL1": 8,
    "ARV": 6,
    "CON": 25,
    "DB1": 8,
    "DG1": 26,
    "DRG": 33,
    "EVN": 8,
    "GT1": 57,
    "IAM": 30,
    "IN1": 55,
    "IN2": 72,
    "IN3": 28,
    "MRG": 7,
    "MSH": 28,
    "NK1": 41,
    "NTE": 9,
    "OBX": 33,
    "PD1": 23,
    "PDA": 9,
    "PID": 40,
    "PR1": 25,
    "PRT": 24,
    "PV1": 54,
    "PV2": 50,
    "ROL": 14,
    "SFT": 6,
    "UB1": 23,
    "UB2": 17,
}
"""How many fields each segment has."""


def schema() -> dict[str, Any]:
    """Return the schema of what `to_json` gives."""
    patient = {
        **{name: _segment(name) for name in ONCE_A_PATIENT},
        **{name: _list(_segment(name)) for name in MANY_A_PATIENT},
        "restricted": _list(_TEXT),
        "other": {"type": "object", "additionalProperties": _list({"type": "object"})},
    }
    top = {**{name: _segment(name) for name in ONCE}, **{name: _list(_segment(name)) for name in MANY}}
    return {
        **_object({**top, **patient, "patients": _list(_object(patient))}),
        "$defs": {
            "field": _components(),
            "time": _components(time=_TEXT),
            **_KINDS,
        },
    }


def _segment(name: str) -> dict[str, Any]:
    times = (*TIMES.get(name, ()), *USED_AS_TIMES.get(name, ()))
    fields: dict[str, Any] = {}
    for number in range(1, FIELDS[name] + 1):
        kind = {"$ref": f"#/$defs/{'time' if number in times else _kind(READ.get(name, {}).get(number))}"}
        fields |= {f"f{number}": kind, f"r{number}": _list(kind)}
    inside = {
        inner: _list(_segment(inner)) if repeats else _segment(inner)
        for inner, repeats in INSIDE.get(name, {}).items()
    }
    return _object({**fields, **inside, "nulls": _list({"type": "string"})})


def _kind(reader: Reader | None) -> str:
    """Return the name of what a reader adds to."""
    if reader is None:
        return "field"
    return "concept" if isinstance(reader, Concept) else _READERS.get(reader, "name")


def _components(**read: dict[str, Any]) -> dict[str, Any]:
    """Return the schema of a field's components and of what is read of them.

    Any field may hold a number, of which `authorities.name_systems` says more.
    """
    return _object({"known_as": _TEXTS, **read}) | {"additionalProperties": _TEXT}


def _object(properties: dict[str, Any]) -> dict[str, Any]:
    return {"type": "object", "properties": properties}


def _list(items: dict[str, Any]) -> dict[str, Any]:
    return {"type": "array", "items": items}


_TEXT: Final = {"type": "string"}
_TEXTS: Final = _list(_TEXT)
_PERIOD: Final = _object({"start": _TEXT, "end": _TEXT})
_CODING: Final = _list(_object({"system": _TEXT, "code": _TEXT, "display": _TEXT}))
_POINT: Final = _object(
    {
        "kind": {"type": "string", "enum": ["email", "url"]},
        "value": _TEXT,
        "use": _list(_object({"code": _TEXT})),
        "equipment": _TEXT,
        "period": _PERIOD,
    }
)
_READERS: Final[dict[Reader, str]] = {
    address: "address",
    destination: "words",
    identifier: "identifier",
    language: "language",
    location: "words",
    rank: "rank",
    telecom: "telecom",
    words: "text",
}
_KINDS: Final = {
    "address": _components(line=_TEXTS, period=_PERIOD),
    "concept": _components(coding=_CODING, text=_TEXT),
    "identifier": _components(period=_PERIOD),
    "language": _components(coding=_CODING, text=_TEXT, tag=_TEXT),
    "name": _components(family=_TEXT, given=_TEXTS, prefix=_TEXTS, suffix=_TEXTS, period=_PERIOD),
    "rank": _components(number={"type": "integer"}),
    "telecom": _components(points=_list(_POINT)),
    "text": _components(text=_TEXT),
    "words": _components(words=_TEXT),
}
