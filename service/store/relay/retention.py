"""Retention: what was published long ago leaves the outbox; positions are not given again."""

from collections.abc import Iterator
from datetime import datetime
from typing import Final

from sqlalchemy import Engine, and_, delete, exists, func, or_, select

from service.store import tables as t
from service.store.relay.positions import LISTED
from service.store.sql.engine import reading, writing

BATCH: Final = 5000
GONE: Final = ("published", "unrouted")


def batches(engine: Engine, before: datetime) -> list[tuple[int, int]]:
    """Return the spans of positions, both ends inside, that had been numbered before an instant."""
    ticks = and_(t.tick.c.stream == "outbox", t.tick.c.at < before)
    with reading(engine) as connection:
        first = connection.execute(select(func.min(t.outbox.c.position))).scalar()
        ticked = connection.execute(select(func.max(t.tick.c.position)).where(ticks)).scalar()
        listed = connection.execute(select(t.counter.c.last).where(t.counter.c.name == LISTED)).scalar()
    if first is None or ticked is None or listed is None:
        return []
    last = min(ticked, listed)
    return [(low, min(low + BATCH - 1, last)) for low in range(first, last + 1, BATCH)]


def prune(engine: Engine, spans: list[tuple[int, int]]) -> Iterator[int]:
    """Delete what is published or was wanted by nobody, a transaction a span; give how many each time.

    What is still to be published, or is parked, stays.
    """
    for low, high in spans:
        c = t.outbox.c
        sent = and_(c.state == "pending", ~exists().where(t.unpublished.c.position == c.position))
        with writing(engine) as connection:
            chosen = delete(t.outbox).where(c.position.between(low, high), or_(c.state.in_(GONE), sent))
            count = connection.execute(chosen).rowcount
            older = and_(t.tick.c.stream == "outbox", t.tick.c.position < high)
            connection.execute(delete(t.tick).where(older))
        yield count
