"""What is said of the case system's routes: the same six for every kind of document, a client one more."""

from collections.abc import Iterator, Mapping
from functools import partial
from typing import Final

from service.wire.contracts.published.json_schemas import schema
from service.wire.contracts.published.openapi.operations import JSON, Described, Operation, answer, query

MERGE: Final = "application/merge-patch+json"
_CHANGED: Final = (408, 409, 412, 413, 415, 422, 428)
_SAVED: Final = ("ETag", "Last-Modified", "Casebridge-Id")
_ALIAS: Final[Described] = {
    "type": "object",
    "required": ["identifier"],
    "description": "Without a body the merge is undone. An identifier that a merge gave the client, of "
    "somebody unknown then, is taken off it instead.",
    "properties": {
        "identifier": {
            "type": "object",
            "required": ["system", "value"],
            "properties": {name: {"type": "string", "minLength": 1} for name in ("system", "value")},
        }
    },
    "example": {"identifier": {"system": "urn:example:clients", "value": "R-2"}},
}
EXAMPLES: Final[dict[str, Described]] = {
    "client": {
        "identifiers": [{"system": "urn:example:clients", "value": "R-1"}],
        "names": [{"use": "usual", "given": ["River"]}],
    },
    "case": {
        "client": "river",
        "status": "active",
        "care_model": "clinical",
        "care_manager": "nurse",
        "plan": {
            "title": "Back on the bicycle",
            "status": "active",
            "goals": [{"id": "walk", "status": "active", "description": "Walk to the shop"}],
            "services": [{"id": "physio", "kind": "physiotherapy", "status": "active", "goals": ["walk"]}],
        },
    },
    "practitioner": {"names": [{"family": "Example", "given": ["Nurse"]}]},
    "organization": {"name": "Northern Health", "kind": "insurer"},
    "location": {"name": "Clinic by the river"},
}


def operations(paths: Mapping[str, str]) -> Iterator[Operation]:
    """Give the operations of each kind of document, whose path under /api is given."""
    for kind, below in paths.items():
        yield from _of(kind, f"/api{below}")
    one = f"/api{paths['client']}/{{ref}}"
    client = answer("The client, one of its own again.", JSON, {"$ref": "./client.schema.json"}, _SAVED)
    yield Operation(
        "post",
        f"{one}/unmerge",
        "unmerge-client",
        tag="Documents",
        summary="Undo a merge that was wrong: the client is active again, and its cases return",
        parameters=("Ref",),
        body={"required": False, "content": {JSON: {"schema": _ALIAS}}},
        answers={200: client},
        faults=(404, 409, 415),
    )
    yield _disclosures(one)


def _disclosures(one: str) -> Operation:
    texts = {"type": "array", "items": {"type": "string"}}
    told = {
        "recorded": {"type": "string", "format": "date-time"},
        "partner": {"type": "string", "description": "Who was told."},
        "purposes": texts | {"description": "What for, as its token said."},
        "interaction": {"type": "string", "description": "How: read, search-type, update, …"},
        "told": texts | {"description": "Versions of resources, revisions of documents."},
    }
    page = _items({"type": "object", "required": list(told), "properties": told})
    below = {"type": "integer", "description": "There are more: ask again with this `below`."}
    page["properties"]["below"] = below
    return Operation(
        "get",
        f"{one}/disclosures",
        "disclosures-client",
        tag="Documents",
        summary="List who was told of a client, the newest first",
        parameters=("Ref", query("below", "`below` of the page before.", type="integer"), "Count"),
        answers={200: answer("A page of disclosures.", JSON, page)},
        faults=(404,),
    )


