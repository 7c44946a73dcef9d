"""Positions: gap-free numbers for committed rows, and ticks that say how far they had come at an instant.

A row committed late lies behind any cursor made of ids or times; so only committed rows get a position. It
stands in a run (`runs`), not in the row, beside how far they have come and what was missing then (`gaps`).
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final, NamedTuple

from sqlalchemy import (
    JSON,
    BigInteger,
    Engine,
    Select,
    Table,
    Text,
    bindparam,
    case,
    cast,
    func,
    literal_column,
    select,
    update,
)

from service.store import tables as t
from service.store.relay.gaps import Gaps, Writers, gaps_after, without
from service.store.relay.leadership import Lease, leading
from service.store.relay.runs import Run, runs_of
from service.store.rows.statements import INSERT
from service.store.rows.typed import aware, upsert
from service.store.sql.engine import Executor, reading
from service.values.kept.resources import NumberedMessage
from service.wire.json import dump, reread

_C: Final = t.outbox.c
# the row, and what of a `NumberedMessage` follows its position
MESSAGE: Final = (_C.row, _C.message, _C.view, _C.owner, _C.routing_key, _C.body, _C.sequence)
STREAMS: Final[dict[str, Table]] = {"outbox": t.outbox, "history": t.history}
TICK_SECONDS: Final = 1.0
ASK_SECONDS: Final = 1.0
_COLUMNS: Final[dict[str, Sequence[Any]]] = {"outbox": MESSAGE, "history": (t.history.c.row,)}
_LIMIT: Final = bindparam("limit", type_=BigInteger)
_N: Final = t.numbering.c
_NEWEST: Final = {name: select(func.max(table.c.row)).scalar_subquery() for name, table in STREAMS.items()}
_STANDING: Final = select(_N.stream, _N.last, _N.row, _N.gaps, case(_NEWEST, value=_N.stream).label("newest"))
# whoever has moved it meanwhile has numbered the same rows
_MOVE: Final = update(t.numbering).where(
    _N.stream == bindparam("of"),
    _N.last == bindparam("from_last"),
    _N.row == bindparam("from_row"),
    _N.gaps == bindparam("from_gaps"),
)
_GAP: Final = func.json_array_elements(cast(bindparam("gaps", type_=Text), JSON)).column_valued("gap")
_FIRST, _LAST = (cast(_GAP.op("->>")(literal_column(end)), BigInteger) for end in ("0", "1"))


def _above(name: str) -> Select[Any]:
    row = STREAMS[name].c.row
    return select(*_COLUMNS[name]).where(row > bindparam("after")).order_by(row).limit(_LIMIT)


def _above_and_in_gaps(name: str) -> Select[Any]:
    """Both in one look: between two, a row of a gap and the next of its owner may be committed."""
    row = STREAMS[name].c.row
    # the first gap, for a planner that would begin with the first row
    late = select(*_COLUMNS[name]).where(
        row.between(_FIRST, _LAST), row.between(bindparam("first"), bindparam("after"))
    )
    both = late.order_by(row).limit(_LIMIT).union_all(_above(name)).subquery()
    return select(both).order_by(both.c.row).limit(_LIMIT)


_LOOK: Final = {name: (_above(name), _above_and_in_gaps(name)) for name in STREAMS}


@dataclass(frozen=True, slots=True)
class Numbering:
    """How many rows got a position, and those of the outbox as messages."""

    count: int
    messages: list[NumberedMessage]


class _Step(NamedTuple):
    """From where to where a stream's numbering moves, with the rows it comes by."""

    last: int
    row: int
    gaps: str
    rows: Sequence[Any]
    left: str

    @property
    def is_none(self) -> bool:
        return not self.rows and self.left == self.gaps

    def runs(self) -> list[Run]:
        return runs_of([row.row for row in self.rows], self.last)

    def move(self, stream: str) -> dict[str, Any]:
        return {
            "of": stream,
            "from_last": self.last,
            "from_row": self.row,
            "from_gaps": self.gaps,
            "last": self.last + len(self.rows),
            "row": max(self.row, self.rows[-1].row) if self.rows else self.row,
            "gaps": self.left,
        }


