"""The outbox as the leader sees it: number what is committed, read what is pending, mark what went out."""

from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, datetime
from typing import Final

from sqlalchemy import Engine, bindparam, delete, exists, func, select, text, update

from service.store import tables as t
from service.store.relay import groups, held
from service.store.relay.leadership import Lease, lead, leading
from service.store.relay.listed import LISTED, ahead_of, keep, pass_by
from service.store.relay.parked import release
from service.store.relay.positions import MESSAGE, Positions
from service.store.relay.queued import QUEUES, Key, keep_last, last_in_queues
from service.store.relay.runs import rows_by_position
from service.store.relay.seen import seen
from service.store.rows.typed import aware, upsert
from service.store.sql.engine import Executor, reading, writing
from service.values.access.scope import Scope
from service.values.kept.resources import HeldQueue, NumberedMessage, ParkedMessage, VersionBody, VersionKey
from service.wire.json import dump

FORGIVEN: Final = 5000
# of so many positions to publish one is not parked, or nobody looks at the metrics
AHEAD: Final = 1000
_C: Final = t.outbox.c
_O: Final = t.owed.c
_ROWS: Final = select(*MESSAGE, _C.state).where(_C.row.in_(bindparam("rows", expanding=True)))
_STATE: Final = update(t.outbox).where(_C.row.in_(bindparam("rows", expanding=True)))
_OWE: Final = _STATE.returning(_C.row)
_PAID: Final = _STATE.where(_C.state == "owed")
_OLDEST: Final = select(func.min(_C.recorded)).where(
    _C.row.in_(bindparam("rows", expanding=True)), _C.state == "pending"
)
_PARK: Final = update(t.outbox).where(_C.row == bindparam("of"))
_OWED: Final = (
    select(_O.position)
    .where(_O.queue == bindparam("queue"), _O.position > bindparam("after"))
    .order_by(_O.position)
    .limit(bindparam("limit"))
)
_FORGET: Final = delete(t.owed).where(
    _O.queue == bindparam("queue"), _O.position.in_(bindparam("positions", expanding=True))
)
_STILL_OWED: Final = select(_O.position).where(_O.position.in_(bindparam("positions", expanding=True)))
# what is still to publish lies behind what is owed, but for what others have overtaken
_EARLIER: Final = select(t.unpublished.c.position).where(
    t.unpublished.c.position
    < select(func.max(_O.position)).where(_O.queue == bindparam("queue")).scalar_subquery()
)
# a list of keys to join with: as an IN of pairs or of two lists a planner gets it wrong
_VERSIONS: Final = {
    "postgresql": text(
        "SELECT h.view, h.type, h.id, h.version, h.body, h.client"
        " FROM json_array_elements(CAST(:keys AS json)) AS k (key) JOIN resource_history h"
        " ON h.view = key ->> 0 AND h.type = key ->> 1 AND h.id = key ->> 2"
        " AND h.version = CAST(key ->> 3 AS integer) WHERE NOT h.withheld"
    ),
    "sqlite": text(
        "SELECT h.view, h.type, h.id, h.version, h.body, h.client"
        " FROM json_each(:keys) k JOIN resource_history h"
        " ON h.view = json_extract(k.value, '$[0]') AND h.type = json_extract(k.value, '$[1]')"
        " AND h.id = json_extract(k.value, '$[2]') AND h.version = json_extract(k.value, '$[3]')"
        " WHERE NOT h.withheld"
    ),
}
_U: Final = t.unpublished.c.position
_FAR: Final = select(t.counter.c.last).where(t.counter.c.name == LISTED).scalar_subquery()
_N: Final = t.numbering.c
_STANDING: Final = {
    name: select(column).where(_N.stream == "outbox").scalar_subquery() for name, column in _N.items()
}
_BACKLOG: Final = select(
    _STANDING["last"]
    - _FAR
    + select(func.count()).where(_U <= _FAR).scalar_subquery()
    - select(func.count()).where(_C.state == "parked").scalar_subquery()
    + select(func.count()).where(_C.row > _STANDING["row"]).scalar_subquery()
)
_OLDEST_UNNUMBERED: Final = select(_C.recorded).where(_C.row > _STANDING["row"]).order_by(_C.row).limit(1)


