"""The store on SQLAlchemy: reads inside a scope, and write transactions that are tried again."""

import random
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from itertools import count as counting
from typing import Final, TypeVar

import structlog
from sqlalchemy import (
    Engine,
    Table,
    func,
    select,
    text,
)

from service.errors import Gone, Unkept
from service.store import tables as t
from service.store.reading import reads
from service.store.reading.everything import everything
from service.store.reading.past import history
from service.store.relay.retention import pruned
from service.store.relay.runs import positions_above
from service.store.rows.typed import document_of, revision_of, stored_of
from service.store.scope.condition import form, parameters
from service.store.search.beside import beside
from service.store.search.pages import search
from service.store.sql import replica
from service.store.sql.engine import Executor, reading, writing
from service.store.sql.failures import Busy, Taken
from service.store.writing.unit import SqlUnit
from service.values.access.scope import Scope
from service.values.kept.documents import Document, Revision
from service.values.kept.resources import (
    EverythingQuery,
    HistoryQuery,
    NumberedMessage,
    Page,
    Query,
    StoredResource,
)

log = structlog.get_logger()

T = TypeVar("T")
PATIENCE: Final = 30.0
MANY: Final = 500
SPAN: Final = 1000
UNKEPT: Final = (
    "Messages after this position are no longer kept. Read the resources as they are now, then go on with"
    " /events without `after`: it begins with the oldest message there is."
)
KEEP: Final = text("INSERT INTO secret (name, value) VALUES (:name, :value) ON CONFLICT (name) DO NOTHING")


