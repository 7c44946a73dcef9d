"""The last message of each owner that a queue got: of those queues that do not get all of them."""

from collections.abc import Collection, Mapping
from typing import Final

from sqlalchemy import bindparam, select

from service.store import tables as t
from service.store.rows.typed import upsert
from service.store.sql.engine import Executor

# queue and owner
Key = tuple[str, str]
_C: Final = t.queued.c
QUEUES: Final = select(_C.queue).union(select(t.owed.c.queue))
_LAST: Final = select(t.queued).where(
    _C.queue.in_(bindparam("queues", expanding=True)), _C.owner.in_(bindparam("owners", expanding=True))
)


def last_in_queues(connection: Executor, keys: Collection[Key]) -> dict[Key, int]:
    """Return the sequences of the last messages, of those keys that there is one of."""
    named = {"queues": sorted({queue for queue, _ in keys}), "owners": sorted({owner for _, owner in keys})}
    return {(row.queue, row.owner): row.sequence for row in connection.execute(_LAST, named)}


def keep_last(connection: Executor, last: Mapping[Key, int]) -> None:
    """Keep the sequences of the last messages; one that is later stays."""
    new = upsert(connection, t.queued)
    later = new.on_conflict_do_update(
        index_elements=[_C.queue, _C.owner],
        set_={"sequence": new.excluded.sequence},
        where=_C.sequence < new.excluded.sequence,
    )
    # in one order, so that two who keep wait for each other in turn
    connection.execute(later, [{"queue": q, "owner": o, "sequence": last[q, o]} for q, o in sorted(last)])
