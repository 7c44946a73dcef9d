"""One write transaction, as `flows.ports.Unit` tells it."""

from collections.abc import Collection, Sequence
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any

from sqlalchemy import Connection, Table, delete, or_, select, tuple_, update

from service.store import statements as q
from service.store import tables as t
from service.store.deliveries import Deliveries
from service.store.identifiers import Identifiers
from service.store.inbox import Inbox
from service.store.keeping import Keeping
from service.store.readers import Readers
from service.store.rows import RESOURCE, aware, document_of, search_rows
from service.store.scope import bound, form
from service.values.documents import Document
from service.values.resources import Current, Message, ResourceVersion
from service.values.scope import Scope
from service.wire.json import dump


class SqlUnit(Readers, Identifiers, Inbox, Keeping, Deliveries):
    """The statements of a write transaction on one connection."""

    def __init__(self, connection: Connection, identifying: frozenset[str]) -> None:
        """Take the open transaction, and the systems whose identifiers identify a person."""
        Readers.__init__(self, connection)
        Identifiers.__init__(self, connection, identifying)
        Inbox.__init__(self, connection)
        Keeping.__init__(self, connection)
        Deliveries.__init__(self, connection)
        self._locked: dict[str, Document] = {}
        self._added: set[str] = set()
        self._asked: set[tuple[str, str]] = set()
        self._last: dict[tuple[str, str], int] = {}

    def lock(self, scope: Scope, kind: str, source: str, ref: str) -> Document | None:
        """Lock and return a document by (source, id) or by our uuid; None outside the scope."""
        named = {**bound(scope), "kind": kind, "source": source, "ref": ref}
        row = self._run(q.lock(form(scope)), named).first()
        return self._remembered(row) if row is not None else None

    def find(self, kind: str, source: str, ref: str) -> Document | None:
        """Return a document that a link names, without a lock; our uuid alone, where it has no source."""
        known = self._locked.get(ref)
        if known is not None and known.kind == kind and not source:
            return known
        row = self._run(q.FIND, {"kind": kind, "source": source, "ref": ref}).first()
        return document_of(row) if row is not None else None

    def find_many(self, links: Sequence[tuple[str, str, str]]) -> dict[tuple[str, str, str], Document]:
        """Return what many (kind, source, ref) name, in one query."""
        keys = tuple_(t.document.c.kind, t.document.c.source, t.document.c.source_id)
        uuids = [ref for _, _, ref in links]
        rows = self._run(select(t.document).where(or_(keys.in_(links), t.document.c.uuid.in_(uuids)))).all()
        found = {}
        for each in (document_of(row) for row in rows):
            for key in links:
                if key[0] == each.kind and (key[1:] == (each.source, each.source_id) or key[2] == each.uuid):
                    found[key] = each
        return found

    def erased(self, links: Sequence[tuple[str, str, str]]) -> dict[tuple[str, str, str], str]:
        """Return the uuids of erased entries of the directory that (kind, source, ref) name."""
        names = {_name(*link): link for link in links}
        uuids = {link[2]: link for link in links}
        c = t.erased.c
        rows = self._run(select(t.erased).where(or_(c.uuid.in_(list(uuids)), c.name.in_(list(names)))))
        return {uuids.get(row.uuid) or names[row.name]: row.uuid for row in rows}

    def cases_of(self, client: str) -> list[Document]:
        """Lock and return the cases of a client, by id."""
        return [self._remembered(row) for row in self._run(q.CASES, {"of": client})]

    def add(self, document: Document, *, cause: str, partner: str) -> None:
        """Insert a new document; raises Conflict when its name or an identifying identifier is taken."""
        self.name(document)
        self._put(t.document, [self._row(document)])
        self._record(document, cause, partner)
        self._added.add(document.uuid)
        self._locked[document.uuid] = document

    def update(self, document: Document, *, cause: str, partner: str) -> None:
        """Store the document's new revision."""
        self.rename(document, self._locked.get(document.uuid))
        self._run(q.UPDATE, {"of": document.uuid, **self._row(document)})
        self._record(document, cause, partner)
        self._locked[document.uuid] = document

    def amend(self, document: Document) -> None:
        """Store what nobody can see of a document."""
        self.rename(document, self._locked.get(document.uuid))
        body = dump(document.body)
        self._run(update(t.document).where(t.document.c.uuid == document.uuid).values(body=body))
        self._locked[document.uuid] = document

    def move(self, case: str, client: str) -> None:
        """Let what is stored of a case's resources be another client's."""
        c = t.resource.c
        mine = [tuple(row) for row in self._run(select(c.view, c.type, c.id).where(c.owner == case))]
        for table in (t.resource, t.history, t.mention):
            self._run(update(table).where(table.c.owner == case).values(client=client))
        for table in (t.token, t.reference, t.dates, t.strings):
            same = tuple_(table.c.view, table.c.type, table.c.id).in_(mine)
            self._run(update(table).where(same).values(client=client))

    def linked(self, document: str) -> dict[str, Document | None]:
        """As `Readers.linked`."""
        return {} if self._is_first("links", document) else super().linked(document)

    def current(self, owner: str, view: str) -> dict[tuple[str, str], Current]:
        """Return the current resources of an owner by (type, id)."""
        if self._is_first(f"resources of {view}", owner):
            return {}
        rows = self._run(q.CURRENT, {"owner": owner, "view": view}).all()
        # nobody else numbers messages of what is locked
        if rows and rows[0].last is not None and owner in self._locked:
            self._last[owner, view] = rows[0].last
        return {
            (row.type, row.id): Current(row.type, row.id, row.version, row.digest, aware(row.last_updated))
            for row in rows
        }

    def bodies(
        self, owner: str, view: str, keys: Collection[tuple[str, str]]
    ) -> dict[tuple[str, str], bytes]:
        """Return the bodies of some current resources of an owner, by (type, id)."""
        if not keys:
            return {}
        named = {"owner": owner, "view": view, "ids": [id_ for _, id_ in keys]}
        found = {(row.type, row.id): bytes(row.body) for row in self._run(q.BODIES, named)}
        return {key: found[key] for key in keys}

    def version_of(self, view: str, type_: str, id_: str) -> int | None:
        """Return the version of a current resource."""
        return self._run(q.VERSION, {"view": view, "type": type_, "id": id_}).scalar_one_or_none()

    def write(self, versions: Sequence[ResourceVersion]) -> None:
        """Replace current resources, append history, and replace search rows where they are other ones."""
        rows = [{name: getattr(each, name) for name in RESOURCE} for each in versions]
        self._put(t.resource, [row for row in rows if row["version"] == 1])
        replaced = [
            {"of_view": row["view"], "of_type": row["type"], "of_id": row["id"], **row}
            for row in rows
            if row["version"] > 1
        ]
        if replaced:
            self._run(q.REPLACE, replaced)
        self._put(t.history, [{**row, "recorded_on": row["last_updated"].date()} for row in rows])
        stale = [
            {"of_view": each.view, "of_type": each.type, "of_id": each.id}
            for each in versions
            if each.version > 1 and each.rows is not None
        ]
        for table, found in search_rows(versions):
            if stale:
                self._run(q.FORGET[table], stale)
            self._put(table, found)

    def mention(
        self,
        owner: str,
        view: str,
        client: str | None,
        mentioned: Collection[tuple[str, str]],
        unmentioned: Collection[tuple[str, str]],
    ) -> None:
        """Record what resources of others an owner's refer to in a view, and no longer."""
        named = {"owner": owner, "view": view, "client": client}
        for statement, targets in ((q.UNMENTION, unmentioned), (q.MENTION, mentioned)):
            if targets:
                self._run(statement, [{**named, "type": y, "id": i} for y, i in sorted(targets)])

    def memberships(self, client: str, rows: Sequence[tuple[str, str, str, str]]) -> None:
        """Replace a client's memberships."""
        if not self._is_first("memberships", client):
            self._run(delete(t.membership).where(t.membership.c.client == client))
        names = ("system", "value", "start", "end")
        values = [
            {"client": client, "position": i, **dict(zip(names, r, strict=True))} for i, r in enumerate(rows)
        ]
        self._put(t.membership, values)

    def sequence(self, owner: str, view: str, count: int) -> int:
        """Take `count` numbers of the owner's message sequence and return the first."""
        if self._is_first(f"messages of {view}", owner):
            self._put(t.stream, [{"owner": owner, "view": view, "last": count}])
            return 1
        last = self._last.get((owner, view))
        if last is not None:
            self._last[owner, view] = last + count
            self._run(q.NUMBERED, {"of": owner, "of_view": view, "last": last + count})
            return last + 1
        taken = self._run(q.TAKE, {"owner": owner, "view": view, "count": count}).scalar_one()
        return int(taken) - count + 1

    def emit(self, messages: Sequence[Message]) -> None:
        """Append to the outbox."""
        self._put(t.outbox, [_outbox(each) for each in messages])

    def erase(self, document: Document) -> list[tuple[str, str, str]]:
        """Remove a document with all its traces but those of the inbox; tombstones stay for 410."""
        c = t.resource.c
        gone = [tuple(row) for row in self._run(select(c.view, c.type, c.id).where(c.owner == document.uuid))]
        if gone:
            at = datetime.now(UTC)
            stones = [
                {"view": v, "type": y, "id": i, "owner": document.uuid, "erased": at} for v, y, i in gone
            ]
            self._put(t.tombstone, stones)
            for table in q.SEARCH:
                self._run(delete(table).where(tuple_(table.c.view, table.c.type, table.c.id).in_(gone)))
        for table in (t.resource, t.history, t.mention):
            self._run(delete(table).where(table.c.owner == document.uuid))
        for table in (t.revision, t.identifier, t.link, t.reprojection):
            self._run(delete(table).where(table.c.document == document.uuid))
        self._run(delete(t.membership).where(t.membership.c.client == document.uuid))
        owner = f"{document.kind}/{document.uuid}"
        self._run(update(t.outbox).where(t.outbox.c.owner == owner).values(full=None))
        self._run(delete(t.document).where(t.document.c.uuid == document.uuid))
        self._locked.pop(document.uuid, None)
        if document.kind not in {"client", "case"}:
            name = _name(document.kind, document.source, document.source_id)
            self._put(t.erased, [{"uuid": document.uuid, "name": name}])
        return [(str(v), str(y), str(i)) for v, y, i in gone]

    def _remembered(self, row: Any) -> Document:
        document = self._locked[row.uuid] = document_of(row)
        return document

    def _is_first(self, what: str, document: str) -> bool:
        """Return whether this transaction added a document, and asks for such of its rows the first time.

        There are none then, and nobody else can have made any.
        """
        if document not in self._added or (what, document) in self._asked:
            return False
        self._asked.add((what, document))
        return True

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
        self._put(t.revision, [row])

    def _put(self, table: Table, rows: list[dict[str, Any]]) -> None:
        """Insert rows; one alone goes without the machinery of many."""
        if rows:
            self._run(q.INSERT[table], rows if len(rows) > 1 else rows[0])


def _name(kind: str, source: str, ref: str) -> str:
    return sha256(f"{kind}|{source}|{ref}".encode()).hexdigest()


def _outbox(message: Message) -> dict[str, Any]:
    names = ("view", "owner", "routing_key", "sequence", "recorded", "body", "full")
    row = {name: getattr(message, name) for name in names}
    return {"message": message.id, "recorded_on": message.recorded.date(), **row}
