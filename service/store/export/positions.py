"""Where an export stands among the numbered versions, and where the one before it stood."""

import time
from collections.abc import Callable
from datetime import datetime
from typing import Any, Final, NamedTuple

from sqlalchemy import BigInteger, Engine, bindparam, case, func, literal_column, select

from service.errors import Unavailable
from service.store import tables as t
from service.store.relay.positions import Positions
from service.store.sql.engine import Executor
from service.wire.json import reread

BATCH: Final = 5_000
PATIENCE: Final = 5.0
_N: Final = t.numbering.c
_STANDING: Final = select(_N.row, _N.gaps).where(_N.stream == "history")
_E: Final = t.export.c
_K: Final = t.tick.c
_TICKED: Final = select(func.max(_K.position)).where(_K.stream == "history", _K.at <= bindparam("since"))
_R: Final = t.position_run.c
_POSITION: Final = bindparam("position", type_=BigInteger)
_OF_HISTORY: Final = _R.stream == "history"
# of the run that goes beyond a position, and of all after it, the first row beyond
_BEYOND: Final = select(
    func.min(case((_R.position > _POSITION, _R.row), else_=_R.row + _POSITION - _R.position + 1))
).where(
    _OF_HISTORY,
    _R.position + _R.length - 1 > _POSITION,
    _R.position
    >= func.coalesce(
        select(func.max(_R.position)).where(_OF_HISTORY, _R.position <= _POSITION).scalar_subquery(),
        literal_column("0"),
    ),
)


class Standing(NamedTuple):
    """The last row of the history that is numbered, and which rows before it were not there yet."""

    row: int
    gaps: tuple[tuple[int, int], ...]


def number_all(engine: Engine, clock: Callable[[], float] = time.monotonic) -> None:
    """Number all that is committed; raises Unavailable when that is more than a request has time for."""
    give_up = clock() + PATIENCE
    positions = Positions(engine)
    while positions.number(BATCH).count >= BATCH:
        if clock() > give_up:
            what = "What was written lately is still being numbered; begin the export in a minute."
            raise Unavailable(what)


def standing(connection: Executor) -> Standing:
    """Return how far the history is numbered."""
    found: Any = connection.execute(_STANDING).one()
    return Standing(found.row, tuple((first, last) for first, last in reread(found.gaps.encode())))


def row_behind(connection: Executor, partner: str, since: datetime | None) -> int | None:
    """Return the row to go on behind: where the export of that transactionTime stood, or by the ticks."""
    if since is None:
        return None
    chosen = select(_E.row, _E.gaps).where(_E.partner == partner, _E.at == bindparam("since"))
    earlier = connection.execute(chosen, {"since": since}).first()
    if earlier is None:
        return row_at(connection, since)
    gaps = reread(earlier.gaps.encode())
    return int(gaps[0][0]) - 1 if gaps else int(earlier.row)


def row_at(connection: Executor, since: datetime) -> int:
    """Return a row of the history such that all that was committed after an instant lies behind it.

    Some that was committed before may do so, too: what was under way just then.
    """
    position = connection.execute(_TICKED, {"since": since}).scalar()
    if position is None:
        return 0
    beyond = connection.execute(_BEYOND, {"position": position}).scalar()
    return int(beyond) - 1 if beyond is not None else standing(connection).row