class Outbox:
    """The leader's statements, refused once another leads; who does not lead at all may number, too."""

    def __init__(self, engine: Engine) -> None:
        """Take the engine to open transactions on."""
        self._engine = engine
        self._lease: Lease | None = None
        self._positions = Positions(engine)

    def lead(self) -> Lease | None:
        """Take leadership, or return None while another has it."""
        taken = lead(self._engine)
        if taken is not None:
            # who led before may owe a tick
            self._lease, self._positions = taken, Positions(self._engine)
        return taken

    def number(self, limit: int = 5000) -> int:
        """Number up to `limit` committed messages, and as many versions of resources; return how many.

        The order is the one they were written in, without gaps.
        """
        return self._positions.number(limit, self._lease).count

    def take(self, after: int, limit: int) -> list[NumberedMessage]:
        """Number as `number` does, and return what `pending` does; what was numbered is not read again."""
        messages = self._positions.number(limit, self._lease).messages
        if messages and messages[0].position == after + 1:
            return messages
        return self.pending(after, limit)

    def pending(self, after: int, limit: int) -> list[NumberedMessage]:
        """Return numbered messages still to publish, in order, above a position: none when there are none."""
        while True:
            with reading(self._engine) as connection:
                positions = ahead_of(connection, after, limit).positions(after, limit)
                messages = _messages(connection, positions)
            known = {message.position for message, state in messages if state in {"pending", "parked"}}
            # a process of an earlier release has published it
            self._pass([position for position in positions if position not in known])
            pending = [message for message, state in messages if state == "pending"]
            if pending or not positions:
                return pending
            after = positions[-1]

    def versions(self, keys: Sequence[VersionKey]) -> dict[VersionKey, VersionBody]:
        """Return the bodies of versions that are there and that somebody may be shown."""
        with reading(self._engine) as connection:
            rows = connection.execute(_VERSIONS[connection.dialect.name], {"keys": dump(keys).decode()})
            return {tuple(row[:4]): VersionBody(row[4], row[5]) for row in rows}

    def seen(self, scope: Scope, keys: Collection[VersionKey]) -> set[VersionKey]:
        """Return those of versions, of the scope's own view, that are inside a scope now."""
        with reading(self._engine) as connection:
            return seen(connection, scope, keys)

    def groups(self, owners: Collection[str]) -> dict[str, frozenset[str]]:
        """Return the targeted groups of cases, and of clients those of their cases, by owner."""
        with reading(self._engine) as connection:
            return groups.groups(connection, owners)

    def mark(self, positions: Sequence[int], state: str) -> None:
        """Record that messages were `published`, or `unrouted` because nobody registered for them."""
        with leading(self._engine, self._lease) as connection:
            pass_by(connection, positions)
            if state != "published":
                _set_state(connection, positions, state)

    def owe(self, copies: Sequence[tuple[int, str]]) -> None:
        """Record that messages, by position, are owed to queues, and are published but for that."""
        positions = list({position for position, _ in copies})
        with leading(self._engine, self._lease) as connection:
            pass_by(connection, positions)
            there = rows_by_position(connection, "outbox", positions)
            kept = set(connection.execute(_OWE, {"rows": list(there.values()), "state": "owed"}).scalars())
            # one that was deleted as old meanwhile could never be paid
            rows = [
                {"queue": queue, "position": position}
                for position, queue in copies
                if there.get(position) in kept
            ]
            if rows:
                connection.execute(upsert(connection, t.owed).on_conflict_do_nothing(), rows)

    def last_in_queues(self, keys: Collection[Key]) -> dict[Key, int]:
        """Return the sequences of the last messages that queues got of owners; none where there is none."""
        with reading(self._engine) as connection:
            return last_in_queues(connection, keys)

    def keep_last(self, last: Mapping[Key, int]) -> None:
        """Record the sequences of the last messages that queues got of owners."""
        with leading(self._engine, self._lease) as connection:
            keep_last(connection, last)

    def queues(self) -> set[str]:
        """Return the queues that are owed something or held, or got some of what there is."""
        with reading(self._engine) as connection:
            return {*connection.execute(QUEUES).scalars(), *held.held(connection)}

    def forget_queue(self, queue: str) -> None:
        """Forget what a queue is owed, what it got, and that it is held."""
        self.forgive(queue)
        with writing(self._engine) as connection:
            held.let_go(connection, queue)
            connection.execute(delete(t.queued).where(t.queued.c.queue == queue))

    def owed_messages(self, queue: str, limit: int) -> list[NumberedMessage]:
        """Return messages that a queue is owed, in order; none of an owner that an earlier one stops."""
        chosen: list[NumberedMessage] = []
        after = 0
        with reading(self._engine) as connection:
            earlier = list(connection.execute(_EARLIER, {"queue": queue}).scalars())
            stops = {
                message.owner: message.position for message, _ in reversed(_messages(connection, earlier))
            }
            while len(chosen) < limit:
                named = {"queue": queue, "after": after, "limit": limit}
                positions = list(connection.execute(_OWED, named).scalars())
                if not positions:
                    break
                chosen += [
                    message
                    for message, state in _messages(connection, positions)
                    if state == "owed" and message.position < stops.get(message.owner, message.position + 1)
                ]
                after = positions[-1]
        return chosen[:limit]

    def owes(self, queue: str) -> bool:
        """Tell whether a queue is owed anything, be it now or after what stops it."""
        with reading(self._engine) as connection:
            return bool(connection.execute(select(exists().where(_O.queue == queue))).scalar())

    def pay(self, queue: str, positions: Sequence[int]) -> None:
        """Record that a queue has got messages; they are published once no queue is owed them."""
        with leading(self._engine, self._lease) as connection:
            _pay(connection, queue, positions)

    def forgive(self, queue: str) -> int:
        """Record that a queue will not get what it is owed; return how many messages that were."""
        with reading(self._engine) as connection:
            positions = list(connection.execute(select(_O.position).where(_O.queue == queue)).scalars())
        for first in range(0, len(positions), FORGIVEN):
            with writing(self._engine) as connection:
                _pay(connection, queue, positions[first : first + FORGIVEN])
        return len(positions)

    def hold(self, queue: str, depth: int) -> None:
        """Record that a queue is held, with how many messages are in it."""
        with leading(self._engine, self._lease) as connection:
            held.hold(connection, queue, depth)

    def let_go(self, queue: str) -> None:
        """Record that a queue is held no more."""
        with leading(self._engine, self._lease) as connection:
            held.let_go(connection, queue)

    def held(self) -> dict[str, HeldQueue]:
        """Return the queues that are held."""
        with reading(self._engine) as connection:
            return held.held(connection)

    def debts(self) -> dict[str, int]:
        """Return how many messages each queue is owed that is owed any."""
        with reading(self._engine) as connection:
            counts = connection.execute(select(_O.queue, func.count()).group_by(_O.queue))
            return {queue: int(count) for queue, count in counts}

    def park(self, position: int, reason: str) -> None:
        """Set a message aside with the reason why it cannot be published."""
        with leading(self._engine, self._lease) as connection:
            for row in rows_by_position(connection, "outbox", [position]).values():
                parked = {"of": row, "state": "parked", "reason": reason[:400], "position": position}
                connection.execute(_PARK, parked)
                # one that was owed is published anew once it is released
                keep(connection, position)

    def parked_messages(self) -> list[ParkedMessage]:
        """Return the messages set aside, in order."""
        chosen = select(_C.position, _C.owner, _C.routing_key, _C.reason).where(_C.state == "parked")
        with reading(self._engine) as connection:
            return [ParkedMessage(*row) for row in connection.execute(chosen.order_by(_C.position))]

    def release(self, positions: Sequence[int]) -> int:
        """Let messages that were set aside be published after all; return how many there were."""
        with writing(self._engine) as connection:
            return release(connection, positions)

    def backlog(self) -> int:
        """Return how many messages are still to publish."""
        with reading(self._engine) as connection:
            return int(connection.execute(_BACKLOG).scalar_one())

    def oldest_seconds(self) -> float:
        """Return how long the oldest message that is still to publish has waited; 0 when none is."""
        with reading(self._engine) as connection:
            ahead = ahead_of(connection, 0, AHEAD).positions(0, AHEAD)
            rows = list(rows_by_position(connection, "outbox", ahead).values())
            recorded = connection.execute(_OLDEST, {"rows": rows}).scalar()
            recorded = recorded or connection.execute(_OLDEST_UNNUMBERED).scalar()
        return max(0.0, (datetime.now(UTC) - aware(recorded)).total_seconds()) if recorded else 0.0

    def _pass(self, positions: Sequence[int]) -> None:
        if positions:
            with leading(self._engine, self._lease) as connection:
                pass_by(connection, positions)


def _messages(connection: Executor, positions: Sequence[int]) -> list[tuple[NumberedMessage, str]]:
    """Return the messages at positions, in order, each with its state."""
    rows = rows_by_position(connection, "outbox", positions)
    if not rows:
        return []
    found = {row.row: row for row in connection.execute(_ROWS, {"rows": list(rows.values())})}
    return [
        (NumberedMessage(position, *found[row][1:-1]), found[row].state)
        for position, row in sorted(rows.items())
        if row in found
    ]


def _set_state(connection: Executor, positions: Sequence[int], state: str) -> None:
    rows = rows_by_position(connection, "outbox", positions)
    connection.execute(_STATE, {"rows": list(rows.values()), "state": state})


def _pay(connection: Executor, queue: str, positions: Sequence[int]) -> None:
    connection.execute(_FORGET, {"queue": queue, "positions": positions})
    still = set(connection.execute(_STILL_OWED, {"positions": positions}).scalars())
    rows = rows_by_position(connection, "outbox", [p for p in positions if p not in still])
    connection.execute(_PAID, {"rows": list(rows.values()), "state": "published"})
