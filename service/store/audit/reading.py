"""The audit is read: rows with what was searched for, by client, partner, time and what was told."""

from collections.abc import Iterator
from typing import Any, Final

from sqlalchemy import ColumnElement, Engine, or_, select

from service.store import tables as t
from service.store.rows.typed import aware
from service.store.sql.engine import Executor, reading
from service.values.audit import AuditQuery, RecordedEntry
from service.wire.json import reread

_C: Final = t.audit.c
_TEXT: Final = t.audit_text.c
# with what was searched for, where that is still there
ROWS: Final = select(t.audit, _TEXT.text).join(
    t.audit_text, (_TEXT.row == _C.row) & (_TEXT.recorded_on == _C.recorded_on), isouter=True
)
LAST_SEAL: Final = (
    select(t.audit_seal.c.last, t.audit_seal.c.missing).order_by(t.audit_seal.c.number.desc()).limit(1)
)


class SqlAuditReading:
    """Reads the audit."""

    def __init__(self, engine: Engine) -> None:
        """Take the engine."""
        self._engine = engine

    def client_of_patient(self, id_: str) -> str | None:
        """Return the uuid of the client that a Patient is of, or was before it was erased."""
        with reading(self._engine) as connection:
            for table in (t.resource, t.tombstone):
                chosen = select(table.c.owner).where(table.c.type == "Patient", table.c.id == id_).limit(1)
                if (owner := connection.execute(chosen).scalar()) is not None:
                    return str(owner)
        return None

    def entries(self, query: AuditQuery) -> list[RecordedEntry]:
        """Return entries, the newest first."""
        with reading(self._engine) as connection:
            chosen = ROWS.where(*_conditions(connection, query)).order_by(_C.row.desc()).limit(query.count)
            # how to find them depends on what is asked for
            rows = connection.execute(chosen.execution_options(prepare=False))
            return [entry_of(row) for row in rows]


def entry_of(row: Any) -> RecordedEntry:
    """Return a row of ROWS as an entry."""
    return RecordedEntry(
        row=row.row,
        recorded=aware(row.recorded),
        partner=row.partner,
        address=row.address,
        purposes=tuple(row.purposes.split()),
        interaction=row.interaction,
        status=row.status,
        correlation=row.correlation,
        things={client: tuple(things) for client, things in reread(row.things.encode()).items()},
        text=row.text,
    )


def _conditions(connection: Executor, query: AuditQuery) -> Iterator[ColumnElement[bool]]:
    if query.client is not None:
        yield _tells_of(connection, query.client)
    if query.partner is not None:
        yield _C.partner == query.partner
    if query.thing is not None:
        ends = (f'"{query.thing}{end}' for end in '"/')
        yield or_(*(_C.things.contains(text, autoescape=True) for text in ends))
    if query.since is not None:
        # the day leads to the partition
        yield _C.recorded_on >= query.since.date()
        yield _C.recorded >= query.since
    if query.until is not None:
        yield _C.recorded_on <= query.until.date()
        yield _C.recorded <= query.until
    if query.row is not None:
        yield _C.row == query.row
    if query.below is not None:
        yield _C.row < query.below


def _tells_of(connection: Executor, client: str) -> ColumnElement[bool]:
    """Sealed rows are found by their index, the few that are not by what they say."""
    c, other = t.audit_patient.c, t.audit.alias()
    seal = connection.execute(LAST_SEAL).first()
    last, missing = (seal.last, list(reread(seal.missing.encode()))) if seal is not None else (0, [])
    unsealed = or_(other.c.row > last, other.c.row.in_([int(row) for row in missing]))
    told = other.c.things.contains(f'"{client}"', autoescape=True)
    tail = select(other.c.row).where(unsealed, told)
    return _C.row.in_(select(c.row).where(c.client == client).union_all(tail))