class SqlStore:
    """`flows.ports.Store` on SQLite or PostgreSQL."""

    def __init__(
        self,
        engine: Engine,
        *,
        identifying: frozenset[str] = frozenset(),
        notify: Callable[[], None] = lambda: None,
        replica_engine: Engine | None = None,
    ) -> None:
        """Take the engine, the systems whose identifiers identify a person, what tells of new messages.

        Resources may be read of a replica, by an engine of its own.
        """
        self._engine = engine
        self.reads = replica.Reads(engine, replica_engine)
        self._identifying = identifying
        self._notify = notify

    def transact(self, story: Callable[[SqlUnit], T]) -> T:
        """Run the story in one transaction; again after a deadlock, a lost race, a busy lock.

        Raises:
            Conflict: a unique key says that another took the name first.
            Unavailable: the database does not answer, or was too busy all the time.
        """
        give_up = time.monotonic() + PATIENCE
        for attempt in counting():
            try:
                with writing(self._engine) as connection:
                    unit = SqlUnit(connection, self._identifying)
                    answer = story(unit)
                    replica.count(connection)
            except Taken:
                # who came first is committed: the story that runs again finds it
                if attempt > 0:
                    raise
            except Busy:
                pause = random.uniform(0, min(0.02 * 2**attempt, 1.0))  # noqa: S311  jitter, no secret
                if time.monotonic() + pause > give_up:
                    raise
                time.sleep(pause)
            else:
                if unit.has_messages:
                    self._notify()
                return answer
        raise AssertionError("counting does not end")

    def look(self, story: Callable[[SqlUnit], T]) -> T:
        """Run a story that only reads, without locks; what it wrote would be rolled back."""
        with reading(self._engine) as connection:
            return story(SqlUnit(connection, self._identifying))

    def scrub(self) -> None:
        """Leave of what was deleted nothing in SQLite's log of pages; PostgreSQL does so in its own time.

        https://www.sqlite.org/pragma.html#pragma_wal_checkpoint
        """
        if self._engine.dialect.name != "sqlite":
            return
        with reading(self._engine) as connection:
            busy = connection.execute(text("PRAGMA wal_checkpoint(TRUNCATE)")).one()[0]
        if busy:
            log.warning("log_not_truncated")

    def documents_to_project(self, version: str, after: str, limit: int) -> list[Document]:
        """Return documents, by uuid after `after`, that were not projected with these mappings."""
        c = t.document.c
        chosen = select(t.document).where(c.projected != version, c.uuid > after).order_by(c.uuid)
        with reading(self._engine) as connection:
            return [document_of(row) for row in connection.execute(chosen.limit(limit))]

    def count_unprojected(self, version: str) -> int:
        """Return how many documents were not projected with these mappings."""
        c = t.document.c
        with reading(self._engine) as connection:
            chosen = select(func.count()).select_from(t.document).where(c.projected != version)
            return int(connection.execute(chosen).scalar_one())

    def document(self, scope: Scope, kind: str, source: str, ref: str) -> Document | None:
        """Return a document by (source, id) or by our uuid."""
        with reading(self._engine) as connection:
            unit = SqlUnit(connection, self._identifying)
            document = unit.documents.find(kind, source, ref)
            return document if document is not None and scope.owns(document.source) else None

    def documents(
        self,
        scope: Scope,
        kind: str,
        *,
        identifier: tuple[str | None, str] | None = None,
        client: str | None = None,
        status: str | None = None,
        after: str | None = None,
        count: int = 50,
    ) -> list[Document]:
        """List documents by uuid; a case has the identifiers of its stays and of its client too."""
        system, value = identifier if identifier is not None else (None, None)
        filters = reads.Filters(
            form(scope),
            value=value is not None,
            system=system is not None,
            client=client is not None,
            status=status is not None,
            after=after is not None,
        )
        named = {
            **parameters(scope),
            "kind": kind,
            "kinds": [kind, "client"],
            "value": value,
            "system": system,
        }
        named |= {"client": client, "status": status, "after": after, "count": count}
        with reading(self._engine) as connection:
            return [document_of(row) for row in connection.execute(reads.documents(filters), named)]

    def revisions(self, scope: Scope, uuid: str) -> list[Revision]:
        """Return all revisions of a document, newest first."""
        with reading(self._engine) as connection:
            answer = connection.execute(reads.revisions(form(scope)), {**parameters(scope), "of": uuid})
            return [revision_of(row) for row in answer]

    def resource(self, scope: Scope, type_: str, id_: str) -> StoredResource | None:
        """Return the current bytes of a resource; raises Gone after erasure."""
        versions = self._versions(scope, t.resource, type_, id_, None)
        return versions[0] if versions else None

    def owner(self, scope: Scope, type_: str, id_: str) -> tuple[Document, str] | None:
        """Return the document that owns a resource, and the version of the mappings that made it."""
        named = {**parameters(scope), "type": type_, "id": id_}
        with reading(self._engine) as connection:
            row = connection.execute(reads.owner(form(scope)), named).first()
        return (document_of(row), row.mapping_version) if row is not None else None

    def owners(self, scope: Scope, named: Collection[tuple[str, str]]) -> dict[tuple[str, str], Document]:
        """Return the documents that own resources, by the (type, id) of those that there are."""
        wanted, owners = set(named), dict[tuple[str, str], Document]()
        keys = sorted(wanted)
        with reading(self._engine) as connection:
            for start in range(0, len(keys), MANY):
                some = keys[start : start + MANY]
                types = sorted({type_ for type_, _ in some})
                asked = {**parameters(scope), "types": types, "ids": [id_ for _, id_ in some]}
                for row in connection.execute(reads.owners(form(scope)), asked):
                    if (row[0], row[1]) in wanted:
                        owners[row[0], row[1]] = document_of(row)
        return owners

    def version(self, scope: Scope, type_: str, id_: str, version: int) -> StoredResource | None:
        """Return the bytes of one version; raises Gone after erasure."""
        versions = self._versions(scope, t.history, type_, id_, version)
        return versions[0] if versions else None

    def history(self, scope: Scope, past: HistoryQuery) -> Page:
        """Return one page of versions, newest first, and of one resource how many there are."""
        return self.reads.read(lambda connection: history(connection, scope, past))

    def everything(self, scope: Scope, asked: EverythingQuery) -> list[StoredResource]:
        """Return what is of a patient or episode, in its order, one more than are asked for at most."""
        return self.reads.read(lambda connection: everything(connection, scope, asked))

    def search(self, scope: Scope, query: Query) -> Page:
        """Search inside the scope."""
        return self.reads.read(lambda connection: search(connection, scope, query))

    def beside(
        self, scope: Scope, named: Sequence[tuple[str, str]], terms: Mapping[str, Sequence[str]], most: int
    ) -> list[StoredResource]:
        """Return resources by (type, id), then those of types that have terms, inside the scope."""
        return self.reads.read(lambda connection: beside(connection, scope, named, terms, most))

    def events(self, scope: Scope, after: int, count: int) -> list[NumberedMessage]:
        """Return numbered messages of the scope's view above a position; all or nothing, as yet.

        Raises Unkept where some above it may have been deleted as old.
        """
        if not scope.everything:
            return []
        messages: list[NumberedMessage] = []
        asked = after
        with reading(self._engine) as connection:
            # those of other views are passed
            while len(messages) < count and (rows := positions_above(connection, "outbox", after, SPAN)):
                named = {"rows": list(rows), "view": scope.view}
                chosen = connection.execute(reads.EVENTS, named)
                messages += sorted(NumberedMessage(rows[row[0]], *row[1:]) for row in chosen)
                after = max(rows.values())
            # last: they may be deleted while they are read
            if asked < pruned(connection):
                raise Unkept(UNKEPT, where="after")
        return messages[:count]

    def feed_begins(self) -> int:
        """Return the position after which all messages are kept."""
        with reading(self._engine) as connection:
            return pruned(connection)

    def secret(self, name: str, proposed: bytes) -> bytes:
        """Return the key of that name that all processes share: the proposed one where there is none yet."""
        with writing(self._engine) as connection:
            connection.execute(KEEP, {"name": name, "value": proposed})
            chosen = select(t.secret.c.value).where(t.secret.c.name == name)
            return bytes(connection.execute(chosen).scalar_one())

    def _versions(
        self, scope: Scope, table: Table, type_: str, id_: str, version: int | None
    ) -> list[StoredResource]:
        chosen = reads.versions(form(scope), table, version is not None)
        named = {**parameters(scope), "type": type_, "id": id_, "version": version}
        stone = {"view": scope.view, "type": type_, "id": id_}

        def versions(connection: Executor) -> list[StoredResource]:
            rows = connection.execute(chosen, named).all()
            is_told = not rows and scope.everything and not scope.narrowed
            if is_told and connection.execute(reads.STONE, stone).first() is not None:
                raise Gone("The resource was erased.")
            return [stored_of(row) for row in rows]

        return self.reads.read(versions)
