"""Documents, who reads whom, and the queue to project anew: a part of the unit of work."""

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any, Final

from sqlalchemy import bindparam, delete, exists, or_, select, text, update

from service.cases.hospital.treatments import Treatment
from service.store import tables as t
from service.store.rows import statements as q
from service.store.rows.typed import document_of
from service.store.scope.condition import Form, form, of_documents, parameters
from service.store.writing.identifiers import Identifiers
from service.store.writing.submitted import forget_submitted
from service.store.writing.transaction import Transaction
from service.store.writing.treatments import Treatments
from service.supervision import Backoff
from service.telemetry import traceparent
from service.values.access.scope import Scope
from service.values.kept.documents import Document
from service.wire.json import dump

BACKOFF: Final = Backoff(2, 3600)
EVERYTHING: Final = Form(everything=True)
PUT: Final = ("create", "replace", "take-over", "update")
QUEUE: Final = text(
    "INSERT INTO reprojection (document, cause, due, traceparent)"
    " SELECT document, :cause, :due, :trace FROM link WHERE target = :target"
    " ON CONFLICT (document) DO UPDATE SET due = excluded.due, tries = 0, reason = NULL,"
    " traceparent = excluded.traceparent"
).bindparams(bindparam("due", type_=t.reprojection.c.due.type))

LINKED: Final = (
    select(t.link.c.target, t.document)
    .join_from(t.link, t.document, t.link.c.target == t.document.c.uuid, isouter=True)
    .where(t.link.c.document == bindparam("of"))
)


