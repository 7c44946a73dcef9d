"""The outbox as the leader sees it: number what is committed, read what is pending, mark what went out.

A row committed late lies behind any cursor made of ids or times; so only committed rows get a position.
"""

from collections.abc import Sequence

from sqlalchemy import Connection, Engine, Row, Table, func, select, text, update

from service.store import tables as t
from service.store.engine import reading, writing
from service.store.leadership import FileLead, SessionLead, lead
from service.store.rows import aware
from service.values.resources import Message, Numbered

NUMBERING = 0x0CA5EB1E


class Outbox:
    """The leader's statements."""

    def __init__(self, engine: Engine) -> None:
        """Take the engine to open transactions on."""
        self._engine = engine

    def lead(self) -> SessionLead | FileLead | None:
        """Take leadership, or return None while another has it."""
        return lead(self._engine)

    def number(self, limit: int = 5000) -> int:
        """Number up to `limit` committed messages, gap-free, in the order they were written; return how many.

        An owner's messages are written under its lock, so their order is the order of their rows.
        """
        with writing(self._engine) as connection:
            return _number(connection, t.outbox, limit)

    def pending(self, after: int, limit: int) -> list[Numbered]:
        """Return numbered messages still to publish, in order, above a position."""
        c = t.outbox.c
        chosen = select(t.outbox).where(c.state == "pending", c.position > after).order_by(c.position)
        with reading(self._engine) as connection:
            return [numbered_of(row) for row in connection.execute(chosen.limit(limit))]

    def mark(self, positions: Sequence[int], state: str) -> None:
        """Record that messages were `published`, or `unrouted` because nobody registered for them."""
        with writing(self._engine) as connection:
            connection.execute(update(t.outbox).where(t.outbox.c.position.in_(positions)).values(state=state))

    def park(self, position: int, reason: str) -> None:
        """Set a message aside with the reason why it cannot be published."""
        chosen = update(t.outbox).where(t.outbox.c.position == position)
        with writing(self._engine) as connection:
            connection.execute(chosen.values(state="parked", reason=reason[:400]))

    def backlog(self) -> int:
        """Return how many messages are still to publish."""
        with reading(self._engine) as connection:
            chosen = select(func.count()).select_from(t.outbox).where(t.outbox.c.state == "pending")
            return int(connection.execute(chosen).scalar_one())


def numbered_of(row: "Row[tuple[object, ...]]") -> Numbered:
    """Return an outbox row as a numbered message."""
    message = Message(
        id=row.message,
        view=row.view,
        owner=row.owner,
        routing_key=row.routing_key,
        sequence=row.sequence,
        recorded=aware(row.recorded),
        body=bytes(row.body),
        full=bytes(row.full) if row.full is not None else None,
    )
    return Numbered(row.position, message)


def _number(connection: Connection, table: Table, limit: int) -> int:
    c = table.c
    if connection.dialect.name == "postgresql":
        # two leaders for a moment (one paused) must not give one position twice
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": NUMBERING})
    rows = connection.scalars(select(c.row).where(c.position.is_(None)).order_by(c.row).limit(limit)).all()
    if not rows:
        return 0
    last = connection.scalar(select(func.coalesce(func.max(c.position), 0))) or 0
    picked = (
        select(c.row, func.row_number().over(order_by=c.row).label("rank")).where(c.row.in_(rows)).subquery()
    )
    connection.execute(update(table).where(c.row == picked.c.row).values(position=last + picked.c.rank))
    return len(rows)
