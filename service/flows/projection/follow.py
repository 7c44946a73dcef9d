"""What follows when a document has changed, or something it reads: projections, memberships, whereabouts."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from threading import Event
from typing import Final

from service.cases.hospital.treatments import of_organizations
from service.errors import CasebridgeError
from service.flows.ports import Clock, Store, Unit
from service.flows.projection.basis import basis_of
from service.flows.projection.denials import deny
from service.flows.projection.project import Change, Projection
from service.flows.projection.source import Source, members
from service.supervision import supervise
from service.telemetry import traceparent
from service.values.access.scope import Scope
from service.values.kept.documents import Document
from service.values.messages import Happened

OURSELVES: Final = "casebridge"
EVERYTHING: Final = Scope(everything=True)
IDLE_SECONDS: Final = 0.5


def follow(
    unit: Unit,
    projection: Projection,
    document: Document,
    before: Document | None,
    change: Change,
    happened: Sequence[Happened],
) -> None:
    """Project a document that is locked and stored, and see to those that read it.

    A client's cases are projected with it; who reads a directory entry is queued, for they may be many.

    Raises:
        Rejected: a link leads nowhere, or a mapping makes something that is not valid R4.
    """
    anew(unit, projection, document, change, happened, before=before)
    if document.kind == "client":
        # a new one has none
        for case in unit.documents.cases_of(document.uuid) if before is not None else ():
            anew(unit, projection, case, change)
        if is_protected(document) and before is not None and not is_protected(before):
            unit.resources.withhold(document.uuid, change.at)
    elif document.kind != "case" and before is not None:
        unit.documents.queue_readers(document.uuid, document.kind, change.at)


def anew(
    unit: Unit,
    projection: Projection,
    document: Document,
    change: Change,
    happened: Sequence[Happened] = (),
    near: Iterable[Document] = (),
    before: Document | None = None,
) -> int:
    """Project one document that is locked, and nothing that reads it; return how many resources changed.

    `near` are documents that it may read, as they are stored now; `before` is the document as it was locked,
    where it is another revision now: what reads nothing that has changed is not made again.
    """
    unit.resources.prefetch(document.uuid, projection.catalogues.keys())
    # nearly always what was read the last time is all there is to read
    linked = unit.documents.linked_documents(document.uuid)
    source = Source(unit.documents, [*(target for target in linked.values() if target is not None), *near])
    roots = source.roots(document)
    unit.documents.relink(document.uuid, set(linked), source.read.keys() - {document.uuid})
    if document.kind == "client":
        unit.resources.memberships(document.uuid, members(roots["client"]))
        deny(unit, document, roots["client"])
    if document.kind == "case":
        unit.documents.treatments(document, of_organizations(roots["case"], document.own))
    if document.projected != projection.version:
        unit.documents.mark_projected(document.uuid, projection.version)
    basis = basis_of(document, before, source, linked, projection.version)
    return projection.project(unit, document, roots, change, happened, basis, source.gone)


def lock_by_client(unit: Unit, named: Document) -> Document | None:
    """Lock a document that was read without a lock, its client first; None when it has been erased."""
    client = [] if named.client is None else [("client", named.source, named.client)]
    locked = unit.documents.lock_in_turn(EVERYTHING, [*client, (named.kind, named.source, named.uuid)])[-1]
    # a merge may have made it another client's before it was locked
    return locked if locked is None or locked.client == named.client else lock_by_client(unit, locked)


def is_protected(client: Document) -> bool:
    """Return whether a client's whereabouts stay in the house."""
    return bool(client.own.get("protected_identity") or client.received.get("protected_identity"))


@dataclass(frozen=True, slots=True)
class Reprojection:
    """Works off the queue of documents to project anew; a queued one survives a crash."""

    store: Store
    projection: Projection
    clock: Clock

    def run(self, stop: Event) -> None:
        """Work off the queue until told to stop."""
        supervise("reprojection", lambda: 0 if self.next() else IDLE_SECONDS, stop)

    def next(self) -> bool:
        """Project the next document that is due, in a transaction of its own; false when there is none.

        One that fails is put off, longer each time, with the reason, and holds up no other.
        """
        at = self.clock()
        tried: list[str] = []

        def story(unit: Unit) -> bool:
            taken = unit.documents.next_queued(at)
            if taken is None:
                return False
            queued, trace = taken
            traceparent.set(trace)
            tried.append(queued.uuid)
            document = lock_by_client(unit, queued)
            if document is not None:
                anew(unit, self.projection, document, Change(OURSELVES, "reproject", at))
            unit.documents.unqueue(queued.uuid)
            return True

        own_trace = traceparent.set("")
        try:
            return self.store.transact(story)
        except CasebridgeError as failed:
            if not tried:
                raise
            where, reason = tried[-1], f"{failed.title}: {failed}"
            self.store.transact(lambda unit: unit.documents.put_off(where, reason, at))
            return True
        finally:
            traceparent.reset(own_trace)
