"""A document comes in: checked, stored as a revision, projected and told, in one transaction."""

import re
from collections.abc import Callable, Container
from dataclasses import dataclass, replace
from typing import Any, Final
from uuid import uuid4

from service.cases.changes import events, status_history
from service.cases.hospital.discharge import digest
from service.errors import Conflict, Issue, NotFound, Rejected
from service.flows.case.erasure import erase
from service.flows.case.ownership import (
    check,
    check_assertions,
    lock_offered,
    own_and_repeated,
    public,
    public_body,
    takes_over,
    with_new_owner,
)
from service.flows.ports import Clock, Store, Unit
from service.flows.projection.events import instant, later
from service.flows.projection.follow import EVERYTHING, follow, lock_by_client
from service.flows.projection.project import Change, Projection
from service.flows.projection.unseen import check_links
from service.values.access.scope import Scope
from service.values.kept.documents import Document, Revision
from service.values.kept.service_part import NOTHING
from service.values.messages import Happened
from service.wire.contracts.load import merge, parts
from service.wire.etags import check_if_match
from service.wire.json import canonical

# an address would lose . and .. on its way
_ID: Final = re.compile(r"(?!\.{1,2}\Z)[A-Za-z0-9\-.]{1,64}\Z")


@dataclass(frozen=True, slots=True)
class SavedDocument:
    """A document as stored; `changed` is false when the stored one already said the same."""

    document: Document
    created: bool
    changed: bool


