"""The messages as JSON Schema (2020-12), of the types that the flows make them with; an example of each.

https://json-schema.org/draft/2020-12
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Final, NotRequired, get_args, get_origin, get_type_hints

from service.values.messages import CASE, CLIENT, RESOURCE, UNTOLD, CloudEvent, schema_name, type_name
from service.wire.contracts.documents.case import STATUSES

Schema = dict[str, Any]
ENVELOPE: Final = "cloudevent.schema.json"
_DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"
_TYPES: Final[dict[Any, Schema]] = {
    str: {"type": "string"},
    int: {"type": "integer"},
    list[str]: {"type": "array", "items": {"type": "string"}},
    dict[str, Any]: {"type": "object"},
}
_ID: Final = "5f0c1c9e-8a53-4d55-9f0b-8f1f0f5b7a10"
_STATUS: Final = {"opened": "planned", "closed": "finished"}
_OWNER: Final = "0d3c6b1a-6f1e-4b0e-8a57-3c2f9e5d7b41"


@dataclass(frozen=True, slots=True)
class MessageType:
    """One type of message: its routing key, the JSON Schema of its data, and an example of the whole."""

    key: str
    summary: str
    data: Schema
    owners: str
    example: dict[str, Any]

    @property
    def schema(self) -> str:
        """The name of the file that the schema of its data is in."""
        return schema_name(self.key)


def envelope() -> Schema:
    """Return the JSON Schema of what all messages have in common."""
    return {"$schema": _DIALECT, "title": "CloudEvent", **_object(CloudEvent)}


def messages(owners: Mapping[str, tuple[str, ...]]) -> Iterator[MessageType]:
    """Give each type of message.

    Args:
        owners: of each resource type that the mappings make, the kinds of document that own such resources.
    """
    for happened, shape in CASE.items():
        yield _message_schema("case", happened, shape, ("case",))
    for happened, shape in CLIENT.items():
        yield _message_schema("client", happened, shape, ("client",))
    for type_, kinds in owners.items():
        if type_ != UNTOLD:
            for happened, shape in RESOURCE.items():
                yield _message_schema(type_, happened, shape, kinds)


def _message_schema(what: str, happened: str, shape: type, kinds: tuple[str, ...]) -> MessageType:
    key = f"{what.lower()}.{happened}"
    data = _object(shape)
    for name, extra in _closer(what, happened).items():
        if name in data["properties"]:
            data["properties"][name] |= extra
    schema = {"$schema": _DIALECT, "title": type_name(key), **data}
    common = _object(CloudEvent)
    about = {
        **_example(common),
        "traceparent": common["properties"]["traceparent"]["examples"][0],
        "type": type_name(key),
        "subject": f"{what}/{_ID}",
        "dataschema": f"https://casebridge.example/docs/messages/{schema_name(key)}",
        "partitionkey": f"{kinds[0]}/{_ID if what in kinds else _OWNER}",
        "data": _example(data),
    }
    example = {name: about[name] for name in CloudEvent.__annotations__}
    owners = f"^{kinds[0]}/" if len(kinds) == 1 else f"^(?:{'|'.join(kinds)})/"
    return MessageType(key, f"{what} {happened}", schema, owners, example)


def _closer(what: str, happened: str) -> dict[str, Schema]:
    """Return what is known better of the members of one type of message than of their kind."""
    members: dict[str, Schema] = {
        "reference": {"pattern": rf"^{what}/[A-Za-z0-9\-.]{{1,64}}$", "examples": [f"{what}/{_ID}"]},
        "resource": {"required": ["resourceType"], "properties": {"resourceType": {"const": what}}},
        "status": {"enum": list(STATUSES), "examples": [_STATUS.get(happened, "active")]},
    }
    if happened == "created":
        members |= {
            "versionId": {"const": "1", "examples": ["1"]},
            "changed": {"maxItems": 0, "examples": [[]]},
        }
    return members


def _object(shape: type) -> Schema:
    """Return the schema of a TypedDict; members may be added to a version, so unknown ones are allowed."""
    hints = get_type_hints(shape, include_extras=True)
    return {
        "description": (shape.__doc__ or "").strip().splitlines()[0],
        "type": "object",
        "properties": {name: _member(hint) for name, hint in hints.items()},
        "required": [name for name in hints if name in shape.__required_keys__],  # type: ignore[attr-defined]
    }


def _member(hint: Any) -> Schema:
    if get_origin(hint) is NotRequired:
        hint = get_args(hint)[0]
    assert get_origin(hint) is Annotated, "each member of a message is described"
    kind, metadata = get_args(hint)
    return {**_TYPES[kind], **metadata}


def _example(schema: Schema) -> dict[str, Any]:
    """Return an example of each required member that has one."""
    required = {name: schema["properties"][name] for name in schema["required"]}
    samples = {
        name: [member["const"]] if "const" in member else member.get("examples")
        for name, member in required.items()
    }
    return {name: examples[0] for name, examples in samples.items() if examples}