def _of(kind: str, path: str) -> Iterator[Operation]:
    one, document = f"{path}/{{ref}}", {"$ref": f"./{kind}.schema.json"}
    stored = answer(f"The {kind} as it is stored.", JSON, document, _SAVED)
    created = answer(f"The {kind} is new.", JSON, document, (*_SAVED, "Location"))
    same = {"description": "It is the revision you have.", "headers": {"ETag": "ETag"}}
    describe = partial(Operation, tag="Documents")
    yield describe(
        "get",
        path,
        f"list-{kind}",
        summary=f"List {kind} documents",
        parameters=_filters(kind),
        answers={200: answer("A page of documents.", JSON, _page(kind))},
    )
    yield describe(
        "get",
        one,
        f"get-{kind}",
        summary=f"Read a {kind}",
        parameters=("Ref", "If-None-Match"),
        answers={200: stored, 304: same},
        faults=(404,),
    )
    yield describe(
        "put",
        one,
        f"put-{kind}",
        summary=f"Create or replace a {kind}",
        parameters=("Ref", "If-Match", "If-Absent"),
        body={"required": True, "content": {JSON: {"schema": document, "example": EXAMPLES[kind]}}},
        answers={200: stored, 201: created},
        faults=_CHANGED,
    )
    yield describe(
        "patch",
        one,
        f"patch-{kind}",
        summary=f"Change members of a {kind}",
        parameters=("Ref", "If-Match"),
        body={"required": True, "content": {MERGE: {"schema": _patch(kind)}}},
        answers={200: stored},
        faults=(*_CHANGED, 404),
    )
    yield describe(
        "delete",
        one,
        f"erase-{kind}",
        right="erase",
        summary=f"Erase a {kind} from everywhere, its history too",
        parameters=("Ref", "If-Match"),
        answers={204: {"description": "It is erased; its resources answer 410."}},
        faults=(400, 404, 409, 412),
    )
    yield describe(
        "get",
        f"{one}/revisions",
        f"revisions-{kind}",
        summary=f"Read the revisions of a {kind}",
        parameters=("Ref",),
        answers={200: answer("All revisions, newest first.", JSON, _revisions(kind))},
        faults=(404,),
    )


def _patch(kind: str) -> Described:
    what = (
        f"A merge patch (RFC 7396) of the {kind}: null removes a member; the outcome is checked as a whole."
    )
    return {"type": "object", "description": what}


def _filters(kind: str) -> tuple[Described | str, ...]:
    properties = schema(kind)["properties"]
    filters: list[Described | str] = []
    if "identifiers" in properties:
        filters.append(query("identifier", "A business identifier, `system|value` or the value alone."))
    if kind == "case":
        filters.append(query("client", "A client's id: yours or ours."))
    if "status" in properties:
        filters.append(query("status", "The status.", enum=properties["status"]["enum"]))
    return (*filters, query("after", "`after` of the page before; repeat the filters."), "Count")


def _page(kind: str) -> Described:
    item = {
        "type": "object",
        "required": ["id", "uuid", "revision", "document"],
        "properties": {
            "id": {"type": "string", "description": "The id that its own system gave it."},
            "uuid": {"type": "string", "description": "Our id."},
            "revision": {"type": "integer", "minimum": 1},
            "document": {"$ref": f"./{kind}.schema.json"},
        },
    }
    after = {"type": "string", "description": "There may be more: ask again with this `after`."}
    return _items(item) | {"properties": {**_items(item)["properties"], "after": after}}


def _revisions(kind: str) -> Described:
    return _items(
        {
            "type": "object",
            "required": ["revision", "cause", "partner", "recorded", "document"],
            "properties": {
                "revision": {"type": "integer", "minimum": 1},
                "cause": {"type": "string", "description": "create, replace, …"},
                "partner": {"type": "string", "description": "Who did it."},
                "recorded": {"type": "string", "format": "date-time"},
                "document": {"$ref": f"./{kind}.schema.json"},
            },
        }
    )


def _items(item: Described) -> Described:
    return {
        "type": "object",
        "required": ["items"],
        "properties": {"items": {"type": "array", "items": item}},
    }
