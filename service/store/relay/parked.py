"""Parked messages: an operator has them tried again, or left out for good, on record with the reason."""

from collections.abc import Callable, Sequence
from typing import Final

from sqlalchemy import Engine, bindparam, case, delete, select, update

from service.errors import NotFound
from service.store import tables as t
from service.store.relay.listed import keep, pass_by
from service.store.rows.recorded import add, row_of
from service.store.sql.engine import Executor, writing
from service.values.audit import AuditEntry
from service.values.kept.resources import DecidedMessage

_C: Final = t.outbox.c
_D: Final = t.document.c
_CHOSEN: Final = (_C.state == "parked", _C.position.in_(bindparam("positions", expanding=True)))
_LOCKED: Final = (
    select(_C.position, _C.view, _C.owner, _C.routing_key, _C.sequence, _C.message.label("id"))
    .where(*_CHOSEN)
    .order_by(_C.position)
    .with_for_update()
)
_RETRY: Final = update(t.outbox).where(*_CHOSEN).values(state="pending", reason=None)
_SKIP: Final = update(t.outbox).where(*_CHOSEN).values(state="skipped")
_OWED: Final = (
    select(t.owed.c.queue).where(t.owed.c.position == bindparam("position")).order_by(t.owed.c.queue)
)
_NOT_OWED: Final = delete(t.owed).where(t.owed.c.position.in_(bindparam("positions", expanding=True)))
_CLIENT: Final = select(case((_D.kind == "client", _D.uuid), else_=_D.client)).where(
    _D.uuid == bindparam("uuid")
)
Record = Callable[[DecidedMessage], AuditEntry]


def retry(engine: Engine, positions: Sequence[int], entry: Record) -> list[DecidedMessage]:
    """Have parked messages published after all; `entry` is what is recorded of each, in the same transaction.

    Raises:
        NotFound: one of them is not parked; nothing is changed.
    """
    with writing(engine) as connection:
        chosen = _decided(connection, positions)
        release(connection, positions)
        add(connection, [row_of(entry(message)) for message in chosen])
    return chosen


def skip(engine: Engine, positions: Sequence[int], entry: Record) -> list[DecidedMessage]:
    """Have parked messages published never, so that their owners go on; as `retry` otherwise."""
    with writing(engine) as connection:
        chosen = _decided(connection, positions)
        connection.execute(_SKIP, {"positions": positions})
        connection.execute(_NOT_OWED, {"positions": positions})
        pass_by(connection, positions)
        add(connection, [row_of(entry(message)) for message in chosen])
    return chosen


def release(connection: Executor, positions: Sequence[int]) -> int:
    """Let messages that were set aside be published after all; return how many there were."""
    # one that a relay of the release before has set aside need not be listed
    for message in connection.execute(_LOCKED, {"positions": positions}).all():
        keep(connection, message.position)
    return int(connection.execute(_RETRY, {"positions": positions}).rowcount)


def _decided(connection: Executor, positions: Sequence[int]) -> list[DecidedMessage]:
    """Return parked messages, locked; raises NotFound."""
    rows = connection.execute(_LOCKED, {"positions": positions}).all()
    unknown = sorted(set(positions) - {row.position for row in rows})
    if unknown:
        listed = ", ".join(map(str, unknown))
        raise NotFound(f"Not parked: {listed}; nothing is changed. `casebridge events parked` lists them.")
    return [
        DecidedMessage(
            **row._asdict(),
            client=connection.execute(_CLIENT, {"uuid": row.owner.partition("/")[2]}).scalar(),
            owed=tuple(connection.execute(_OWED, {"position": row.position}).scalars()),
        )
        for row in rows
    ]
