"""The case system's door: clients, cases and directory entries as internal JSON."""

from collections.abc import Callable, Container
from functools import wraps
from typing import Any, Final
from urllib.parse import urlencode

from flask import Blueprint, Response, g, request

from service.access.smart_scopes import check_right
from service.disclosing import disclose
from service.door import Door, json_body, limits
from service.errors import Malformed, Unsupported
from service.flows.audit.events import Audit
from service.flows.case.documents import Documents, SavedDocument
from service.flows.case.identity.merging import Unmerging
from service.receive.http import cases_openapi
from service.values.audit import Disclosed, Interaction, RecordedEntry, client_of, of_documents
from service.values.kept.documents import Document
from service.wire.etags import expected, versions
from service.wire.json import dump
from service.wire.parameters import COUNT, count, number, parameters

PATHS: Final = {
    "client": "/clients",
    "case": "/cases",
    "practitioner": "/directory/practitioner",
    "organization": "/directory/organization",
    "location": "/directory/location",
}
LISTED: Final = ("identifier", "client", "status", "after", COUNT)
MERGE: Final = "application/merge-patch+json"


def door(documents: Documents, unmerging: Unmerging, audit: Audit) -> Door:
    """Return the door to every kind of document under /api."""
    routes = Blueprint("api", __name__, url_prefix="/api")
    for kind, path in PATHS.items():
        _route(routes, documents, kind, path)

    @routes.post("/clients/<ref>/unmerge")
    @_plain
    def unmerge(ref: str) -> Response:
        if not request.get_data():
            return _document(unmerging.undo(g.scope, g.partner, ref), "operation")
        alias = _alias(_body("application/json"))
        return _document(unmerging.part(g.scope, g.partner, ref, alias), "operation")

    @routes.get("/clients/<ref>/disclosures")
    def disclosures(ref: str) -> Response:
        arguments = parameters(request.args.items(multi=True), ("below", COUNT))
        below = number(arguments, "below", 0, digits=18) or None
        told = audit.disclosures(g.scope, g.partner.name, ref, below, count(arguments, 50, 500))
        client, entries, more = told
        disclose("read", [Disclosed(client.uuid, f"client/{client.uuid}/disclosures")])
        items = [disclosure_as_json(client.uuid, entry) for entry in entries]
        page = {"items": items, **({"below": more} if more is not None else {})}
        return Response(dump(page), mimetype="application/json")

    return Door(routes, "documents", tuple(cases_openapi.operations(PATHS)))


def _route(routes: Blueprint, documents: Documents, kind: str, path: str) -> None:
    def put(ref: str) -> Response:
        body = _body("application/json")
        conditions = expected(request.headers.get("If-Match"), request.headers.get("If-None-Match"))
        saved = documents.put(g.scope, g.partner.name, kind, ref, body, conditions)
        return _saved_response(saved, "update", path)

    def patch(ref: str) -> Response:
        body = _body(MERGE)
        saved = documents.patch(g.scope, g.partner.name, kind, ref, body, if_match())
        return _saved_response(saved, "patch", path)

    def get(ref: str) -> Response:
        stored = documents.get(g.scope, g.partner.name, kind, ref)
        if request.if_none_match.contains_weak(str(stored.revision)):
            disclose("read", of_documents([stored]))
            return Response(status=304, headers={"ETag": _etag(stored)})
        return _document(stored, "read")

    def erase(ref: str) -> Response:
        check_right(g.rights, "erase")
        erased = documents.erase(g.scope, g.partner.name, kind, ref, if_match())
        disclose("delete", of_documents([erased]))
        return Response(status=204)

    def revisions(ref: str) -> Response:
        stored, all_revisions = documents.revisions(g.scope, g.partner.name, kind, ref)
        client, name = client_of(stored), f"{kind}/{stored.uuid}/_history"
        told = (Disclosed(client, f"{name}/{revision.revision}") for revision in all_revisions)
        disclose("history-instance", told)
        items = [
            {
                "revision": revision.revision,
                "cause": revision.cause,
                "partner": revision.partner,
                "recorded": revision.recorded,
                "document": revision.own,
            }
            for revision in all_revisions
        ]
        return Response(dump({"items": items}), mimetype="application/json")

    def find() -> Response:
        return _list(documents, kind)

    for rule, method, view in (
        (f"{path}/<ref>", "PUT", put),
        (f"{path}/<ref>", "PATCH", patch),
        (f"{path}/<ref>", "GET", get),
        (f"{path}/<ref>", "DELETE", erase),
        (f"{path}/<ref>/revisions", "GET", revisions),
    ):
        routes.add_url_rule(rule, f"{kind}-{view.__name__}", _plain(view), methods=[method])
    routes.add_url_rule(path, f"{kind}-find", find)


