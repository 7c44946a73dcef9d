"""The audit, as a part of the unit of work. `store.audit` adds what needs no more than that, and reads it."""

from collections.abc import Sequence
from typing import Final

from sqlalchemy import Integer, bindparam, delete, select

from service.store import tables as t
from service.store.rows.recorded import add, row_of
from service.store.sql.engine import Executor
from service.values.audit import AuditEntry, SearchText
from service.wire.json import reread

_C: Final = t.audit_text.c
_SAME: Final = (t.audit.c.row == _C.row, t.audit.c.recorded_on == _C.recorded_on)
TEXTS: Final = (
    select(_C.row, _C.text, t.audit.c.things)
    .join(t.audit, _SAME[0] & _SAME[1])
    .where(_C.row > bindparam("after"))
    .order_by(_C.row)
    .limit(bindparam("count", type_=Integer))
)
FORGET: Final = delete(t.audit_text).where(_C.row.in_(bindparam("rows", expanding=True)))


class SqlAudit:
    """`flows.ports.AuditPort` in one transaction."""

    def __init__(self, connection: Executor) -> None:
        """Take the connection, on which a transaction has begun."""
        self._connection = connection
        self._run = connection.execute

    def record(self, entry: AuditEntry) -> None:
        """Add an entry, which is there once the transaction is committed."""
        add(self._connection, [row_of(entry)])

    def texts(self, after: int, count: int) -> list[SearchText]:
        """Return texts in the order of their rows, those after one."""
        return [
            SearchText(row.row, row.text, frozenset(reread(row.things.encode())))
            for row in self._run(TEXTS, {"after": after, "count": count})
        ]

    def forget_texts(self, rows: Sequence[int]) -> None:
        """Delete the texts of rows."""
        if rows:
            self._run(FORGET, {"rows": rows})
