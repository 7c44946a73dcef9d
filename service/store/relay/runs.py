"""Runs: rows that follow each other and have positions that follow each other, as one row of a table."""

from collections.abc import Sequence
from itertools import islice
from typing import Any, Final, NamedTuple

from sqlalchemy import (
    JSON,
    BigInteger,
    Select,
    TableValuedAlias,
    Text,
    bindparam,
    case,
    cast,
    func,
    select,
)

from service.store import tables as t
from service.store.sql.engine import Executor
from service.wire.json import dump

_C: Final = t.position_run.c
_STREAM: Final = _C.stream == bindparam("stream")
_FIRST: Final = select(func.max(_C.position)).where(_STREAM, _C.position <= bindparam("after"))
_ABOVE: Final = (
    select(_C.position, _C.row, _C.length)
    .where(_STREAM, _C.position >= func.coalesce(_FIRST.scalar_subquery(), 0))
    .order_by(_C.position)
    .limit(bindparam("limit"))
)


def _rows_at(values: TableValuedAlias) -> Select[Any]:
    """Return the statement of the row at each position: in the last run that begins there or before."""
    place = cast(values.c.value, BigInteger)
    row = case((place < _C.position + _C.length, _C.row + place - _C.position))
    before = select(row).where(_STREAM, _C.position <= place).order_by(_C.position.desc()).limit(1)
    return select(place.label("position"), before.scalar_subquery().label("row"))


_POSITIONS: Final = bindparam("positions", type_=Text)
_ROWS: Final = {
    "postgresql": _rows_at(func.json_array_elements_text(cast(_POSITIONS, JSON)).table_valued("value")),
    "sqlite": _rows_at(func.json_each(_POSITIONS).table_valued("value")),
}


class Run(NamedTuple):
    """The first position, its row, and how many follow."""

    position: int
    row: int
    length: int


def runs_of(rows: Sequence[int], last: int) -> list[Run]:
    """Return the runs that give rows, in order, the positions after the last one."""
    runs: list[Run] = []
    for position, row in enumerate(rows, last + 1):
        run = runs[-1] if runs else None
        if run is not None and row == run.row + run.length:
            runs[-1] = run._replace(length=run.length + 1)
        else:
            runs.append(Run(position, row, 1))
    return runs


def positions_above(connection: Executor, stream: str, after: int, limit: int) -> dict[int, int]:
    """Return the first positions above one, but for those that retention deleted, by row, in order."""
    # the first run may end before it
    runs = connection.execute(_ABOVE, {"stream": stream, "after": after, "limit": limit + 1})
    positions = (
        (run.row + position - run.position, position)
        for run in runs
        for position in range(max(run.position, after + 1), run.position + run.length)
    )
    return dict(islice(positions, limit))


def rows_by_position(connection: Executor, stream: str, positions: Sequence[int]) -> dict[int, int]:
    """Return the rows of positions, wherever those are."""
    if not positions:
        return {}
    named = {"stream": stream, "positions": dump(list(positions)).decode()}
    found = connection.execute(_ROWS[connection.dialect.name], named)
    return {row.position: row.row for row in found if row.row is not None}
