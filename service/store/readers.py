"""Who reads whom, and the queue of documents to project anew: a part of the unit of work."""

from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import Connection, bindparam, delete, exists, insert, select, text, update

from service.store import tables as t
from service.store.rows import document_of
from service.supervision import Backoff
from service.values.documents import Document

BACKOFF: Final = Backoff(2, 3600)
PUT: Final = ("create", "replace", "take-over", "update")
QUEUE: Final = text(
    "INSERT INTO reprojection (document, cause, due)"
    " SELECT document, :cause, :due FROM link WHERE target = :target"
    " ON CONFLICT (document) DO UPDATE SET due = excluded.due, tries = 0, reason = NULL"
).bindparams(bindparam("due", type_=t.reprojection.c.due.type))

LINKED: Final = (
    select(t.link.c.target, t.document)
    .join_from(t.link, t.document, t.link.c.target == t.document.c.uuid, isouter=True)
    .where(t.link.c.document == bindparam("of"))
)


class Readers:
    """The statements about links and about the queue, on one connection."""

    def __init__(self, connection: Connection) -> None:
        """Take the open transaction."""
        self._run = connection.execute

    def linked(self, document: str) -> dict[str, Document | None]:
        """Return what the projection of a document read the last time, by uuid; None for what is erased."""
        rows = self._run(LINKED, {"of": document})
        return {row.target: document_of(row) if row.uuid else None for row in rows}

    def relink(self, document: str, before: set[str], now: set[str]) -> None:
        """Record which documents a document's projection reads; `before` are those recorded."""
        mine = t.link.c.document == document
        if before - now:
            self._run(delete(t.link).where(mine, t.link.c.target.in_(sorted(before - now))))
        if now - before:
            rows = [{"document": document, "target": each} for each in sorted(now - before)]
            self._run(insert(t.link), rows)

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
        """Queue all readers of a document; one that is queued already is due anew."""
        self._run(QUEUE, {"target": target, "cause": cause, "due": at})

    def next_queued(self, at: datetime) -> Document | None:
        """Take the queued document longest due that no other transaction has taken; it is not locked."""
        c = t.reprojection.c
        due = select(c.document).where(c.due <= at).order_by(c.due, c.document).limit(1)
        taken = self._run(due.with_for_update(skip_locked=True)).scalar()
        if taken is None:
            return None
        row = self._run(select(t.document).where(t.document.c.uuid == taken)).first()
        if row is not None:
            return document_of(row)
        self.unqueue(taken)
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

    def withhold(self, client: str, before: datetime) -> None:
        """Show no one what older versions and messages with resources tell of a client."""
        h, r = t.history.c, t.resource.c
        current = exists().where(r.view == h.view, r.type == h.type, r.id == h.id, r.version == h.version)
        self._run(update(t.history).where(h.client == client, ~current).values(withheld=True))
        cases = self._run(select(t.document.c.uuid).where(t.document.c.client == client)).scalars()
        owners = [f"client/{client}", *(f"case/{each}" for each in cases)]
        older = update(t.outbox).where(t.outbox.c.owner.in_(owners), t.outbox.c.recorded < before)
        self._run(older.values(full=None))
