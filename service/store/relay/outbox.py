"""The outbox as the leader sees it: number what is committed, read what is pending, mark what went out.

What is still to publish is listed in `unpublished`: so a message that went out costs no rewriting of its row.
"""

from collections.abc import Sequence
from typing import Any, Final

from sqlalchemy import BigInteger, Engine, bindparam, delete, exists, func, select, text, update

from service.store import tables as t
from service.store.relay.leadership import FileLead, SessionLead, lead
from service.store.relay.positions import Positions
from service.store.rows import upsert
from service.store.sql.engine import reading, writing
from service.values.resources import NumberedMessage, ParkedMessage, VersionKey
from service.wire.json import dump

FORGIVEN: Final = 5000
_C: Final = t.outbox.c
_LISTED: Final = t.unpublished.c.position
# a `NumberedMessage`
MESSAGE: Final = (_C.position, _C.message, _C.view, _C.owner, _C.routing_key, _C.body)

# a span, for a planner that knows a queue's table badly would sort all that is behind
_FIRST: Final = select(func.min(_LISTED)).where(bindparam("after") < _LISTED).scalar_subquery()
_NEXT: Final = (
    select(*MESSAGE, _C.state)
    .join(t.unpublished, _C.position == _LISTED)
    .where(_LISTED >= _FIRST, _FIRST + bindparam("limit", type_=BigInteger) > _LISTED)
    .order_by(_LISTED)
)
# the span leads to the index: without statistics, a thousand positions look like the whole table
_FINISH: Final = delete(t.unpublished).where(
    _LISTED.between(bindparam("first"), bindparam("last")),
    _LISTED.in_(bindparam("positions", expanding=True)),
)
_STATE: Final = update(t.outbox).where(
    _C.position.between(bindparam("first"), bindparam("last")),
    _C.position.in_(bindparam("positions", expanding=True)),
)
# a list of keys to join with: as an IN of pairs or of two lists a planner gets it wrong
_VERSIONS: Final = {
    "postgresql": text(
        "SELECT h.view, h.type, h.id, h.version, h.body"
        " FROM json_array_elements(CAST(:keys AS json)) AS k (key) JOIN resource_history h"
        " ON h.view = key ->> 0 AND h.type = key ->> 1 AND h.id = key ->> 2"
        " AND h.version = CAST(key ->> 3 AS integer) WHERE NOT h.withheld"
    ),
    "sqlite": text(
        "SELECT h.view, h.type, h.id, h.version, h.body FROM json_each(:keys) k JOIN resource_history h"
        " ON h.view = json_extract(k.value, '$[0]') AND h.type = json_extract(k.value, '$[1]')"
        " AND h.id = json_extract(k.value, '$[2]') AND h.version = json_extract(k.value, '$[3]')"
        " WHERE NOT h.withheld"
    ),
}
_PAID: Final = _STATE.where(_C.state == "owed", ~exists().where(t.owed.c.position == _C.position))


