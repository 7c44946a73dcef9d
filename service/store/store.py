"""The store on SQLAlchemy: reads inside a scope, and write transactions that are tried again."""

import random
import time
from collections.abc import Callable, Collection
from functools import lru_cache
from itertools import count as counting
from typing import Any, Final, TypeVar

import structlog
from sqlalchemy import (
    CompoundSelect,
    Engine,
    Select,
    Table,
    and_,
    bindparam,
    exists,
    func,
    select,
    text,
    tuple_,
)

from service.errors import Gone
from service.store import tables as t
from service.store.relay.outbox import MESSAGE, numbered_of
from service.store.rows import document_of, revision_of, stored_of
from service.store.scope import Form, bound, form, of_documents, of_resources
from service.store.search import search
from service.store.sql.engine import reading, writing
from service.store.sql.failures import Busy, Taken
from service.store.writing.unit import SqlUnit
from service.values.documents import Document, Revision
from service.values.resources import Numbered, Page, Past, Query, Stored
from service.values.scope import Scope

log = structlog.get_logger()

T = TypeVar("T")
PATIENCE: Final = 30.0
MANY: Final = 500
KEEP: Final = text("INSERT INTO secret (name, value) VALUES (:name, :value) ON CONFLICT (name) DO NOTHING")


class SqlStore:
    """`flows.ports.Store` on SQLite or PostgreSQL."""

    def __init__(self, engine: Engine, *, identifying: frozenset[str] = frozenset()) -> None:
        """Take the engine, and the systems whose identifiers identify a person."""
        self._engine = engine
        self._identifying = identifying

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
                    return story(SqlUnit(connection, self._identifying))
            except Taken:
                # who came first is committed: the story that runs again finds it
                if attempt > 0:
                    raise
            except Busy:
                pause = random.uniform(0, min(0.02 * 2**attempt, 1.0))  # noqa: S311  jitter, no secret
                if time.monotonic() + pause > give_up:
                    raise
                time.sleep(pause)
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
            busy = connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)").one()[0]
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
            found = unit.documents.find(kind, source, ref)
            return found if found is not None and scope.owns(found.source) else None

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
        c = t.document.c
        where = [c.kind == kind, of_documents(form(scope))]
        if identifier is not None:
            where.append(c.uuid.in_(_uuids_by_identifier(kind, *identifier)))
        where += [c.client == client] if client is not None else []
        where += [c.status == status] if status is not None else []
        where += [c.uuid > after] if after is not None else []
        chosen = select(t.document).where(*where).order_by(c.uuid).limit(count)
        # how to find them depends on how many a source has
        chosen = chosen.execution_options(prepare=False)
        with reading(self._engine) as connection:
            return [document_of(row) for row in connection.execute(chosen, bound(scope))]

    def revisions(self, scope: Scope, uuid: str) -> list[Revision]:
        """Return all revisions of a document, newest first."""
        c = t.revision.c
        mine = exists().where(t.document.c.uuid == c.document, of_documents(form(scope)))
        chosen = select(t.revision).where(c.document == uuid, mine).order_by(c.revision.desc())
        with reading(self._engine) as connection:
            return [revision_of(row) for row in connection.execute(chosen, bound(scope))]

    def resource(self, scope: Scope, type_: str, id_: str) -> Stored | None:
        """Return the current bytes of a resource; raises Gone after erasure."""
        found = self._versions(scope, t.resource, type_, id_, None)
        return found[0] if found else None

    def owner(self, scope: Scope, type_: str, id_: str) -> tuple[Document, str] | None:
        """Return the document that owns a resource, and the version of the mappings that made it."""
        c = t.resource.c
        mine = [of_resources(form(scope), t.resource), c.type == type_, c.id == id_]
        chosen = select(t.document, c.mapping_version).join(t.resource, c.owner == t.document.c.uuid)
        with reading(self._engine) as connection:
            row = connection.execute(chosen.where(*mine), bound(scope)).first()
        return (document_of(row), row.mapping_version) if row is not None else None

    def owners(self, scope: Scope, named: Collection[tuple[str, str]]) -> dict[tuple[str, str], Document]:
        """Return the documents that own resources, by the (type, id) of those that there are."""
        c = t.resource.c
        chosen = select(c.type, c.id, t.document).join(t.resource, c.owner == t.document.c.uuid)
        chosen = chosen.where(of_resources(form(scope), t.resource))
        keys, found = sorted(named), dict[tuple[str, str], Document]()
        with reading(self._engine) as connection:
            for start in range(0, len(keys), MANY):
                some = chosen.where(tuple_(c.type, c.id).in_(keys[start : start + MANY]))
                for row in connection.execute(some, bound(scope)):
                    found[row[0], row[1]] = document_of(row)
        return found

    def version(self, scope: Scope, type_: str, id_: str, version: int) -> Stored | None:
        """Return the bytes of one version; raises Gone after erasure."""
        found = self._versions(scope, t.history, type_, id_, version)
        return found[0] if found else None

    def history(self, scope: Scope, type_: str, id_: str, past: Past) -> Page:
        """Return one page of a resource's versions, newest first, and how many there are since."""
        c = t.history.c
        where = [of_resources(form(scope), t.history), c.type == type_, c.id == id_, c.withheld.is_(False)]
        where += [c.last_updated >= past.since] if past.since is not None else []
        below = [c.version < past.below] if past.below is not None else []
        columns = select(c.type, c.id, c.version, c.last_updated, c.body).where(*where, *below)
        chosen = columns.order_by(c.version.desc()).limit(past.count + 1)
        counted = select(func.count()).select_from(t.history).where(*where)
        with reading(self._engine) as connection:
            found = [stored_of(row) for row in connection.execute(chosen, bound(scope))]
            total = connection.execute(counted, bound(scope)).scalar_one()
        shown = found[: past.count]
        more = len(found) > past.count and bool(shown)
        return Page(tuple(shown), total, (str(shown[-1].version), id_) if more else None)

    def search(self, scope: Scope, query: Query) -> Page:
        """Search inside the scope."""
        with reading(self._engine) as connection:
            return search(connection, scope, query)

    def events(self, scope: Scope, after: int, count: int) -> list[Numbered]:
        """Return numbered messages of the scope's view above a position; all or nothing, as yet."""
        if not scope.everything:
            return []
        c = t.outbox.c
        chosen = select(*MESSAGE).where(c.position > after, c.view == scope.view).order_by(c.position)
        with reading(self._engine) as connection:
            return [numbered_of(row) for row in connection.execute(chosen.limit(count))]

    def secret(self, name: str, proposed: bytes) -> bytes:
        """Return the key of that name that all processes share: the proposed one where there is none yet."""
        with writing(self._engine) as connection:
            connection.execute(KEEP, {"name": name, "value": proposed})
            chosen = select(t.secret.c.value).where(t.secret.c.name == name)
            return bytes(connection.execute(chosen).scalar_one())

    def _versions(
        self, scope: Scope, table: Table, type_: str, id_: str, version: int | None
    ) -> list[Stored]:
        chosen = _versions_statement(form(scope), table, version is not None)
        named = {**bound(scope), "type": type_, "id": id_, "version": version}
        with reading(self._engine) as connection:
            rows = connection.execute(chosen, named).all()
            if not rows and scope.everything:
                stone = and_(
                    t.tombstone.c.view == scope.view, t.tombstone.c.type == type_, t.tombstone.c.id == id_
                )
                if connection.execute(select(t.tombstone.c.id).where(stone)).first() is not None:
                    raise Gone("The resource was erased.")
            return [stored_of(row) for row in rows]


@lru_cache(maxsize=500)
def _versions_statement(scope: Form, table: Table, numbered: bool) -> Select[Any]:
    """Return the statement of a resource's versions in a table, newest first, or of one by its number."""
    c = table.c
    where = [of_resources(scope, table), c.type == bindparam("type"), c.id == bindparam("id")]
    where += [c.version == bindparam("version")] if numbered else []
    where += [t.history.c.withheld.is_(False)] if table is t.history else []
    columns = select(c.type, c.id, c.version, c.last_updated, c.body)
    return columns.where(*where).order_by(c.version.desc())


def _uuids_by_identifier(kind: str, system: str | None, value: str) -> CompoundSelect[Any]:
    """Return the uuids of documents that have an identifier, or of whose client it is."""
    i, case = t.identifier.c, t.document.alias()
    holding = select(i.document).where(i.kind.in_({kind, "client"}), i.value == value)
    holding = holding.where(i.system == system) if system is not None else holding
    return holding.union_all(select(case.c.uuid).where(case.c.client.in_(holding)))
