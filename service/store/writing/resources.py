"""What is made of documents: resources, their search rows and messages; a part of the unit of work."""

from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import delete, exists, select, tuple_, update

from service.store import tables as t
from service.store.rows import statements as q
from service.store.rows.typed import RESOURCE, aware, found_by, search_columns, search_rows, searched
from service.store.writing.transaction import Transaction
from service.values.access.consents import Refusal
from service.values.kept.documents import Document
from service.values.kept.resources import CurrentVersion, OutboxMessage, ResourceVersion


class SqlResources:
    """`flows.ports.ResourcesPort` in one transaction."""

    def __init__(self, transaction: Transaction) -> None:
        """Take the open transaction."""
        self._transaction = transaction
        self._run = transaction.run
        self._insert = transaction.insert
        self._last: dict[tuple[str, str], int] = {}
        self._basis: dict[tuple[str, str], str] = {}
        self._prefetched: dict[tuple[str, str], Any] = {}
        self._written: dict[tuple[str, str, str], int] = {}

    def move(self, case: str, client: str) -> None:
        """Let what is stored of a case's resources be another client's."""
        c = t.resource.c
        mine = [tuple(row) for row in self._run(select(c.view, c.type, c.id).where(c.owner == case))]
        for table in (t.resource, t.history, t.mention):
            self._run(update(table).where(table.c.owner == case).values(client=client))
        for table in q.SEARCH_BEFORE:
            same = tuple_(table.c.view, table.c.type, table.c.id).in_(mine)
            self._run(update(table).where(same).values(client=client))

    def prefetch(self, owner: str, views: Collection[str]) -> None:
        """Ask for what `current` will be asked of an owner in each view, and do not wait for it."""
        if self._transaction.is_new(owner):
            return
        for view in views:
            self._prefetched[owner, view] = self._run(q.CURRENT, {"owner": owner, "view": view})

    def current(self, owner: str, view: str) -> dict[tuple[str, str], CurrentVersion]:
        """Return the current resources of an owner by (type, id)."""
        if self._transaction.is_first(f"resources of {view}", owner):
            return {}
        asked = self._prefetched.pop((owner, view), None)
        rows = (asked or self._run(q.CURRENT, {"owner": owner, "view": view})).all()
        # nobody else numbers messages of what is locked
        if rows and rows[0].last is not None and owner in self._transaction.locked:
            self._last[owner, view] = rows[0].last
            self._basis[owner, view] = rows[0].basis
        return {
            (row.type, row.id): CurrentVersion(
                row.type,
                row.id,
                row.version,
                row.digest,
                aware(row.last_updated),
                row.searched == searched(row.version),
            )
            for row in rows
        }

    def basis(self, owner: str, view: str) -> str:
        """Return what names that of which the `current` resources of an owner were made; '' is unknown."""
        return self._basis.get((owner, view), "")

    def bodies(
        self, owner: str, view: str, keys: Collection[tuple[str, str]]
    ) -> dict[tuple[str, str], bytes]:
        """Return the bodies of some current resources of an owner, by (type, id)."""
        if not keys:
            return {}
        named = {"owner": owner, "view": view, "ids": [id_ for _, id_ in keys]}
        stored = {(row.type, row.id): bytes(row.body) for row in self._run(q.BODIES, named)}
        return {key: stored[key] for key in keys}

    def version_of(self, view: str, type_: str, id_: str) -> int | None:
        """Return the version of a current resource."""
        version: int | None = self._written.get((view, type_, id_))
        if version is None:
            version = self._run(q.VERSION, {"view": view, "type": type_, "id": id_}).scalar()
        return version

    def write(self, versions: Sequence[ResourceVersion]) -> None:
        """Replace current resources, append history, and replace search rows where they are other ones.

        The labels of a version are also those of the versions before.
        """
        self._written.update(
            {(version.view, version.type, version.id): version.version for version in versions}
        )
        past = [{name: getattr(version, name) for name in RESOURCE} for version in versions]
        # by which mappings a version was made stands in the history alone
        current = [{**row, "mapping_version": ""} for row in past]
        rows = [{**row, **search_columns(version)} for row, version in zip(current, versions, strict=True)]
        self._insert(t.resource, [row for row in rows if row["version"] == 1])
        replaced = [
            {"of_view": row["view"], "of_type": row["type"], "of_id": row["id"], **row}
            for row in rows
            if row["version"] > 1
        ]
        if replaced:
            self._run(q.REPLACE, replaced)
        # nobody compares with what an older version was made like
        self._insert(
            t.history, [{**row, "digest": "", "recorded_on": row["last_updated"].date()} for row in past]
        )
        labelled = [
            {"of_view": v.view, "of_type": v.type, "of_id": v.id, "more": v.labels}
            for v in versions
            if v.labels and v.version > 1
        ]
        if labelled:
            self._run(q.LABEL, labelled)
        stale = [
            found_by(version.view, version.type, version.id)
            for version in versions
            if version.version > 1 and not version.is_found_alike
        ]
        for table, table_rows in search_rows(versions):
            if stale:
                self._run(q.FORGET[table], {"resources": stale})
            self._insert(table, table_rows)

    def mention(
        self,
        owner: str,
        view: str,
        client: str | None,
        mentioned: Mapping[tuple[str, str], int],
        unmentioned: Collection[tuple[str, str]],
    ) -> None:
        """Record what resources of others an owner's refer to in a view, with its labels, and no longer."""
        named = {"owner": owner, "view": view}
        if unmentioned:
            self._run(q.UNMENTION, [{**named, "type": y, "id": i} for y, i in sorted(unmentioned)])
        if mentioned:
            of = {**named, "client": client}
            rows = [{**of, "type": y, "id": i, "labels": mentioned[y, i]} for y, i in sorted(mentioned)]
            self._run(q.MENTION, rows)

    def memberships(self, client: str, rows: Sequence[tuple[str, str, str, str]]) -> None:
        """Replace a client's memberships."""
        if not self._transaction.is_first("memberships", client):
            self._run(q.UNMEMBER, {"of": client})
        names = ("system", "value", "start", "end")
        values = [
            {"client": client, "position": i, **dict(zip(names, r, strict=True))} for i, r in enumerate(rows)
        ]
        self._insert(t.membership, values)

    def refusals(self, client: str, rows: Sequence[Refusal]) -> None:
        """Replace what a client denies."""
        if not self._transaction.is_first("refusals", client):
            self._run(q.UNREFUSE, {"of": client})
        values = [{"client": client, "position": n, **row._asdict()} for n, row in enumerate(rows)]
        self._insert(t.consent, values)

    def withhold(self, client: str, before: datetime) -> None:
        """Show no one what older versions and messages with resources tell of a client."""
        h, r = t.history.c, t.resource.c
        current = exists().where(r.view == h.view, r.type == h.type, r.id == h.id, r.version == h.version)
        self._run(update(t.history).where(h.client == client, ~current).values(withheld=True))
        cases = self._run(select(t.document.c.uuid).where(t.document.c.client == client)).scalars()
        owners = [f"client/{client}", *(f"case/{case}" for case in cases)]
        older = update(t.outbox).where(t.outbox.c.owner.in_(owners), t.outbox.c.recorded < before)
        # only a release before 0012 wrote any
        self._run(older.where(t.outbox.c.full.is_not(None)).values(full=None))

    def sequence(self, owner: str, view: str, count: int, basis: str) -> int:
        """Take `count` numbers of the owner's message sequence in a view and return the first.

        `basis` names what its resources are made of from now on.
        """
        if self._transaction.is_first(f"messages of {view}", owner):
            self._insert(t.stream, [{"owner": owner, "view": view, "last": count, "basis": basis}])
            return 1
        self._basis[owner, view] = basis
        last = self._last.get((owner, view))
        if last is not None:
            self._last[owner, view] = last + count
            self._run(q.NUMBERED, {"of": owner, "of_view": view, "last": last + count, "basis": basis})
            return last + 1
        named = {"owner": owner, "view": view, "count": count, "basis": basis}
        return int(self._run(q.TAKE, named).scalar_one()) - count + 1

    def emit(self, messages: Sequence[OutboxMessage]) -> None:
        """Append to the outbox."""
        self._insert(t.outbox, [_outbox(message) for message in messages])
        self._transaction.has_messages |= bool(messages)

    def erase(self, document: Document) -> list[tuple[str, str, str]]:
        """Remove the resources of a document with all that tells of them; tombstones stay for 410."""
        c = t.resource.c
        chosen = select(c.view, c.type, c.id, c.client, c.labels).where(c.owner == document.uuid)
        rows = self._run(chosen).all()
        gone = [tuple(row[:3]) for row in rows]
        if rows:
            common = {"owner": document.uuid, "source": document.source, "erased": datetime.now(UTC)}
            names = ("view", "type", "id", "client", "labels")
            stones = [{**dict(zip(names, row, strict=True)), **common} for row in rows]
            self._insert(t.tombstone, stones)
            for table in q.SEARCH:
                self._run(q.FORGET[table], {"resources": [found_by(v, y, i) for v, y, i in gone]})
            for table in q.SEARCH_BEFORE:
                self._run(delete(table).where(tuple_(table.c.view, table.c.type, table.c.id).in_(gone)))
        for table in (t.resource, t.history, t.mention):
            self._run(delete(table).where(table.c.owner == document.uuid))
        for table in (t.membership, t.consent):
            self._run(delete(table).where(table.c.client == document.uuid))
        owner = f"{document.kind}/{document.uuid}"
        messages = update(t.outbox).where(t.outbox.c.owner == owner, t.outbox.c.full.is_not(None))
        self._run(messages.values(full=None))
        return [(str(v), str(y), str(i)) for v, y, i in gone]


def _outbox(message: OutboxMessage) -> dict[str, Any]:
    names = ("view", "owner", "routing_key", "sequence", "recorded", "body")
    row = {name: getattr(message, name) for name in names}
    return {"message": message.id, "recorded_on": message.recorded.date(), **row}
