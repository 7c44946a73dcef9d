"""The internal contracts as JSON Schema (2020-12), for documentation and for the mapping language's names.

https://json-schema.org/draft/2020-12
"""

from functools import cache
from typing import Any, Final

from marshmallow import fields, validate

from service.wire.contracts.documents import fields as own
from service.wire.contracts.documents.fields import Contract
from service.wire.contracts.documents.kinds import KINDS
from service.wire.contracts.documents.received import RECEIVED

Schema = dict[str, Any]
DIRECTORY: Final = ("practitioner", "organization", "location")
_TEXT: Final[Schema] = {"type": "string"}
_PERIOD: Final[Schema] = {
    "type": "object",
    "additionalProperties": False,
    "properties": {"start": _TEXT, "end": _TEXT},
}
_REVISION: Final[Schema] = {
    "type": "object",
    "additionalProperties": False,
    "properties": {
        **dict.fromkeys(("id", "uuid", "recorded", "partner", "cause"), _TEXT),
        "number": {"type": "integer"},
        "targets": {"type": "array", "items": _TEXT},
    },
}
_STATUS_HISTORY: Final[Schema] = {
    "type": "array",
    "items": {
        "type": "object",
        "additionalProperties": False,
        "properties": {"status": _TEXT, "period": _PERIOD},
    },
}


@cache
def schema(kind: str) -> Schema:
    """Return the JSON Schema of a kind of document."""
    document = _contract(KINDS[kind])
    if kind in RECEIVED:
        received = {**_contract(RECEIVED[kind]), "readOnly": True}
        document = {**document, "properties": {**document["properties"], "received": received}}
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": kind, **document}


def links() -> dict[str, Schema]:
    """Return what the links in a mapping's source lead to, by the kind a link names."""
    return {kind: _root_schema(kind) for kind in (*DIRECTORY, "client")}


def sources() -> dict[str, dict[str, Schema]]:
    """Return, for each source a mapping may be `from`, its root names and their schemas."""
    case = _root_schema("case")
    stays = case["properties"]["stays"]
    stay = _with_history(stays["items"])
    case = _with_history({**case, "properties": {**case["properties"], "stays": {**stays, "items": stay}}})
    roots = {kind: {kind: _root_schema(kind), "revision": _REVISION} for kind in (*DIRECTORY, "client")}
    return {**roots, "case": {"case": case, "client": _root_schema("client"), "revision": _REVISION}}


def _with_history(described: Schema) -> Schema:
    """Return the schema of what has a status with the history of it, which the service writes."""
    items = _STATUS_HISTORY["items"]
    entry = {**items, "properties": {**items["properties"], "status": described["properties"]["status"]}}
    history = {**_STATUS_HISTORY, "items": entry}
    return {**described, "properties": {**described["properties"], "status_history": history}}


def _root_schema(kind: str) -> Schema:
    """Return a contract as a mapping sees it: with our uuid, and whom a merged client has become."""
    described = _contract(KINDS[kind])
    extra = {"merged_into": {**_TEXT, "x-link": "client"}} if kind == "client" else {}
    return {**described, "properties": {"uuid": _TEXT, **described["properties"], **extra}}


def _contract(contract: type[Contract]) -> Schema:
    declared = contract().fields
    described: Schema = {
        "type": "object",
        "description": (contract.__doc__ or "").strip().splitlines()[0],
        "additionalProperties": False,
        "properties": {name: _field(field) for name, field in declared.items()},
    }
    required = [name for name, field in declared.items() if field.required]
    return {**described, "required": required} if required else described


def _field(field: fields.Field[Any]) -> Schema:
    return {**_type_schema(field), **field.metadata}


def _type_schema(field: fields.Field[Any]) -> Schema:
    if isinstance(field, fields.Nested):
        return _contract(type(field.schema))  # type: ignore[arg-type]
    if isinstance(field, fields.List):
        return {"type": "array", "items": _field(field.inner), **_limits(field, "Items")}
    if isinstance(field, own.Flag):
        return {"type": "boolean"}
    if isinstance(field, own.WholeNumber):
        return {"type": "integer", **_limits(field, "")}
    if isinstance(field, own.Number):
        return {"type": "number", **_limits(field, "")}
    return {"type": "string", **_limits(field, "Length")}


def _limits(field: fields.Field[Any], unit: str) -> Schema:
    """Return what the field's validators say: ranges, lengths, patterns, codes."""
    limits: Schema = {}
    for validator in field.validators:
        if isinstance(validator, validate.Regexp):
            limits["pattern"] = "^(?:" + str(validator.regex.pattern).replace(r"\Z", "") + ")$"
        elif isinstance(validator, validate.OneOf):
            limits["enum"] = list(validator.choices)
        elif isinstance(validator, validate.Length):
            limits |= {f"min{unit}": validator.min} if validator.min is not None else {}
            limits |= {f"max{unit}": validator.max} if validator.max is not None else {}
        elif isinstance(validator, validate.Range):
            limits |= {"minimum": validator.min, "maximum": validator.max}
    return limits
