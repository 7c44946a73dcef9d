"""Positions: gap-free numbers for committed rows, and ticks that say how far they had come at an instant.

A row committed late lies behind any cursor made of ids or times; so only committed rows get a position.
"""

import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, Final

from sqlalchemy import BigInteger, Engine, Table, Update, bindparam, func, insert, select, text, update

from service.store import tables as t
from service.store.rows import aware
from service.store.sql.engine import Executor, reading, writing

NUMBERING: Final = 0x0CA5EB1E


def _first(table: Table) -> Any:
    """The first row without a position."""
    return select(func.min(table.c.row)).where(table.c.position.is_(None)).scalar_subquery()


def _numbering(table: Table) -> Update:
    """Give up to `limit` rows the positions after the `last` one, in the order they were written."""
    c = table.c
    # A span, for a planner that knows a queue's table badly would sort all that is behind. Its start is found
    # in the same statement: a row committed between two would be overtaken by its owner's next.
    limit = bindparam("limit", type_=BigInteger)
    span = (c.position.is_(None), c.row >= _first(table), c.row < _first(table) + limit)
    # on PostgreSQL the partition key leads to the partition
    rank = func.row_number().over(order_by=c.row).label("rank")
    ranked = select(c.row, c.recorded_on, rank).where(*span).subquery()
    same = (c.row == ranked.c.row, c.recorded_on == ranked.c.recorded_on)
    return update(table).where(*same).values(position=bindparam("last", type_=BigInteger) + ranked.c.rank)


STREAMS: Final[dict[str, Table]] = {"outbox": t.outbox, "history": t.history}
# in `counter`, how far the outbox is listed in `unpublished`
LISTED: Final = "listed"
TICK_SECONDS: Final = 1.0
# the least is found through an index whatever the planner believes; that there is one, by reading all
_WAITING: Final = select(*(_first(table).label(name) for name, table in STREAMS.items()))
_NUMBER: Final = {name: _numbering(table) for name, table in STREAMS.items()}
# two leaders for a moment (one paused) must not give one position twice
_ALONE: Final = text("SELECT pg_advisory_xact_lock(:key)")
_LAST: Final = select(t.counter)
_COUNT: Final = text(
    "INSERT INTO counter (name, last) VALUES (:name, :last)"
    " ON CONFLICT (name) DO UPDATE SET last = excluded.last"
)
# a leader of the release before numbers and lists nothing, so what it left is listed with what is new
_LIST: Final = text(
    "INSERT INTO unpublished SELECT position FROM outbox WHERE position > :after AND position <= :last"
    " AND state IN ('pending', 'parked') ON CONFLICT (position) DO NOTHING"
)


class Positions:
    """Numbers what is committed, for its leader; two at once wait for each other."""

    def __init__(self, engine: Engine, clock: Callable[[], float] = time.monotonic) -> None:
        """Take the engine to open transactions on."""
        self._engine = engine
        self._clock = clock
        self._ticked = dict.fromkeys(STREAMS, clock() - TICK_SECONDS)
        self._untold = dict.fromkeys(STREAMS, True)

    def number(self, limit: int) -> int:
        """Give up to `limit` committed rows of each stream their positions, in the order they were written.

        An owner's rows are written under its lock, so their order is the order of their rows. Returns how
        many were numbered.
        """
        with reading(self._engine) as connection:
            row = connection.execute(_WAITING).one()
            waiting = [name for name, first in zip(STREAMS, row, strict=True) if first is not None]
        ticking = [name for name in STREAMS if self._untold[name] and self._due(name)]
        if not waiting and not ticking:
            return 0
        with writing(self._engine) as connection:
            if connection.dialect.name == "postgresql":
                connection.execute(_ALONE, {"key": NUMBERING})
            counters = {row.name: row.last for row in connection.execute(_LAST)}
            last = {name: counters.get(name, 0) for name in STREAMS}
            for name in ticking:
                _tick(connection, name, last[name])
            counts = _number(connection, waiting, last, limit)
            _list(connection, counters.get(LISTED, 0), last["outbox"] + counts.get("outbox", 0))
        for name in ticking:
            self._ticked[name], self._untold[name] = self._clock(), False
        for name, count in counts.items():
            self._untold[name] |= count > 0
        return sum(counts.values())

    def _due(self, name: str) -> bool:
        return self._clock() - self._ticked[name] >= TICK_SECONDS


def _tick(connection: Executor, name: str, last: int) -> None:
    """Write down what had been numbered and committed before now; so it is told before more is numbered."""
    c = t.tick.c
    newest, latest = connection.execute(
        select(func.max(c.position), func.max(c.at)).where(c.stream == name)
    ).one()
    if last > (newest or 0):
        now = datetime.now(UTC)
        # a clock that was set back makes nothing older than what came before it
        at = max(now, aware(latest)) if latest is not None else now
        connection.execute(insert(t.tick).values(stream=name, position=last, at=at))


def _number(connection: Executor, names: list[str], last: dict[str, int], limit: int) -> dict[str, int]:
    """Number the rows of streams; return how many of each."""
    # sent together, and waited for once
    numbered = {
        name: connection.execute(_NUMBER[name], {"last": last[name], "limit": limit}) for name in names
    }
    counts = {name: int(answer.rowcount) for name, answer in numbered.items()}
    for name, count in counts.items():
        connection.execute(_COUNT, {"name": name, "last": last[name] + count})
    return counts


def _list(connection: Executor, after: int, last: int) -> None:
    """List what is numbered and not listed yet."""
    if after < last:
        connection.execute(_LIST, {"after": after, "last": last})
        connection.execute(_COUNT, {"name": LISTED, "last": last})