class Outbox:
    """The leader's statements."""

    def __init__(self, engine: Engine) -> None:
        """Take the engine to open transactions on."""
        self._engine = engine
        self._positions = Positions(engine)

    def lead(self) -> SessionLead | FileLead | None:
        """Take leadership, or return None while another has it."""
        taken = lead(self._engine)
        if taken is not None:
            # who led meanwhile may have numbered what it did not list
            self._positions = Positions(self._engine)
        return taken

    def number(self, limit: int = 5000) -> int:
        """Number up to `limit` committed messages, and as many versions of resources; return how many.

        The order is the one they were written in, without gaps.
        """
        return self._positions.number(limit)

    def pending(self, after: int, limit: int) -> list[NumberedMessage]:
        """Return numbered messages still to publish, in order, above a position: none when there are none."""
        while True:
            with reading(self._engine) as connection:
                rows = connection.execute(_NEXT, {"after": after, "limit": limit}).all()
            self._unlist([row.position for row in rows if row.state not in {"pending", "parked"}])
            pending = [NumberedMessage(*row[:-1]) for row in rows if row.state == "pending"]
            if pending or not rows:
                return pending
            after = rows[-1].position

    def versions(self, keys: Sequence[VersionKey]) -> dict[VersionKey, bytes]:
        """Return the bodies of versions that are there and that somebody may be shown."""
        with reading(self._engine) as connection:
            rows = connection.execute(_VERSIONS[connection.dialect.name], {"keys": dump(keys).decode()})
            return {(view, type_, id_, version): body for view, type_, id_, version, body in rows}

    def mark(self, positions: Sequence[int], state: str) -> None:
        """Record that messages were `published`, or `unrouted` because nobody registered for them."""
        with writing(self._engine) as connection:
            connection.execute(_FINISH, _span(positions))
            if state != "published":
                connection.execute(_STATE, {**_span(positions), "state": state})

    def owe(self, copies: Sequence[tuple[int, str]]) -> None:
        """Record that messages, by position, are owed to queues, and are published but for that."""
        positions = list({position for position, _ in copies})
        rows = [{"queue": queue, "position": position} for position, queue in copies]
        with writing(self._engine) as connection:
            connection.execute(upsert(connection, t.owed).on_conflict_do_nothing(), rows)
            connection.execute(_FINISH, _span(positions))
            connection.execute(_STATE, {**_span(positions), "state": "owed"})

    def owed_messages(self, queue: str, limit: int) -> list[NumberedMessage]:
        """Return messages that a queue is owed, in order; none of an owner that an earlier one stops."""
        earlier = t.outbox.alias()
        # what is still to publish lies behind what is owed, but for what an operator released
        last = select(func.max(t.owed.c.position)).where(t.owed.c.queue == queue).scalar_subquery()
        stopped = exists().where(
            earlier.c.position == _LISTED,
            last > _LISTED,
            earlier.c.position < last,
            earlier.c.owner == _C.owner,
            earlier.c.position < _C.position,
        )
        chosen = select(*MESSAGE).join(t.owed, t.owed.c.position == _C.position)
        chosen = chosen.where(t.owed.c.queue == queue, _C.state == "owed", ~stopped)
        with reading(self._engine) as connection:
            rows = connection.execute(chosen.order_by(t.owed.c.position).limit(limit)).all()
            return [NumberedMessage(*row) for row in rows]

    def owes(self, queue: str) -> bool:
        """Tell whether a queue is owed anything, be it now or after what stops it."""
        with reading(self._engine) as connection:
            return bool(connection.execute(select(exists().where(t.owed.c.queue == queue))).scalar())

    def pay(self, queue: str, positions: Sequence[int]) -> None:
        """Record that a queue has got messages; they are published once no queue is owed them."""
        with writing(self._engine) as connection:
            mine = t.owed.c.position.in_(positions)
            connection.execute(delete(t.owed).where(t.owed.c.queue == queue, mine))
            connection.execute(_PAID, {**_span(positions), "state": "published"})

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
        with writing(self._engine) as connection:
            parked = update(t.outbox).where(_C.position == position)
            connection.execute(parked.values(state="parked", reason=reason[:400]))
            # one that was owed is published anew once it is released
            listed = upsert(connection, t.unpublished).on_conflict_do_nothing()
            connection.execute(listed, {"position": position})

    def parked_messages(self) -> list[ParkedMessage]:
        """Return the messages set aside, in order."""
        chosen = select(_C.position, _C.owner, _C.routing_key, _C.reason).where(_C.state == "parked")
        with reading(self._engine) as connection:
            return [ParkedMessage(*row) for row in connection.execute(chosen.order_by(_C.position))]

    def release(self, positions: Sequence[int]) -> int:
        """Let messages that were set aside be published after all; return how many there were."""
        parked = (_C.state == "parked", _C.position.in_(positions))
        with writing(self._engine) as connection:
            # one that a relay of the release before has set aside need not be listed
            listed = upsert(connection, t.unpublished).from_select(
                ["position"], select(_C.position).where(*parked)
            )
            connection.execute(listed.on_conflict_do_nothing())
            released = update(t.outbox).where(*parked).values(state="pending", reason=None)
            return int(connection.execute(released).rowcount)

    def backlog(self) -> int:
        """Return how many messages are still to publish."""
        listed = select(func.count()).select_from(t.unpublished).scalar_subquery()
        parked = select(func.count()).where(_C.state == "parked").scalar_subquery()
        unnumbered = select(func.count()).where(_C.position.is_(None)).scalar_subquery()
        with reading(self._engine) as connection:
            return int(connection.execute(select(listed - parked + unnumbered)).scalar_one())

    def _unlist(self, positions: Sequence[int]) -> None:
        """Take from the list what a process of an earlier release has published since it was listed."""
        if positions:
            with writing(self._engine) as connection:
                connection.execute(_FINISH, _span(positions))


def _span(positions: Sequence[int]) -> dict[str, Any]:
    """Return positions as the statements of many take them."""
    return {"first": min(positions), "last": max(positions), "positions": positions}