class SqlDocuments:
    """`flows.ports.DocumentsPort` in one transaction."""

    def __init__(self, transaction: Transaction, identifying: frozenset[str]) -> None:
        """Take the open transaction, and the systems whose identifiers identify a person."""
        self._transaction = transaction
        self._identifiers = Identifiers(transaction.connection, identifying)
        self._treatments = Treatments(transaction)
        self._run = transaction.run
        self._insert = transaction.insert

    def lock(self, scope: Scope, kind: str, source: str, ref: str) -> Document | None:
        """Lock and return a document by (source, id) or by our uuid; None outside the scope."""
        return self.lock_in_turn(scope, [(kind, source, ref)])[0]

    def lock_in_turn(self, scope: Scope, names: Sequence[tuple[str, str, str]]) -> list[Document | None]:
        """Lock documents by (kind, source, ref), one after the other; return each as `lock` does."""
        statement, said = q.lock(form(scope)), parameters(scope)
        asked = [
            self._run(statement, {**said, "kind": kind, "source": source, "ref": ref})
            for kind, source, ref in names
        ]
        rows = [answer.first() for answer in asked]
        return [self._remember(row) if row is not None else None for row in rows]

    def find(self, kind: str, source: str, ref: str) -> Document | None:
        """Return a document that a link names, without a lock; our uuid alone, where it has no source."""
        known = self._transaction.locked.get(ref)
        if known is not None and known.kind == kind and not source:
            return known
        row = self._run(q.FIND, {"kind": kind, "source": source, "ref": ref}).first()
        return document_of(row) if row is not None else None

    def find_many(self, links: Sequence[tuple[str, str, str]]) -> dict[tuple[str, str, str], Document]:
        """Return what many (kind, source, ref) name, in one query."""
        kinds, sources, refs = (sorted(set(names)) for names in zip(*links, strict=True))
        rows = self._run(q.FIND_MANY, {"kinds": kinds, "sources": sources, "refs": refs})
        documents = {}
        for document in (document_of(row) for row in rows):
            for key in links:
                if key[0] == document.kind and (
                    key[1:] == (document.source, document.source_id) or key[2] == document.uuid
                ):
                    documents[key] = document
        return documents

    def erased_entries(self, links: Sequence[tuple[str, str, str]]) -> dict[tuple[str, str, str], str]:
        """Return the uuids of erased entries of the directory that (kind, source, ref) name."""
        names = {_name(*link): link for link in links}
        uuids = {link[2]: link for link in links}
        c = t.erased.c
        rows = self._run(select(t.erased).where(or_(c.uuid.in_(list(uuids)), c.name.in_(list(names)))))
        return {uuids.get(row.uuid) or names[row.name]: row.uuid for row in rows}

    def strangers(self, scope: Scope, uuids: Sequence[str]) -> frozenset[str]:
        """Return those uuids that are of no document in the scope or common, and of none that it leads to."""
        inside, d = of_documents(form(scope)), t.document.c
        own = select(d.uuid).where(d.uuid.in_(uuids), or_(inside, d.source.in_(scope.common)))
        leads = t.link.join(t.document, t.link.c.document == d.uuid)
        named = select(t.link.c.target).select_from(leads).where(t.link.c.target.in_(uuids), inside)
        return frozenset(uuids).difference(self._run(own.union_all(named), parameters(scope)).scalars())

    def holders(self, identifiers: Sequence[tuple[str, str]]) -> list[Document]:
        """Return the clients of whom one of these (system, value) is an identifying identifier."""
        return self._identifiers.holders(identifiers)

    def find_by_identifiers(self, kind: str, identifiers: Sequence[tuple[str, str]]) -> list[Document]:
        """Return the documents of a kind that have one of these (system, value), identifying or not."""
        return self._identifiers.find_by_identifiers(kind, identifiers)

    def find_by_values(self, kind: str, values: Sequence[str]) -> list[Document]:
        """Return the documents of a kind that have an identifier of one of these values, of any system."""
        return self._identifiers.find_by_values(kind, values)

    def cases_of(self, client: str) -> list[Document]:
        """Lock and return the cases of a client, by id."""
        return [self._remember(row) for row in self._run(q.CASES, {"of": client})]

    def lock_with_cases(self, client: str) -> tuple[Document | None, list[Document]]:
        """Lock a client by uuid, then its cases by id; return them."""
        answer = self._run(q.lock(EVERYTHING), {"kind": "client", "source": "", "ref": client})
        cases = self._run(q.CASES, {"of": client})
        row = answer.first()
        return self._remember(row) if row is not None else None, [self._remember(case) for case in cases]

    def add(self, document: Document, *, cause: str, partner: str) -> None:
        """Insert a new document; raises Conflict when its name or an identifying identifier is taken."""
        self._identifiers.name(document)
        self._insert(t.document, [self._row(document)])
        self._record(document, cause, partner)
        self._treatments.record(document)
        self._transaction.add(document)

    def update(self, document: Document, *, cause: str, partner: str) -> None:
        """Store the document's new revision."""
        self._reindex(document)
        self._run(q.UPDATE, {"of": document.uuid, **self._row(document)})
        self._record(document, cause, partner)
        self._transaction.locked[document.uuid] = document

    def amend(self, document: Document) -> None:
        """Store what nobody can see of a document."""
        self._reindex(document)
        body = dump(document.body)
        self._run(update(t.document).where(t.document.c.uuid == document.uuid).values(body=body))
        self._transaction.locked[document.uuid] = document

    def erase(self, document: Document) -> None:
        """Remove a document, its revisions, identifiers and links; that an entry was erased is kept."""
        for table in (t.revision, t.identifier, t.link, t.reprojection, t.treatment):
            self._run(delete(table).where(table.c.document == document.uuid))
        self._run(delete(t.document).where(t.document.c.uuid == document.uuid))
        self._transaction.locked.pop(document.uuid, None)
        if document.kind not in {"client", "case"}:
            name = _name(document.kind, document.source, document.source_id)
            self._insert(t.erased, [{"uuid": document.uuid, "name": name}])

    def forget_submitted(self, client: str, spelt: Collection[bytes]) -> None:
        """Delete what partners sent of a client to have them matched, by their numbers as these are spelt."""
        forget_submitted(self._transaction, client, spelt)

    def treatments(self, case: Document, treatments: Sequence[Treatment]) -> None:
        """Replace the treatments by organisations that a case's own document names."""
        self._treatments.replace(case, treatments)

    def linked_documents(self, document: str) -> dict[str, Document | None]:
        """Return what the projection of a document read the last time, by uuid; None for what is erased."""
        if self._transaction.is_first("links", document):
            return {}
        return {row.target: self._linked_document(row) for row in self._run(LINKED, {"of": document})}

    def relink(self, document: str, before: set[str], now: set[str]) -> None:
        """Record which documents a document's projection reads; `before` are those recorded."""
        if before - now:
            self._run(q.UNLINK, {"of": document, "targets": sorted(before - now)})
        if now - before:
            rows = [{"document": document, "target": target} for target in sorted(now - before)]
            self._insert(t.link, rows)

    def _linked_document(self, row: Any) -> Document | None:
        locked = self._transaction.locked.get(row.target)
        if locked is not None or row.uuid is None:
            return locked
        return document_of(row)

    def readers_of(self, target: str) -> list[str]:
        """Return the uuids of the documents whose projection reads a document."""
        return list(self._run(select(t.link.c.document).where(t.link.c.target == target)).scalars())

    def is_put_by_its_owner(self, target: Document) -> bool:
        """Return whether a document that the same source has put itself reads a document."""
        d, r = t.document.c, t.revision.c
        put = exists().where(r.document == d.uuid, r.cause.in_(PUT))
        mine = select(d.uuid).join(t.link, t.link.c.document == d.uuid)
        chosen = mine.where(t.link.c.target == target.uuid, d.source == target.source, put).limit(1)
        return self._run(chosen).first() is not None

    def queue_readers(self, target: str, cause: str, at: datetime) -> None:
        """Queue all readers of a document, in the trace of now; one that is queued already is due anew."""
        named = {"target": target, "cause": cause, "due": at, "trace": traceparent.get() or None}
        self._run(QUEUE, named)

    def next_queued(self, at: datetime) -> tuple[Document, str] | None:
        """Take the queued document longest due that no other transaction has taken; see the port."""
        c = t.reprojection.c
        due = select(c.document, c.traceparent).where(c.due <= at).order_by(c.due, c.document).limit(1)
        taken = self._run(due.with_for_update(skip_locked=True)).first()
        if taken is None:
            return None
        row = self._run(select(t.document).where(t.document.c.uuid == taken.document)).first()
        if row is not None:
            return document_of(row), taken.traceparent or ""
        self.unqueue(taken.document)
        return self.next_queued(at)

    def unqueue(self, document: str) -> None:
        """Take a document off the queue."""
        self._run(delete(t.reprojection).where(t.reprojection.c.document == document))

    def put_off(self, document: str, reason: str, at: datetime) -> None:
        """Let a queued document that failed wait, twice as long each time, an hour at most."""
        mine = t.reprojection.c.document == document
        tries = self._run(select(t.reprojection.c.tries).where(mine)).scalar() or 0
        due = at + timedelta(seconds=BACKOFF.after(tries))
        changed = update(t.reprojection).where(mine)
        self._run(changed.values(tries=tries + 1, reason=reason[:400], due=due))

    def mark_projected(self, document: str, version: str) -> None:
        """Record which mappings a document was projected with."""
        mine = update(t.document).where(t.document.c.uuid == document)
        self._run(mine.values(projected=version))

    def _reindex(self, document: Document) -> None:
        """Store by what a document is found, where that is otherwise than before."""
        before = self._transaction.locked.get(document.uuid)
        self._identifiers.rename(document, before)
        self._treatments.rerecord(document, before)

    def _remember(self, row: Any) -> Document:
        document = self._transaction.locked[row.uuid] = document_of(row)
        return document

    def _row(self, document: Document) -> dict[str, Any]:
        names = (
            "uuid",
            "kind",
            "source",
            "source_id",
            "revision",
            "client",
            "created",
            "updated",
            "projected",
        )
        row = {name: getattr(document, name) for name in names}
        return {**row, "status": document.own.get("status"), "body": dump(document.body)}

    def _record(self, document: Document, cause: str, partner: str) -> None:
        row = {
            "document": document.uuid,
            "revision": document.revision,
            "cause": cause,
            "partner": partner,
            "body": dump(document.body),
            "recorded": document.updated,
        }
        self._insert(t.revision, [row])


def _name(kind: str, source: str, ref: str) -> str:
    return sha256(f"{kind}|{source}|{ref}".encode()).hexdigest()
