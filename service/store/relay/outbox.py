"""The outbox as the leader sees it: number what is committed, read what is pending, mark what went out."""

from collections.abc import Sequence
from typing import Any, Final

from sqlalchemy import (
    ARRAY,
    BigInteger,
    ColumnElement,
    Engine,
    Update,
    any_,
    delete,
    exists,
    func,
    literal,
    select,
    update,
)

from service.store import tables as t
from service.store.relay.leadership import FileLead, SessionLead, lead
from service.store.relay.positions import Positions
from service.store.rows import aware, upsert
from service.store.sql.engine import Executor, reading, writing
from service.values.resources import NumberedMessage, OutboxMessage, ParkedMessage

FORGIVEN: Final = 5000
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

    def pending(self, after: int, limit: int) -> list[NumberedMessage]:
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
            connection.execute(_update_at(connection, positions).values(state=state))

    def owe(self, copies: Sequence[tuple[int, str]]) -> None:
        """Record that messages, by position, are owed to queues, and are published but for that."""
        positions = list({position for position, _ in copies})
        rows = [{"queue": queue, "position": position} for position, queue in copies]
        with writing(self._engine) as connection:
            connection.execute(upsert(connection, t.owed).on_conflict_do_nothing(), rows)
            connection.execute(_update_at(connection, positions).values(state="owed"))

    def owed(self, queue: str, limit: int) -> list[NumberedMessage]:
        """Return messages that a queue is owed, in order; none of an owner that an earlier one stops."""
        c, earlier = t.outbox.c, t.outbox.alias()
        stopped = exists().where(
            earlier.c.owner == c.owner,
            earlier.c.position < c.position,
            earlier.c.state.in_(("parked", "pending")),
        )
        chosen = select(*MESSAGE).join(t.owed, t.owed.c.position == c.position)
        chosen = chosen.where(t.owed.c.queue == queue, c.state == "owed", ~stopped)
        with reading(self._engine) as connection:
            found = connection.execute(chosen.order_by(t.owed.c.position).limit(limit)).all()
            return [numbered_of(row) for row in found]

    def owes(self, queue: str) -> bool:
        """Tell whether a queue is owed anything, be it now or after what stops it."""
        with reading(self._engine) as connection:
            return bool(connection.execute(select(exists().where(t.owed.c.queue == queue))).scalar())

    def pay(self, queue: str, positions: Sequence[int]) -> None:
        """Record that a queue has got messages; they are published once no queue is owed them."""
        with writing(self._engine) as connection:
            mine = _among(connection, t.owed.c.position, positions)
            connection.execute(delete(t.owed).where(t.owed.c.queue == queue, mine))
            still = exists().where(t.owed.c.position == t.outbox.c.position)
            paid = _update_at(connection, positions).where(t.outbox.c.state == "owed", ~still)
            connection.execute(paid.values(state="published"))

    def forgive(self, queue: str) -> int:
        """Record that a queue will not get what it is owed; return how many messages that were."""
        with reading(self._engine) as connection:
            chosen = select(t.owed.c.position).where(t.owed.c.queue == queue)
            positions = list(connection.execute(chosen).scalars())
        for first in range(0, len(positions), FORGIVEN):
            self.pay(queue, positions[first : first + FORGIVEN])
        return len(positions)

    def debts(self) -> dict[str, int]:
        """Return how many messages each queue is owed that is owed any."""
        chosen = select(t.owed.c.queue, func.count()).group_by(t.owed.c.queue)
        with reading(self._engine) as connection:
            return {queue: int(count) for queue, count in connection.execute(chosen)}

    def park(self, position: int, reason: str) -> None:
        """Set a message aside with the reason why it cannot be published."""
        chosen = update(t.outbox).where(t.outbox.c.position == position)
        with writing(self._engine) as connection:
            connection.execute(chosen.values(state="parked", reason=reason[:400]))

    def parked_messages(self) -> list[ParkedMessage]:
        """Return the messages set aside, in order."""
        c = t.outbox.c
        chosen = select(c.position, c.owner, c.routing_key, c.reason).where(c.state == "parked")
        with reading(self._engine) as connection:
            return [ParkedMessage(*row) for row in connection.execute(chosen.order_by(c.position))]

    def release(self, positions: Sequence[int]) -> int:
        """Let messages that were set aside be published after all; return how many there were."""
        c = t.outbox.c
        chosen = update(t.outbox).where(c.state == "parked", c.position.in_(positions))
        with writing(self._engine) as connection:
            return int(connection.execute(chosen.values(state="pending", reason=None)).rowcount)

    def backlog(self) -> int:
        """Return how many messages are still to publish."""
        with reading(self._engine) as connection:
            chosen = select(func.count()).select_from(t.outbox).where(t.outbox.c.state == "pending")
            return int(connection.execute(chosen).scalar_one())


def numbered_of(row: Any) -> NumberedMessage:
    """Return what `MESSAGE` selects as a numbered message."""
    position, id_, view, owner, routing_key, sequence, recorded, body, full = row
    return NumberedMessage(
        position, OutboxMessage(id_, view, owner, routing_key, sequence, aware(recorded), body, full)
    )


def _update_at(connection: Executor, positions: Sequence[int]) -> Update:
    """An update of the messages at positions."""
    column = t.outbox.c.position
    # the span leads to the index: without statistics, a thousand positions look like the whole table
    span = column.between(min(positions), max(positions))
    return update(t.outbox).where(span, _among(connection, column, positions))


def _among(connection: Executor, column: ColumnElement[int], values: Sequence[int]) -> ColumnElement[bool]:
    """One parameter where there may be thousands: each costs a server more than the row it names."""
    if connection.dialect.name == "postgresql":
        return column == any_(literal(values, ARRAY(BigInteger)))
    return column.in_(values)