@dataclass(frozen=True, slots=True)
class Documents:
    """The story of documents: put, patch, get, list, revisions, erase."""

    store: Store
    projection: Projection
    clock: Clock

    def put(
        self, scope: Scope, partner: str, kind: str, ref: str, document: Any, if_match: Container[int] | None
    ) -> SavedDocument:
        """Create, replace or take over (see `ownership`) a document named `ref` by `partner`.

        `if_match` holds the revisions that may be replaced; `etags.ABSENT` lets it create only.

        Raises:
            Rejected: the document does not fit its contract, changes what hospitals brought, names what is
                not there, or gives a client a number of which others say whose it is.
            Precondition, Stale: If-Match is missing for an existing document, or old.
            Conflict: an identifying identifier is another client's.
        """
        return self.store.transact(self.story_of_put(scope, partner, kind, ref, document, if_match))

    def story_of_put(
        self, scope: Scope, partner: str, kind: str, ref: str, document: Any, if_match: Container[int] | None
    ) -> Callable[[Unit], SavedDocument]:
        """Return what `put` does in its transaction, the document read; errors, now and then, as `put`."""
        if not _ID.match(ref):
            raise Rejected("Not an id: use 1 to 64 of A-Z a-z 0-9 - and ., not . or .. alone.", where="id")
        said, repeated = own_and_repeated(document)
        body = parts(kind, said)
        return lambda unit: self._save(unit, scope, partner, kind, ref, body, repeated, if_match)

    def patch(
        self, scope: Scope, partner: str, kind: str, ref: str, patch: Any, if_match: Container[int] | None
    ) -> SavedDocument:
        """Merge a JSON merge patch (RFC 7396) into the stored document, load the whole; errors as `put`."""
        return self.store.transact(self.story_of_patch(scope, partner, kind, ref, patch, if_match))

    def story_of_patch(
        self, scope: Scope, partner: str, kind: str, ref: str, patch: Any, if_match: Container[int] | None
    ) -> Callable[[Unit], SavedDocument]:
        """Return what `patch` does in its transaction; errors, now and then, as `put`."""
        if not isinstance(patch, dict):
            raise Rejected("A merge patch of a document is a JSON object.", where="/")

        def story(unit: Unit) -> SavedDocument:
            named = unit.documents.find(kind, partner, ref)
            stored = lock_by_client(unit, named) if named is not None and scope.owns(named.source) else None
            if stored is None:
                raise NotFound(f"There is no such {kind}.")
            said, repeated = own_and_repeated(merge(public_body(stored), patch))
            return self._save(unit, scope, partner, kind, ref, parts(kind, said), repeated, if_match)

        return story

    def get(self, scope: Scope, partner: str, kind: str, ref: str) -> Document:
        """Return a document; raises NotFound outside the scope."""
        document = self.store.document(scope, kind, partner, ref)
        if document is None:
            raise NotFound(f"There is no such {kind}.")
        return public(document)

    def find(
        self,
        scope: Scope,
        kind: str,
        *,
        partner: str,
        identifier: tuple[str | None, str] | None = None,
        client: str | None = None,
        status: str | None = None,
        after: str | None = None,
        count: int = 50,
    ) -> list[Document]:
        """List documents; `client` is the partner's id of a client, or its uuid."""
        uuid = None
        if client is not None:
            known = self.store.document(scope, "client", partner, client)
            if known is None:
                return []
            uuid = known.uuid
        documents = self.store.documents(
            scope, kind, identifier=identifier, client=uuid, status=status, after=after, count=count
        )
        return [public(document) for document in documents]

    def revisions(self, scope: Scope, partner: str, kind: str, ref: str) -> tuple[Document, list[Revision]]:
        """Return a document and its revisions, newest first; raises NotFound outside the scope."""
        document = self.get(scope, partner, kind, ref)
        revisions = [
            replace(revision, own=public_body(revision), service=NOTHING)
            for revision in self.store.revisions(scope, document.uuid)
        ]
        return document, revisions

    def erase(
        self, scope: Scope, partner: str, kind: str, ref: str, if_match: Container[int] | None = None
    ) -> Document:
        """Erase a document from everywhere, history, inbox and outbox too; tell that its resources are gone.

        Returns the document as it was.

        Raises:
            Stale: If-Match names other revisions.
            Conflict: another document names it, as a case its client; erase or change that first. Of an
                entry of the directory, one that the same partner put.
        """

        def lock(unit: Unit) -> Document:
            document = unit.documents.lock(scope, kind, partner, ref)
            if document is None:
                raise NotFound(f"There is no such {kind}.")
            if if_match is not None:
                check_if_match(if_match, document.revision, "document")
            documents, is_person = unit.documents, kind in {"client", "case"}
            if documents.readers_of(document.uuid) if is_person else documents.is_put_by_its_owner(document):
                raise Conflict(f"Other documents name this {kind}; change or erase them first.")
            return document

        return erase(self.store, self.projection, self.clock, lock)

    def _save(
        self,
        unit: Unit,
        scope: Scope,
        partner: str,
        kind: str,
        ref: str,
        body: dict[str, Any],
        repeated: Any,
        if_match: Container[int] | None,
    ) -> SavedDocument:
        check_assertions(scope, kind, body)
        client, before = self._lock(unit, scope, partner, kind, ref, body)
        check_if_match(if_match, before.revision if before is not None else None, "document")
        if before is None:
            before = lock_offered(unit, scope, kind, body, client)
        if before is not None and before.client != client:
            raise Rejected("A case keeps its client.", where="/client")
        check(kind, body, repeated, before)
        takeover = before is not None and takes_over(before, partner)
        if before is not None and not takeover and canonical(before.own) == canonical(body):
            return SavedDocument(public(before), created=False, changed=False)
        if before is not None and takeover:
            before = with_new_owner(before, partner, ref)
        at = self.clock() if before is None else later(self.clock(), before.updated)
        part = before.service if before is not None else NOTHING
        if kind == "case":
            history = status_history(part.status_history, body["status"], instant(at))
            part = replace(part, status_history=history)
        if before is None:
            document = Document(
                str(uuid4()), kind, partner, ref, 1, body, client, at, at, self.projection.version, part
            )
            unit.documents.add(document, cause="create", partner=partner)
        else:
            document = replace(
                before,
                revision=before.revision + 1,
                own=body,
                service=part,
                updated=at,
                projected=self.projection.version,
            )
            unit.documents.update(document, cause="take-over" if takeover else "replace", partner=partner)
        if kind == "client":
            unit.inbox.hasten(
                [
                    digest(identifier["system"], identifier["value"])
                    for identifier in body.get("identifiers", [])
                ],
                at,
            )
        check_links(unit, scope, document, before)
        change = Change(partner, "create" if before is None else "replace", at)
        happened = events(before.own if before else None, document.own) if kind == "case" else []
        follow(unit, self.projection, document, before, change, [Happened(what) for what in happened])
        return SavedDocument(public(document), created=before is None, changed=True)

    def _lock(
        self, unit: Unit, scope: Scope, partner: str, kind: str, ref: str, body: dict[str, Any]
    ) -> tuple[str | None, Document | None]:
        """Lock a document, and before it the client of a case; return the client's uuid, and the document."""
        if kind != "case":
            return None, unit.documents.lock(scope, kind, partner, ref)
        names = [("client", partner, body["client"]), ("case", partner, ref)]
        client, case = unit.documents.lock_in_turn(scope, names)
        if client is None:
            what = "No client of yours has this id; PUT it first, or name its UUID."
            raise Rejected("Unknown client.", issues=[Issue(what, "/client")])
        # who a merged one has become is locked late: where that crosses another, one of the two runs again
        while (survivor := client.service.merged_into) is not None:
            client = unit.documents.lock(EVERYTHING, "client", "", survivor)
            assert client is not None, "who merged clients have become is there as long as they are"
        return client.uuid, case
