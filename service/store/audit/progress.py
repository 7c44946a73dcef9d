"""How far the audit has been sent on."""

from typing import Any, Final

from sqlalchemy import Engine, select

from service.store import tables as t
from service.store.rows.typed import upsert
from service.store.sql.engine import reading, writing

FEED: Final = "audit-feed"
_C: Final = t.counter.c


class SqlProgress:
    """The position of the feed, which only goes forwards."""

    def __init__(self, engine: Engine) -> None:
        """Take the engine of the primary."""
        self._engine = engine

    def position(self) -> int:
        """Return the position of the last entry that was taken with all before it; 0 before the first."""
        with reading(self._engine) as connection:
            return int(connection.execute(select(_C.last).where(_C.name == FEED)).scalar() or 0)

    def advance(self, position: int) -> None:
        """Record another; one that another process has passed by now is none."""
        with writing(self._engine) as connection:
            made: Any = upsert(connection, t.counter).values(name=FEED, last=position)
            further = made.on_conflict_do_update(
                index_elements=[_C.name], set_={"last": made.excluded.last}, where=_C.last < position
            )
            connection.execute(further)
