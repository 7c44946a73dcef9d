"""The door for previews: what the mappings would make of a document. Nothing is stored."""

from collections.abc import Iterable

from flask import Blueprint, Response, g, request

from service.errors import Issue, Rejected, Unsupported
from service.flows.authoring.preview import Previews, lineage
from service.wire.json import dump, parse
from service.wire.parameters import parameters

MEMBERS = {"kind", "document", "id", "view"}


def preview(previews: Previews) -> Blueprint:
    """Return the route: POST {"kind", "document"}, perhaps the document's "id" and a "view"."""
    door = Blueprint("preview", __name__, url_prefix="/api")

    @door.post("/mappings/$preview")
    def show() -> Response:
        parameters(request.args.items(multi=True))
        if request.mimetype != "application/json":
            raise Unsupported("Send application/json.", where="Content-Type")
        given = parse(request.get_data())
        if not isinstance(given, dict) or not {"kind", "document"} <= given.keys() <= MEMBERS:
            raise Rejected("Send `kind` and `document`, and perhaps `id` and `view`.", where="/")
        kind, view, ref = given["kind"], given.get("view", g.partner.view), given.get("id")
        texts = {"/kind": kind, "/view": view} | ({} if ref is None else {"/id": ref})
        for where, text in texts.items():
            if not isinstance(text, str):
                raise Rejected("Not a text.", where=where)
        found = previews.preview(g.scope, g.partner.name, kind, given["document"], ref=ref, view=view)
        told = {
            "resources": [
                {
                    "resource": each.resource,
                    "mapping": each.mapping,
                    "place": each.place,
                    "lineage": dict(lineage(each)),
                }
                for each in found.resources
            ],
            "unread": list(found.unread),
            "issues": _told(found.issues),
            "supposed": _told(found.supposed),
        }
        return Response(dump(told), mimetype="application/json")

    return door


def _told(issues: Iterable[Issue]) -> list[dict[str, str]]:
    return [{"what": each.what, "where": each.where, "code": each.code} for each in issues]
