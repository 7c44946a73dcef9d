"""Queues that are held: past their depth limits, so that nothing is put in until they are drained."""

from datetime import UTC, datetime
from typing import Final

from sqlalchemy import bindparam, delete, select

from service.store import tables as t
from service.store.rows.typed import aware, upsert
from service.store.sql.engine import Executor
from service.values.kept.resources import HeldQueue

_LET_GO: Final = delete(t.held_queue).where(t.held_queue.c.queue == bindparam("of"))


def hold(connection: Executor, queue: str, depth: int) -> None:
    """Flag a queue as held from now on, with how many messages are in it; one that is held stays so."""
    new = upsert(connection, t.held_queue).on_conflict_do_nothing()
    connection.execute(new, {"queue": queue, "depth": depth, "since": datetime.now(UTC)})


def let_go(connection: Executor, queue: str) -> None:
    """Take the flag off a queue."""
    connection.execute(_LET_GO, {"of": queue})


def held(connection: Executor) -> dict[str, HeldQueue]:
    """Return the queues that are held, by their names."""
    rows = connection.execute(select(t.held_queue))
    return {row.queue: HeldQueue(row.depth, aware(row.since)) for row in rows}
