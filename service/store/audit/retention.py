"""What is old in the audit is let go: whole months, with the seals that cover nothing else.

It begins with an anchor in the chain of seals, so that they verify on. On PostgreSQL partitions are dropped
in the same transaction; what is old in the default one, and on SQLite, is deleted in batches.
"""

from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final

import structlog
from sqlalchemy import Engine, delete, literal_column, select, text

from service.store import tables as t
from service.store.audit import chain, partitions
from service.store.audit.sealing import SqlSealing
from service.store.sql.engine import Executor, reading, writing

BATCH: Final = 5_000
_OLDEST: Final = select(t.audit.c.recorded_on).order_by(t.audit.c.row).limit(1)
_DELETE: Final = {
    "postgresql": "DELETE FROM {0}_default WHERE ctid = ANY (ARRAY"
    " (SELECT ctid FROM {0}_default WHERE recorded_on < :before LIMIT :count))",
    "sqlite": "DELETE FROM {0} WHERE rowid IN"
    " (SELECT rowid FROM {0} WHERE recorded_on < :before LIMIT :count)",
}

log = structlog.get_logger()


class SqlRetention:
    """Makes room ahead for the audit, and lets go what is older than so many days; 0 is for ever."""

    def __init__(self, engine: Engine, clock: Callable[[], datetime], days: int) -> None:
        """Take the engine of the primary, what tells the time, and the days."""
        self._engine = engine
        self._clock = clock
        self._days = days

    def may_keep(self) -> bool:
        """Tell whether the role has what it takes: on PostgreSQL that of the tables' owner."""
        return self._engine.dialect.name != "postgresql" or partitions.may_change(self._engine)

    def make_ahead(self) -> int:
        """Make partitions for this month and the next ones; return how many."""
        if self._engine.dialect.name != "postgresql":
            return 0
        return partitions.make_ahead(self._engine, self._clock().astimezone(UTC).date())

    def before(self) -> date | None:
        """Return the day from before which rows go, the first of a month; None where all stay."""
        if not self._days:
            return None
        last = self._clock().astimezone(UTC).date() - timedelta(days=self._days)
        return last.replace(day=1)

    def let_go(self) -> Iterator[int]:
        """Let go what is older than it has to be kept, in steps; give how many rows each has deleted.

        Of partitions that are dropped nobody counts the rows. What is not sealed yet is so first.
        """
        before = self.before()
        if before is None or not self._is_older(before):
            return
        sealing = SqlSealing(self._engine, self._clock)
        while sealing.seal():
            yield 0
        self._anchor(before)
        yield 0
        for table in partitions.PARTITIONED:
            while count := self._delete(table, before):
                yield count

    def _is_older(self, before: date) -> bool:
        with reading(self._engine) as connection:
            oldest = connection.execute(_OLDEST).scalar()
            if oldest is not None and oldest < before:
                return True
            return self._engine.dialect.name == "postgresql" and bool(partitions.old(connection, before))

    def _anchor(self, before: date) -> None:
        """Say in the chain that what is from before a day is let go, and drop its seals and partitions."""
        with writing(self._engine) as connection:
            chain.wait_alone(connection)
            anchor = chain.newest_anchor(connection)
            if anchor is None or anchor["dropped_before"] < before:
                chain.anchor(connection, before, self._clock().astimezone(UTC))
                _forget_seals(connection)
            if connection.dialect.name == "postgresql":
                names = partitions.old(connection, before)
                partitions.drop(connection, names)
                log.info("audit_partitions_dropped", count=len(names), before=str(before))

    def _delete(self, table: str, before: date) -> int:
        statement: Any = text(_DELETE[self._engine.dialect.name].format(table))
        with writing(self._engine) as connection:
            named = {"before": before if connection.dialect.name == "postgresql" else str(before)}
            return int(connection.execute(statement, {**named, "count": BATCH}).rowcount)


def _forget_seals(connection: Executor) -> None:
    """Delete the seals before the one that the chain begins after."""
    number = chain.start(connection)["number"]
    connection.execute(delete(t.audit_seal).where(t.audit_seal.c.number < literal_column(str(int(number)))))
