"""How long the inbox keeps what came in, and what is erased from it; the half of SqlInbox that ends it."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

from sqlalchemy import (
    ColumnElement,
    LargeBinary,
    and_,
    case,
    delete,
    exists,
    func,
    literal,
    or_,
    select,
    update,
)

from service.store import tables as t
from service.store.rows.typed import aware
from service.store.sql.engine import Executor

SETTLED: Final = ("accepted", "ignored", "replayed", "discarded", "erased")
MANY: Final = 500
_OWING: Final = exists().where(t.delivery.c.entry == t.inbox.c.id, t.delivery.c.state == "pending")


class Keeping:
    """What of `flows.ports.InboxPort` is retention and erasure, on one connection."""

    def __init__(self, connection: Executor) -> None:
        """Take the open transaction."""
        self._run = connection.execute
        self._is_sqlite = connection.dialect.name == "sqlite"

    def prunable(self, bodies: datetime, entries: datetime, waiting: datetime) -> int:
        """Return how many entries `strip`, `drop` and `expire` would change with these instants."""
        c = t.inbox.c
        old = or_(and_(c.arrived < entries, ~_OWING), and_(c.arrived < bodies, c.raw.is_not(None)))
        done = or_(and_(c.state.in_(SETTLED), old), and_(c.state == "quarantined", c.arrived < waiting))
        return int(self._run(select(func.count()).select_from(t.inbox).where(done)).scalar_one())

    def expire(self, before: datetime, limit: int) -> int:
        """Discard entries in quarantine that arrived before an instant, without bytes; return how many."""
        c = t.inbox.c
        old = select(c.id).where(c.state == "quarantined", c.arrived < before).order_by(c.arrived)
        ids = list(self._run(old.limit(limit).with_for_update(skip_locked=True)).scalars())
        gone = dict.fromkeys(("raw", "edited", "due", "if_none_exist"))
        self._run(update(t.inbox).where(c.id.in_(ids)).values(**gone, state="discarded", reason="expired"))
        return len(ids)

    def strip(self, before: datetime, limit: int) -> int:
        """Take the bytes off settled entries that arrived before an instant; return of how many."""
        c = t.inbox.c
        old = select(c.id).where(c.state.in_(SETTLED), c.arrived < before, c.raw.is_not(None)).limit(limit)
        ids = list(self._run(old).scalars())
        self._run(update(t.inbox).where(c.id.in_(ids)).values(raw=None, edited=None, if_none_exist=None))
        return len(ids)

    def drop(self, before: datetime, limit: int) -> int:
        """Delete settled entries that arrived before an instant and owe no answer; return how many."""
        c = t.inbox.c
        old = select(c.id).where(c.state.in_(SETTLED), c.arrived < before, ~_OWING).limit(limit)
        ids = list(self._run(old).scalars())
        for table in (t.inbox_key, t.inbox_subject, t.delivery):
            self._run(delete(table).where(table.c.entry.in_(ids)))
        self._run(delete(t.inbox).where(c.id.in_(ids)))
        return len(ids)

    def about(self, subjects: Sequence[str]) -> list[str]:
        """Return the ids of the entries about one of some subjects."""
        s = t.inbox_subject.c
        return list(self._run(select(s.entry).where(s.subject.in_(subjects)).distinct()).scalars())

    def holding(
        self, spelt: Sequence[bytes], after: tuple[datetime, str], count: int
    ) -> list[tuple[datetime, str, list[bytes]]]:
        """Give (arrival, id, bytes) of entries after one; the bytes only where they hold one of these."""
        c = t.inbox.c
        held = {column: or_(*(self._holds(column, one) for one in spelt)) for column in (c.raw, c.edited)}
        columns = [case((is_held, column)) for column, is_held in held.items()]
        later = or_(c.arrived > after[0], and_(c.arrived == after[0], c.id > after[1]))
        kept = or_(c.raw.is_not(None), c.edited.is_not(None))
        chosen = select(c.arrived, c.id, *columns).where(later, kept).order_by(c.arrived, c.id).limit(count)
        return [
            (aware(at), id_, [bytes(body) for body in bodies if body is not None])
            for at, id_, *bodies in self._run(chosen)
        ]

    def forget(self, entries: Sequence[str]) -> None:
        """Erase what entries hold; their keys stay, so that nothing erased comes back."""
        emptied = dict.fromkeys(("raw", "edited", "answer", "issues", "due", "if_none_exist"))
        for start in range(0, len(entries), MANY):
            some = entries[start : start + MANY]
            mine = update(t.inbox).where(t.inbox.c.id.in_(some))
            self._run(mine.values(**emptied, state="erased", reason="erased"))
            self._run(delete(t.inbox_subject).where(t.inbox_subject.c.entry.in_(some)))

    def _holds(self, column: ColumnElement[Any], spelt: bytes) -> ColumnElement[bool]:
        needle = literal(spelt, LargeBinary)
        if self._is_sqlite:
            return func.instr(column, needle) > 0
        return func.position(needle.op("IN")(column)) > 0
