"""What is still to publish: all above the position `listed`, and up to it what `unpublished` lists.

So a message that goes out in its turn is written nowhere; one that others overtake is listed until it is out.
"""

from collections.abc import Sequence
from typing import Final, NamedTuple

from sqlalchemy import bindparam, delete, literal, select, update

from service.store import tables as t
from service.store.rows.statements import INSERT
from service.store.rows.typed import upsert
from service.store.sql.engine import Executor

# in `counter`
LISTED: Final = "listed"
_POSITION: Final = t.unpublished.c.position
_FAR: Final = select(t.counter.c.last).where(t.counter.c.name == LISTED)
_LOCKED: Final = _FAR.with_for_update()
_GO_ON: Final = update(t.counter).where(t.counter.c.name == LISTED)
# the span leads to the index: without statistics, a thousand positions look like the whole table
_UNLIST: Final = delete(t.unpublished).where(
    _POSITION.between(bindparam("first"), bindparam("last")),
    _POSITION.in_(bindparam("positions", expanding=True)),
)
_UNLIST_ALL: Final = delete(t.unpublished).where(_POSITION.between(bindparam("first"), bindparam("last")))
_NEXT: Final = (
    select(_POSITION)
    .where(bindparam("after") < _POSITION)
    .order_by(_POSITION)
    .limit(bindparam("limit"))
    .subquery()
)
# in one look
_AHEAD: Final = (
    select(literal(LISTED).label("what"), t.counter.c.last.label("position"))
    .where(t.counter.c.name == LISTED)
    .union_all(
        select(literal("last"), t.numbering.c.last).where(t.numbering.c.stream == "outbox"),
        select(literal("unpublished"), _NEXT.c.position),
    )
)


class Ahead(NamedTuple):
    """What is listed above a position, in order, how far the list goes, and the last position of all."""

    unpublished: list[int]
    listed: int
    last: int

    def positions(self, after: int, limit: int) -> list[int]:
        """Return the first positions above one that may be to publish, or parked."""
        listed = [position for position in self.unpublished if position <= self.listed]
        unlisted = range(max(after, self.listed) + 1, self.last + 1)
        return listed + list(unlisted[: max(0, limit - len(listed))])


def ahead_of(connection: Executor, after: int, limit: int) -> Ahead:
    """Return what is listed above a position, up to `limit` of it."""
    rows = [(row.what, row.position) for row in connection.execute(_AHEAD, {"after": after, "limit": limit})]
    ends = dict(rows)
    return Ahead(sorted(p for what, p in rows if what == "unpublished"), ends[LISTED], ends["last"])


def pass_by(connection: Executor, positions: Sequence[int]) -> None:
    """Record that messages are no longer to publish: those that they overtake are listed."""
    listed = int(connection.execute(_LOCKED).scalar_one())
    behind = [position for position in positions if position <= listed]
    if behind:
        named = {"first": min(behind), "last": max(behind), "positions": behind}
        connection.execute(_UNLIST, named)
    ahead = {position for position in positions if position > listed}
    if ahead:
        last = max(ahead)
        # what is parked is there already
        connection.execute(_UNLIST_ALL, {"first": listed + 1, "last": last})
        left = [{"position": position} for position in range(listed + 1, last + 1) if position not in ahead]
        if left:
            connection.execute(INSERT[t.unpublished], left if len(left) > 1 else left[0])
        connection.execute(_GO_ON, {"last": last})


def keep(connection: Executor, position: int) -> None:
    """List a message whether others have overtaken it or not."""
    connection.execute(upsert(connection, t.unpublished).on_conflict_do_nothing(), {"position": position})
