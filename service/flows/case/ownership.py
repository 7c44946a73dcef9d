"""Two hands on one document: what its owner sends, what hospitals brought, and how a case system takes over.

What a hospital opens belongs to the hospital as its source, marked `untaken`, until a case system to which it
is offered puts it: by our uuid with If-Match, or under an id of its own. A client put under an own id is the
untaken one that holds an identifying identifier of it; a case put under an own id is the untaken one of its
client. Nothing is lost by that: what the hospital said stays in `received`.
"""

from dataclasses import replace
from typing import Any, Final

from service.cases.changes import changed_paths
from service.errors import Issue, Rejected
from service.flows.ports import Unit
from service.values.access.scope import Scope
from service.values.kept.documents import Document, Revision
from service.values.kept.service_part import NOTHING
from service.wire.contracts.load import check_links

RECEIVED: Final = "received"
CLOSED: Final = (
    "Of this system's numbers other partners say whose they are: leave it out, or have the registry's "
    "identifying/asserted_by name you, too."
)


def public(document: Document) -> Document:
    """Return a document as its owner sees it: with what hospitals brought, which it cannot change."""
    return replace(document, own=public_body(document), service=NOTHING)


def public_body(document: Document | Revision) -> dict[str, Any]:
    """Return the JSON of a document, or of a revision of it, as its owner sees it."""
    received = document.service.received
    return {**document.own, RECEIVED: received} if received else document.own


def own_and_repeated(document: Any) -> tuple[Any, Any]:
    """Return what a document that comes in says itself, and what it repeats of `received` (None: nothing)."""
    if not isinstance(document, dict):
        return document, None
    return {key: value for key, value in document.items() if key != RECEIVED}, document.get(RECEIVED)


def check(kind: str, body: dict[str, Any], repeated: Any, before: Document | None) -> None:
    """Check that what comes in leaves alone what hospitals brought, and that its links lead somewhere.

    Raises:
        Rejected: with the JSON pointer of what is changed, of a stay's id that is taken, of a link astray.
    """
    received = before.received if before is not None else {}
    if repeated is not None and repeated != received:
        where = [_pointer(path) for path in changed_paths(received, repeated)]
        what = "Only hospitals change this; send it as it was, or leave `received` out."
        raise Rejected("`received` cannot be changed.", issues=[Issue(what, pointer) for pointer in where])
    known = {stay["id"] for stay in received.get("stays", [])}
    taken = [
        Issue("A stay that a hospital brought has this id; leave it out.", f"/stays/{index}/id", "duplicate")
        for index, stay in enumerate(body.get("stays", []))
        if stay["id"] in known
    ]
    if taken:
        raise Rejected("The stays of hospitals cannot be changed.", issues=taken)
    check_links(kind, body, received)


def check_assertions(scope: Scope, kind: str, body: dict[str, Any]) -> None:
    """Check that a client is given no number of which others say whose it is, whoever has it already.

    Raises:
        Rejected: with the JSON pointer of each.
    """
    if kind != "client" or not scope.closed:
        return
    issues = [
        Issue(CLOSED, f"/identifiers/{index}", "forbidden")
        for index, identifier in enumerate(body.get("identifiers", []))
        if identifier["system"] in scope.closed
    ]
    if issues:
        raise Rejected("Others say whose these numbers are.", issues=issues)


def lock_offered(
    unit: Unit, scope: Scope, kind: str, body: dict[str, Any], client: str | None
) -> Document | None:
    """Lock and return the untaken document that one under a new id stands for, or None when there is none."""
    if kind == "client":
        named = [(identifier["system"], identifier["value"]) for identifier in body.get("identifiers", [])]
        documents = unit.documents.holders(named) if named else []
    elif kind == "case" and client is not None:
        documents = unit.documents.cases_of(client)
    else:
        return None
    mine = [document for document in documents if document.service.untaken and scope.owns(document.source)]
    if len(mine) != 1:
        return None
    only = unit.documents.lock(scope, kind, mine[0].source, mine[0].uuid)
    # another may have taken it over before it was locked
    return only if only is not None and only.service.untaken else None


def takes_over(document: Document, partner: str) -> bool:
    """Return whether a partner who puts this document takes it over."""
    return document.service.untaken and document.source != partner


def with_new_owner(document: Document, partner: str, ref: str) -> Document:
    """Return a document as its new owner's."""
    return replace(document, source=partner, source_id=ref, service=replace(document.service, untaken=False))


def _pointer(path: str) -> str:
    steps = path.replace("[", ".").replace("]", "").strip(".")
    return "/".join([f"/{RECEIVED}", *(steps.split(".") if steps else [])])
