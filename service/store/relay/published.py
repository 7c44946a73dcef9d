"""What was published once and is still there: to be told again."""

from collections.abc import Iterator
from datetime import datetime
from typing import Final

from sqlalchemy import Engine, bindparam, func, select

from service.store import tables as t
from service.store.relay.listed import LISTED
from service.store.relay.positions import MESSAGE
from service.store.relay.runs import positions_above
from service.store.sql.engine import reading
from service.values.kept.resources import NumberedMessage

BATCH: Final = 1000
_C: Final = t.outbox.c
_U: Final = t.unpublished.c.position
_LISTED: Final = select(t.counter.c.last).where(t.counter.c.name == LISTED)
_TICKED: Final = select(func.max(t.tick.c.position)).where(
    t.tick.c.stream == "outbox", t.tick.c.at <= bindparam("since")
)
_PENDING: Final = select(_U).where(_U.between(bindparam("low"), bindparam("high")))
_ROWS: Final = select(*MESSAGE).where(
    _C.row.in_(bindparam("rows", expanding=True)), _C.state.not_in(("parked", "skipped"))
)


def position_at(engine: Engine, since: datetime) -> int:
    """Return a position up to which all had been numbered before an instant; 0 if that is not known."""
    with reading(engine) as connection:
        return int(connection.execute(_TICKED, {"since": since}).scalar() or 0)


def steps(engine: Engine, after: int) -> int:
    """Return how many times `published` gives some at most."""
    with reading(engine) as connection:
        return max(0, -(-(int(connection.execute(_LISTED).scalar_one()) - after) // BATCH))


def published(engine: Engine, after: int) -> Iterator[list[NumberedMessage]]:
    """Give messages above a position in order, some at a time, but for those still to be published."""
    while True:
        with reading(engine) as connection:
            last = connection.execute(_LISTED).scalar_one()
            positions = positions_above(connection, "outbox", after, BATCH)
            if not positions:
                return
            after = max(positions.values())
            pending = set(
                connection.execute(_PENDING, {"low": min(positions.values()), "high": after}).scalars()
            )
            rows = [row for row, place in positions.items() if place <= last and place not in pending]
            found = connection.execute(_ROWS, {"rows": rows})
            messages = sorted(NumberedMessage(positions[row[0]], *row[1:]) for row in found)
        yield messages