def _plain(view: Callable[[str], Response]) -> Callable[[str], Response]:
    """Return a view of one document that refuses parameters: only a list has some."""

    @wraps(view)
    def view_without_parameters(ref: str) -> Response:
        parameters(request.args.items(multi=True))
        return view(ref)

    return view_without_parameters


def _list(documents: Documents, kind: str) -> Response:
    """List documents by identifier (`system|value` or `value`), client, status; `after` is an uuid."""
    arguments = parameters(request.args.items(multi=True), LISTED)
    text = arguments.get("identifier")
    identifier = None
    if text is not None:
        system, bar, value = text.rpartition("|")
        identifier = (system if bar else None, value)
    most = count(arguments, 50, min(500, limits().count))
    page = documents.find(
        g.scope,
        kind,
        partner=g.partner.name,
        identifier=identifier,
        client=arguments.get("client"),
        status=arguments.get("status"),
        after=arguments.get("after"),
        count=most,
    )
    disclose("search-type", of_documents(page), urlencode({"kind": kind, **arguments}))
    items = [{"id": d.source_id, "uuid": d.uuid, "revision": d.revision, "document": d.own} for d in page]
    answer: dict[str, Any] = {"items": items}
    if len(page) == most:
        # the search values may be personal, so the caller repeats them; the link carries the place alone
        answer["after"] = page[-1].uuid
    return Response(dump(answer), mimetype="application/json")


def disclosure_as_json(client: str, entry: RecordedEntry) -> dict[str, Any]:
    """Return who was told what of a client, when and what for."""
    return {
        "recorded": entry.recorded,
        "partner": entry.partner,
        "purposes": entry.purposes,
        "interaction": entry.interaction,
        "told": entry.things[client],
    }


def _body(media_type: str) -> Any:
    if request.mimetype != media_type:
        raise Unsupported(f"Send {media_type}.", where="Content-Type")
    return json_body()


def _alias(sent: Any) -> tuple[str, str]:
    """Return the identifier that is to be taken off a client, as (system, value)."""
    identifier = sent.get("identifier") if isinstance(sent, dict) else None
    alias = identifier if isinstance(identifier, dict) else {}
    system, value = alias.get("system"), alias.get("value")
    if not (isinstance(system, str) and isinstance(value, str) and system and value):
        raise Malformed("Name the identifier, with its system and value.", where="/identifier")
    return system, value


def if_match() -> Container[int] | None:
    """Return the versions that If-Match names, `*` every one; None without it (RFC 9110 section 13.1.1).

    Raises as `versions`.
    """
    header = request.headers.get("If-Match")
    return versions(header, "If-Match") if header is not None else None


def _saved_response(saved: SavedDocument, interaction: Interaction, path: str) -> Response:
    answer = _document(saved.document, interaction)
    if saved.created:
        answer.status_code = 201
        answer.headers["Location"] = f"/api{path}/{saved.document.uuid}"
    return answer


def _document(document: Document, interaction: Interaction) -> Response:
    disclose(interaction, of_documents([document]))
    answer = Response(dump(document.own), mimetype="application/json")
    answer.headers["ETag"] = _etag(document)
    answer.headers["Casebridge-Id"] = document.uuid
    answer.last_modified = document.updated
    return answer


def _etag(document: Document) -> str:
    return f'W/"{document.revision}"'
