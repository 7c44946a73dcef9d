"""Our subscriptions to topics of partners' servers, each change in a transaction of its own."""

from datetime import datetime
from typing import Any, Final

from sqlalchemy import Engine, case, delete, select, update

from service.store import tables as t
from service.store.rows.typed import aware, upsert
from service.store.sql.engine import reading, writing
from service.values.inbound.followed import Followed

_C: Final = t.followed_topic.c
_NAMES: Final = tuple(column.name for column in t.followed_topic.columns)
# what is counted while notifications come is written by `hear` alone
_COUNTED: Final = frozenset({"heard", "taken"})


class SqlFollowed:
    """`flows.ports.followed.FollowedPort` on SQLite or PostgreSQL."""

    def __init__(self, engine: Engine) -> None:
        """Take the engine of the primary."""
        self._engine = engine

    def find(self, id_: str) -> Followed | None:
        """Return the one that is told at an id."""
        return self._one(_C.id == id_)

    def of(self, partner: str, name: str) -> Followed | None:
        """Return the one of a partner by its name in the registry."""
        return self._one((_C.partner == partner) & (_C.name == name))

    def begin(self, followed: Followed) -> bool:
        """Keep a new one; false where another process has."""
        with writing(self._engine) as connection:
            done = connection.execute(
                upsert(connection, t.followed_topic).on_conflict_do_nothing(), _row_of(followed)
            )
            return bool(done.rowcount)

    def claim(self, followed: Followed, until: datetime) -> bool:
        """Let nobody else work on one until an instant; false where another process does."""
        mine = update(t.followed_topic).where(_C.id == followed.id, _C.due == followed.due)
        with writing(self._engine) as connection:
            return bool(connection.execute(mine.values(due=until)).rowcount)

    def keep(self, followed: Followed) -> None:
        """Replace what is kept of one, but for the numbers of events."""
        row = {name: value for name, value in _row_of(followed).items() if name not in _COUNTED}
        self._change(followed.id, row)

    def hear(self, id_: str, events: int, first: int, last: int) -> None:
        """Record that there were so many events, and that those from `first` to `last` came; 0: none."""
        follows = (_C.taken >= first - 1) & (_C.taken < last)
        taken = case((follows, last), else_=_C.taken) if first else _C.taken
        most = max(events, last)
        self._change(id_, {"heard": case((_C.heard < most, most), else_=_C.heard), "taken": taken})

    def forget(self, id_: str) -> None:
        """Keep one no longer: nothing is told at its id any more."""
        with writing(self._engine) as connection:
            connection.execute(delete(t.followed_topic).where(_C.id == id_))

    def forget_events(self, id_: str) -> None:
        """Begin counting anew: the subscription there is another one."""
        self._change(id_, {"heard": 0, "taken": 0})

    def _change(self, id_: str, values: dict[str, Any]) -> None:
        with writing(self._engine) as connection:
            connection.execute(update(t.followed_topic).where(_C.id == id_).values(**values))

    def _one(self, condition: Any) -> Followed | None:
        with reading(self._engine) as connection:
            row = connection.execute(select(t.followed_topic).where(condition)).first()
        if row is None:
            return None
        kept = {name: getattr(row, name) for name in _NAMES}
        kept |= {"secrets": tuple(row.secrets.split()), "due": aware(row.due)}
        return Followed(**{**kept, "renew": None if row.renew is None else aware(row.renew)})


def _row_of(followed: Followed) -> dict[str, Any]:
    row = {name: getattr(followed, name) for name in _NAMES}
    return {**row, "secrets": " ".join(followed.secrets), "reason": (followed.reason or "")[:400] or None}
