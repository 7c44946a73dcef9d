"""How much was committed that partners read: what a streaming replica has to show before it is read.

What changes what partners read is counted, in the transaction itself, under a row lock that is held until the
commit; so a replica that shows a count has replayed the commits that it counts. A few counters stand beside
each other, lest all commits wait for one.

https://www.postgresql.org/docs/current/hot-standby.html
"""

from typing import Final

from sqlalchemy import text

from service.store.sql.engine import Executor

# what has written nothing has no id, and is not made to
_COUNT: Final = text(
    "INSERT INTO commit_count AS kept (slot, count) SELECT mod(pg_backend_pid(), 64), 1"
    " WHERE pg_current_xact_id_if_assigned() IS NOT NULL"
    " ON CONFLICT (slot) DO UPDATE SET count = kept.count + 1"
)


def count(connection: Executor) -> None:
    """Count a transaction that changes what partners read, as its last act: others may wait for this."""
    if connection.dialect.name == "postgresql":
        connection.execute(_COUNT)
