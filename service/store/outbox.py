"""The outbox as the leader sees it: number what is committed, read what is pending, mark what went out."""

from collections.abc import Sequence
from typing import Any, Final

from sqlalchemy import (
    ARRAY,
    BigInteger,
    ColumnElement,
    Connection,
    Engine,
    any_,
    func,
    literal,
    select,
    update,
)

from service.store import tables as t
from service.store.engine import reading, writing
from service.store.leadership import FileLead, SessionLead, lead
from service.store.positions import Positions
from service.store.rows import aware
from service.values.resources import Message, Numbered, Parked

_C: Final = t.outbox.c
MESSAGE: Final = (
    _C.position,
    _C.message,
    _C.view,
    _C.owner,
    _C.routing_key,
    _C.sequence,
    _C.recorded,
    _C.body,
    _C.full,
)


class Outbox:
    """The leader's statements."""

    def __init__(self, engine: Engine) -> None:
        """Take the engine to open transactions on."""
        self._engine = engine
        self._positions = Positions(engine)

    def lead(self) -> SessionLead | FileLead | None:
        """Take leadership, or return None while another has it."""
        return lead(self._engine)

    def number(self, limit: int = 5000) -> int:
        """Number up to `limit` committed messages, and as many versions of resources; return how many.

        The order is the one they were written in, without gaps.
        """
        return self._positions.number(limit)

    def pending(self, after: int, limit: int) -> list[Numbered]:
        """Return numbered messages still to publish, in order, above a position: none when there are none."""
        c = t.outbox.c
        waiting = c.state == "pending"
        # a span, for a planner that knows a queue's table badly would sort all that is behind
        first = select(func.min(c.position)).where(waiting, c.position > after).scalar_subquery()
        chosen = select(*MESSAGE).where(waiting, c.position >= first, c.position < first + limit)
        with reading(self._engine) as connection:
            return [numbered_of(row) for row in connection.execute(chosen.order_by(c.position)).all()]

    def mark(self, positions: Sequence[int], state: str) -> None:
        """Record that messages were `published`, or `unrouted` because nobody registered for them."""
        with writing(self._engine) as connection:
            c = t.outbox.c
            # the span leads to the index: without statistics, a thousand positions look like the whole table
            span = c.position.between(min(positions), max(positions))
            mine = (span, _among(connection, c.position, positions))
            connection.execute(update(t.outbox).where(*mine).values(state=state))

    def park(self, position: int, reason: str) -> None:
        """Set a message aside with the reason why it cannot be published."""
        chosen = update(t.outbox).where(t.outbox.c.position == position)
        with writing(self._engine) as connection:
            connection.execute(chosen.values(state="parked", reason=reason[:400]))

    def parked(self) -> list[Parked]:
        """Return the messages set aside, in order."""
        c = t.outbox.c
        chosen = select(c.position, c.owner, c.routing_key, c.reason).where(c.state == "parked")
        with reading(self._engine) as connection:
            return [Parked(*row) for row in connection.execute(chosen.order_by(c.position))]

    def release(self, positions: Sequence[int]) -> int:
        """Let messages that were set aside be published after all; return how many there were."""
        c = t.outbox.c
        chosen = update(t.outbox).where(c.state == "parked", c.position.in_(positions))
        with writing(self._engine) as connection:
            return connection.execute(chosen.values(state="pending", reason=None)).rowcount

    def backlog(self) -> int:
        """Return how many messages are still to publish."""
        with reading(self._engine) as connection:
            chosen = select(func.count()).select_from(t.outbox).where(t.outbox.c.state == "pending")
            return int(connection.execute(chosen).scalar_one())


def numbered_of(row: Any) -> Numbered:
    """Return what `MESSAGE` selects as a numbered message."""
    position, id_, view, owner, routing_key, sequence, recorded, body, full = row
    return Numbered(position, Message(id_, view, owner, routing_key, sequence, aware(recorded), body, full))


def _among(connection: Connection, column: ColumnElement[int], values: Sequence[int]) -> ColumnElement[bool]:
    """One parameter where there may be thousands: each costs a server more than the row it names."""
    if connection.dialect.name == "postgresql":
        return column == any_(literal(values, ARRAY(BigInteger)))
    return column.in_(values)
