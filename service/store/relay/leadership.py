"""Leadership: one relay at a time, by a lease on the database's time, and a number that fences off the last.

No session holds it, so a pooler of transactions may stand between. Who is paused for longer than it lasts has
lost it, and what it then would number or mark is refused: each such transaction asks for the number.
"""

import os
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache
from typing import Any, Final

from sqlalchemy import ColumnElement, Engine, Update, bindparam, extract, func, or_, select, text, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import SQLAlchemyError

from service.errors import CasebridgeError, Unavailable
from service.store import tables as t
from service.store.sql.engine import Executor, writing

RELAY: Final = "relay"
SECONDS: Final = 5.0
RENEW_SECONDS: Final = 1.0
LONGEST: Final = 2 * SECONDS
_C: Final = t.lease.c
_MINE: Final = (_C.name == bindparam("of"), _C.fence == bindparam("mine"))
# kept from others while the transaction lasts
_HELD: Final = select(_C.fence).where(*_MINE).with_for_update(read=True)
# one that is paused within its transaction keeps others waiting no longer than this
_PAUSED: Final = text("SET LOCAL idle_in_transaction_session_timeout = '5s'")
# whoever led is fenced off
_GIVE_UP: Final = update(t.lease).where(*_MINE).values(fence=_C.fence + 1, expires=0)


class Lease:
    """Leadership, kept by a thread beside until it is given up, or another has it."""

    def __init__(self, engine: Engine, name: str, fence: int, since: float) -> None:
        """Take what is led, the number of the lease, and from when on by our clock it has lasted at least."""
        self.name = name
        self.fence = fence
        self._engine = engine
        self._since = since
        self._over = threading.Event()
        threading.Thread(target=self._renew_until_over, name="lease", daemon=True).start()

    def is_held(self) -> bool:
        """Tell whether nobody else can have it; who was paused or cut off for long has lost it."""
        return not self._over.is_set() and time.monotonic() - self._since < SECONDS

    def close(self) -> None:
        """Give leadership up: another may have it at once."""
        if not self._over.is_set():
            self._over.set()
            with writing(self._engine) as connection:
                connection.execute(_GIVE_UP, {"of": self.name, "mine": self.fence})

    def renew(self) -> None:
        """Make it last from now on, unless another has it."""
        asked = time.monotonic()
        with writing(self._engine) as connection:
            named = {"of": self.name, "mine": self.fence, "seconds": SECONDS}
            renewed = connection.execute(_renewal(connection.dialect.name), named).rowcount
        if renewed:
            self._since = asked
        else:
            self._over.set()

    def _renew_until_over(self) -> None:
        while not self._over.wait(RENEW_SECONDS):
            # it lasts for some more tries; when the database is back, another may have it
            with suppress(CasebridgeError, SQLAlchemyError):
                self.renew()


def lead(engine: Engine, name: str = RELAY) -> Lease | None:
    """Take leadership of the relay, or of what else has a name, or return None while another has it.

    Raises:
        Unavailable: the database does not answer.
    """
    asked = time.monotonic()
    with writing(engine) as connection:
        named = {"name": name, "holder": f"{socket.gethostname()}:{os.getpid()}", "seconds": SECONDS}
        fence = connection.execute(_taking(connection.dialect.name), named).scalar()
    return Lease(engine, name, fence, asked) if fence is not None else None


@contextmanager
def leading(engine: Engine, lease: Lease | None) -> Iterator[Executor]:
    """Open a write transaction of whoever leads, if somebody does; raises Unavailable once another may."""
    with writing(engine) as connection:
        if lease is not None:
            if connection.dialect.name == "postgresql":
                connection.execute(_PAUSED)
            if connection.execute(_HELD, {"of": lease.name, "mine": lease.fence}).scalar() is None:
                raise Unavailable("Another process relays by now; this one stands by.")
        yield connection


@cache
def _taking(dialect: str) -> Any:
    insert: Any = {"postgresql": postgresql.insert, "sqlite": sqlite.insert}[dialect]
    taken = insert(t.lease).values(fence=1, expires=_until(dialect))
    following = {"holder": taken.excluded.holder, "fence": _C.fence + 1, "expires": taken.excluded.expires}
    # one that lasts for longer than any is given for is of before the database's clock was set back
    over = or_(_C.expires <= _now(dialect), _C.expires > _now(dialect) + LONGEST)
    return taken.on_conflict_do_update(index_elements=[_C.name], set_=following, where=over).returning(
        _C.fence
    )


@cache
def _renewal(dialect: str) -> Update:
    return update(t.lease).where(*_MINE).values(expires=_until(dialect))


def _until(dialect: str) -> ColumnElement[Any]:
    return _now(dialect) + bindparam("seconds", type_=_C.expires.type)


def _now(dialect: str) -> ColumnElement[Any]:
    """Return the database's time in seconds since 1970."""
    if dialect == "sqlite":
        return (func.julianday("now", type_=_C.expires.type) - 2440587.5) * 86400
    return extract("epoch", func.clock_timestamp())
