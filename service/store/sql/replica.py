"""Reads of a streaming replica, once it shows all that the primary shows.

What changes what partners read is counted, in the transaction itself, under a row lock that is held until the
commit; so a replica that shows a count has replayed the commits that it counts. A few counters stand beside
each other, lest all commits wait for one. A replica that shows less than the primary, or does not answer, is
passed over.

https://www.postgresql.org/docs/current/hot-standby.html
"""

from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple, TypeVar

import structlog
from prometheus_client import Counter
from sqlalchemy import Engine, text
from sqlalchemy.exc import DBAPIError

from service.errors import Unavailable
from service.store.sql.engine import Executor, reading
from service.store.sql.failures import TooLong

T = TypeVar("T")
READS: Final = Counter("casebridge_replica_reads_total", "Reads that a replica was asked for", ["outcome"])
# what has written nothing has no id, and is not made to
_COUNT: Final = text(
    "INSERT INTO commit_count AS kept (slot, count) SELECT mod(pg_backend_pid(), 64), 1"
    " WHERE pg_current_xact_id_if_assigned() IS NOT NULL"
    " ON CONFLICT (slot) DO UPDATE SET count = kept.count + 1"
)
_COUNTS: Final = text("SELECT slot, count FROM commit_count")
_WHO: Final = text(
    "SELECT system_identifier, CAST(current_database() AS text) AS name, pg_is_in_recovery() AS follows"
    " FROM pg_control_system()"
)

log = structlog.get_logger()


def count(connection: Executor) -> None:
    """Count a transaction that changes what partners read, as its last act: others may wait for this."""
    if connection.dialect.name == "postgresql":
        connection.execute(_COUNT)


class Shown(NamedTuple):
    """What a server shows: of which database, whether it follows another, and how much was committed."""

    database: tuple[int, str]
    follows: bool
    counts: Mapping[int, int]

    def holds(self, primary: "Shown") -> bool:
        """Tell whether this is a replica that has all that the primary has shown."""
        is_replica = self.follows and self.database == primary.database
        return is_replica and all(self.counts.get(slot, 0) >= n for slot, n in primary.counts.items())


class Reads:
    """Reads of a primary, or of its replica, where there is one and it is as far."""

    def __init__(self, primary: Engine, replica: Engine | None) -> None:
        """Take the engines of both."""
        self._primary = primary
        self._replica = replica

    def read(self, story: Callable[[Executor], T]) -> T:
        """Return what a story reads, which may run twice; raises what it and `failures.translated` raise."""
        if self._replica is not None:
            with reading(self._primary) as connection:
                primary = _shown(connection)
            try:
                with reading(self._replica) as connection:
                    if _shown(connection).holds(primary):
                        answer = story(connection)
                        READS.labels("used").inc()
                        return answer
                READS.labels("behind").inc()
            except TooLong:
                raise
            except (Unavailable, DBAPIError) as failure:
                # whatever is wrong with it, the primary can tell
                READS.labels("failed").inc()
                log.warning("replica_failed", kind=type(failure).__name__)
        with reading(self._primary) as connection:
            return story(connection)


def _shown(connection: Executor) -> Shown:
    counts, who = connection.execute(_COUNTS), connection.execute(_WHO)
    server: Any = who.one()
    return Shown(
        (server.system_identifier, server.name), server.follows, {row.slot: row.count for row in counts}
    )
