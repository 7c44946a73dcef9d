"""Retention: what was published long ago leaves the outbox; positions are not given again.

Up to which position something was deleted is in `counter` as `pruned`: who follows the feed from before there
would miss it.
"""

from collections.abc import Iterator
from datetime import datetime
from typing import Final

from sqlalchemy import Engine, Integer, and_, bindparam, delete, exists, func, or_, select, update

from service.store import tables as t
from service.store.relay.listed import LISTED
from service.store.relay.runs import positions_above
from service.store.sql.engine import Executor, reading, writing

BATCH: Final = 5000
GONE: Final = ("published", "unrouted", "skipped")
PRUNED: Final = "pruned"
_C: Final = t.outbox.c
_R: Final = t.position_run.c
_U: Final = t.unpublished.c.position
_LISTED: Final = select(t.counter.c.last).where(t.counter.c.name == LISTED)
_ROWS: Final = _C.row.in_(bindparam("rows", expanding=True))
_DONE: Final = delete(t.outbox).where(_ROWS, or_(_C.state.in_(GONE), _C.state == "pending")).returning(_C.row)
_UP_TO: Final = (
    update(t.counter)
    .where(t.counter.c.name == PRUNED, t.counter.c.last < bindparam("position"))
    .values(last=bindparam("position"))
)
_PRUNED: Final = select(t.counter.c.last).where(t.counter.c.name == PRUNED)
# none of whose rows is there
_EMPTY: Final = delete(t.position_run).where(
    _R.stream == "outbox",
    _R.position <= bindparam("high"),
    _R.position + _R.length > bindparam("low", type_=Integer),
    ~exists().where(_C.row.between(_R.row, _R.row + _R.length - 1)),
)


def batches(engine: Engine, before: datetime) -> list[tuple[int, int]]:
    """Return the spans of positions, both ends inside, that had been numbered before an instant."""
    ticks = and_(t.tick.c.stream == "outbox", t.tick.c.at < before)
    with reading(engine) as connection:
        first = connection.execute(select(func.min(_R.position)).where(_R.stream == "outbox")).scalar()
        ticked = connection.execute(select(func.max(t.tick.c.position)).where(ticks)).scalar()
        listed = connection.execute(_LISTED).scalar_one()
    if first is None or ticked is None:
        return []
    last = min(ticked, listed)
    return [(low, min(low + BATCH - 1, last)) for low in range(first, last + 1, BATCH)]


def prune(engine: Engine, spans: list[tuple[int, int]]) -> Iterator[int]:
    """Delete what is published or was wanted by nobody, a transaction a span; give how many each time.

    What is still to be published, or is parked, stays.
    """
    for low, high in spans:
        with writing(engine) as connection:
            count = _prune(connection, low, high)
            older = and_(t.tick.c.stream == "outbox", t.tick.c.position < high)
            connection.execute(delete(t.tick).where(older))
        yield count


def pruned(connection: Executor) -> int:
    """Return the last position of what was deleted; 0 where nothing was."""
    return int(connection.execute(_PRUNED).scalar() or 0)


def _prune(connection: Executor, low: int, high: int) -> int:
    last = min(high, connection.execute(_LISTED).scalar_one())
    positions = positions_above(connection, "outbox", low - 1, high - low + 1)
    pending = set(connection.execute(select(_U).where(_U.between(low, high))).scalars())
    rows = [row for row, position in positions.items() if position <= last and position not in pending]
    deleted = list(connection.execute(_DONE, {"rows": rows}).scalars())
    connection.execute(_EMPTY, {"low": low, "high": high})
    if deleted:
        connection.execute(_UP_TO, {"position": max(positions[row] for row in deleted)})
    return len(deleted)