class Positions:
    """Numbers what is committed; of several who do so at once, one does."""

    def __init__(self, engine: Engine, clock: Callable[[], float] = time.monotonic) -> None:
        """Take the engine to open transactions on."""
        self._engine = engine
        self._clock = clock
        self._ticked = dict.fromkeys(STREAMS, clock() - TICK_SECONDS)
        self._untold = dict.fromkeys(STREAMS, True)
        self._writers = {name: Writers(table.name) for name, table in STREAMS.items()}
        self._asked = dict.fromkeys(STREAMS, clock())

    def number(self, limit: int, lease: Lease | None = None) -> Numbering:
        """Give up to `limit` committed rows of each stream their positions, in the order they were written.

        An owner's rows are written under its lock, so their order is the order of their rows.

        Raises:
            Unavailable: the lease is another's by now.
        """
        with reading(self._engine) as connection:
            standing = {row.stream: row for row in connection.execute(_STANDING)}
            steps = {name: self._step(connection, name, standing[name], limit) for name in STREAMS}
        steps = {name: step for name, step in steps.items() if not step.is_none}
        ticking = [name for name in STREAMS if self._untold[name] and self._due(name)]
        if not steps and not ticking:
            return Numbering(0, [])
        with leading(self._engine, lease) as connection:
            for name in ticking:
                _tick(connection, name, standing[name].last)
            moves = {name: connection.execute(_MOVE, step.move(name)) for name, step in steps.items()}
            steps = {name: step for name, step in steps.items() if moves[name].rowcount}
            runs = [{"stream": name, **run._asdict()} for name, step in steps.items() for run in step.runs()]
            if runs:
                connection.execute(INSERT[t.position_run], runs if len(runs) > 1 else runs[0])
        for name in ticking:
            self._ticked[name], self._untold[name] = self._clock(), False
        for name, step in steps.items():
            self._untold[name] |= bool(step.rows)
        return Numbering(sum(len(step.rows) for step in steps.values()), _messages(steps.get("outbox")))

    def _step(self, connection: Executor, name: str, standing: Any, limit: int) -> _Step:
        """Look for rows to number, and into which gaps none can come any more."""
        gaps: Gaps = reread(standing.gaps.encode())
        if not gaps and (standing.newest or 0) <= standing.row:
            return _Step(standing.last, standing.row, standing.gaps, (), standing.gaps)
        abandoned = self._abandoned(connection, name, gaps)
        above, above_and_in_gaps = _LOOK[name]
        named = {"after": standing.row, "limit": limit}
        if gaps:
            named |= {"gaps": standing.gaps, "first": gaps[0][0]}
        rows = connection.execute(above_and_in_gaps if gaps else above, named).all()
        left = gaps_after(gaps, standing.row, [row.row for row in rows])
        # nobody writes beside another on SQLite
        left = [] if connection.dialect.name == "sqlite" else without(left, abandoned)
        return _Step(standing.last, standing.row, standing.gaps, rows, dump(left).decode())

    def _abandoned(self, connection: Executor, name: str, gaps: Gaps) -> Gaps:
        if not gaps or self._clock() - self._asked[name] < ASK_SECONDS:
            return ()
        self._asked[name] = self._clock()
        return self._writers[name].abandoned(connection, gaps)

    def _due(self, name: str) -> bool:
        return self._clock() - self._ticked[name] >= TICK_SECONDS


def _messages(step: _Step | None) -> list[NumberedMessage]:
    if step is None:
        return []
    return [NumberedMessage(position, *row[1:]) for position, row in enumerate(step.rows, step.last + 1)]


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
        told = upsert(connection, t.tick).on_conflict_do_nothing()
        connection.execute(told, {"stream": name, "position": last, "at": at})
