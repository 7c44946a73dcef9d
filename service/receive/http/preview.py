"""The door for previews: what the mappings would make of a document. Nothing is stored."""

from collections.abc import Iterable
from typing import Final

from flask import Blueprint, Response, g, request

from service.disclosing import disclose
from service.door import Door, json_body
from service.errors import Issue, Rejected, Unsupported
from service.flows.authoring.preview import Previews, lineage
from service.receive.http.cases import PATHS
from service.receive.http.cases_openapi import EXAMPLES
from service.values.audit import Disclosed
from service.wire.contracts.published.openapi.operations import JSON, Described, Operation, answer
from service.wire.json import dump
from service.wire.parameters import parameters

MEMBERS = {"kind", "document", "id", "view"}
_TEXT: Final[Described] = {"type": "string"}
_TEXTS: Final[Described] = {"type": "array", "items": _TEXT}


def preview(previews: Previews) -> Door:
    """Return the door: POST {"kind", "document"}, perhaps the document's "id" and a "view"."""
    routes = Blueprint("preview", __name__, url_prefix="/api")

    @routes.post("/mappings/$preview")
    def show() -> Response:
        parameters(request.args.items(multi=True))
        if request.mimetype != "application/json":
            raise Unsupported("Send application/json.", where="Content-Type")
        body = json_body()
        if not isinstance(body, dict) or not {"kind", "document"} <= body.keys() <= MEMBERS:
            raise Rejected("Send `kind` and `document`, and perhaps `id` and `view`.", where="/")
        kind, view, ref = body["kind"], body.get("view", g.partner.view), body.get("id")
        texts = {"/kind": kind, "/view": view} | ({} if ref is None else {"/id": ref})
        for where, text in texts.items():
            if not isinstance(text, str):
                raise Rejected("Not a text.", where=where)
        previewed = previews.preview(g.scope, g.partner.name, kind, body["document"], ref=ref, view=view)
        made = (shown.resource for shown in previewed.resources)
        names = (f"{resource.get('resourceType')}/{resource.get('id')}" for resource in made)
        disclose("operation", (Disclosed(previewed.client, name) for name in names))
        answer = {
            "resources": [
                {
                    "resource": resource.resource,
                    "mapping": resource.mapping,
                    "place": resource.place,
                    "lineage": dict(lineage(resource)),
                }
                for resource in previewed.resources
            ],
            "unread": list(previewed.unread),
            "issues": _issues_as_json(previewed.issues),
            "supposed": _issues_as_json(previewed.supposed),
        }
        return Response(dump(answer), mimetype="application/json")

    return Door(routes, "preview", (_operation(),))


def _issues_as_json(issues: Iterable[Issue]) -> list[dict[str, str]]:
    return [{"what": issue.what, "where": issue.where, "code": issue.code} for issue in issues]


def _operation() -> Operation:
    asked = {
        "type": "object",
        "required": ["kind", "document"],
        "additionalProperties": False,
        "properties": {
            "kind": {"enum": list(PATHS)},
            "document": {"type": "object", "description": "The document as it would be PUT."},
            "id": _TEXT | {"description": "Your id of it: what is stored under it keeps its ids."},
            "view": _TEXT | {"description": "The view of the partner it is shown for; your own without it."},
        },
    }
    example = {"kind": "client", "document": EXAMPLES["client"]}
    return Operation(
        "post",
        "/api/mappings/$preview",
        "preview",
        tag="Mappings",
        summary="Show what the mappings would make of a document; nothing is stored",
        body={"required": True, "content": {JSON: {"schema": asked, "example": example}}},
        answers={200: answer("The resources, and where each element comes from.", JSON, _previewed())},
        faults=(408, 413, 415, 422),
    )


def _previewed() -> Described:
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
