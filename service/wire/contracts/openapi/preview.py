"""The door for previews: what the mappings would make of a document."""

from collections.abc import Iterator, Sequence
from typing import Final

from service.wire.contracts.openapi.api import EXAMPLES, JSON
from service.wire.contracts.openapi.operations import Described, Operation, answer

_TEXT: Final[Described] = {"type": "string"}
_TEXTS: Final[Described] = {"type": "array", "items": _TEXT}


def operations(kinds: Sequence[str]) -> Iterator[Operation]:
    """Give the operation of previews of documents of these kinds."""
    asked = {
        "type": "object",
        "required": ["kind", "document"],
        "additionalProperties": False,
        "properties": {
            "kind": {"enum": list(kinds)},
            "document": {"type": "object", "description": "The document as it would be PUT."},
            "id": _TEXT | {"description": "Your id of it: what is stored under it keeps its ids."},
            "view": _TEXT | {"description": "The view of the partner it is shown for; your own without it."},
        },
    }
    example = {"kind": "client", "document": EXAMPLES["client"]}
    yield Operation(
        "post",
        "/api/mappings/$preview",
        "preview",
        tag="Mappings",
        right="preview",
        summary="Show what the mappings would make of a document; nothing is stored",
        body={"required": True, "content": {JSON: {"schema": asked, "example": example}}},
        answers={200: answer("The resources, and where each element comes from.", JSON, _answer())},
        faults=(408, 413, 415, 422),
    )


def _answer() -> Described:
    origin = _object(
        place=_TEXT | {"description": "The file, line and column of the mapping."},
        rule=_TEXT | {"description": "What is written there."},
        sources=_TEXTS | {"description": "The fields its value is made of."},
    )
    origin["properties"]["conditions"] = _TEXTS | {
        "description": "The fields that decide whether it is made."
    }
    issue = _object(what=_TEXT, where=_TEXT, code=_TEXT)
    resource = _object(
        resource={"type": "object", "description": "The resource, as FHIR R4 has it."},
        mapping=_TEXT,
        place=_TEXT,
        lineage={"type": "object", "additionalProperties": origin},
    )
    return _object(
        resources={"type": "array", "items": resource},
        unread=_TEXTS | {"description": "Given fields that no mapping reads."},
        issues={"type": "array", "items": issue, "description": "What would be refused."},
        supposed={"type": "array", "items": issue, "description": "Links that lead nowhere yet."},
    )


def _object(**properties: Described) -> Described:
    return {"type": "object", "required": list(properties), "properties": properties}
