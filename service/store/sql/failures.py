"""What the database's errors mean to the house; here alone they are translated.

https://www.postgresql.org/docs/current/errcodes-appendix.html and https://www.sqlite.org/rescode.html
"""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from sqlalchemy.exc import DBAPIError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from service.errors import CasebridgeError, Conflict, Unavailable

# serialization failure, deadlock, lock timeout, a prepared statement that is there no more or returns no more
# what it did
_PASSING: Final = frozenset({"40001", "40P01", "55P03", "26000", "0A000"})
_TAKEN: Final = frozenset({"23505", "23P01"})
_TOO_LONG: Final = "57014"
# connection, resources, operator intervention (shutdown), system, a standby
_AWAY: Final = ("08", "53", "57", "58", "25006")
_SQLITE_PASSING: Final = frozenset({sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED})
_SQLITE_TAKEN: Final = frozenset({sqlite3.SQLITE_CONSTRAINT_UNIQUE, sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY})
_SQLITE_AWAY: Final = frozenset(
    {sqlite3.SQLITE_IOERR, sqlite3.SQLITE_FULL, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY}
)


class Taken(Conflict):
    """A unique key says that another took the name first."""


class Busy(Unavailable):
    """Another transaction was in the way; the same one may succeed when it runs again."""


class TooLong(Unavailable):
    """What was asked takes the database longer than it is given."""


@contextmanager
def translate_failures() -> Iterator[None]:
    """Raise the house's errors for the database's; what means none of them is a bug and goes on as it is.

    Raises:
        Busy: a deadlock, a serialization failure, a lock not had in time.
        Taken: a unique key says that another took the name first.
        TooLong: it was given up.
        Unavailable: the database does not answer, shuts down, or has no room.
    """
    try:
        yield
    except PoolTimeout as exc:
        raise Unavailable("No connection to the database is free; try again later.") from exc
    except DBAPIError as exc:
        meaning = _meaning(exc)
        if meaning is None:
            raise
        raise meaning from exc


def _meaning(exc: DBAPIError) -> CasebridgeError | None:
    code = getattr(exc.orig, "sqlite_errorcode", None)
    if code is None:
        state = getattr(exc.orig, "sqlstate", None)
        # psycopg knows no state where no server said one: it could not connect, or was cut off
        unsaid = state is None and isinstance(exc, OperationalError)
        passing, taken = state in _PASSING, state in _TAKEN
        too_long = state == _TOO_LONG
        away = unsaid or exc.connection_invalidated or (state or "").startswith(_AWAY)
    else:
        passing, taken = code & 0xFF in _SQLITE_PASSING, code in _SQLITE_TAKEN
        too_long = code == sqlite3.SQLITE_INTERRUPT
        away = code & 0xFF in _SQLITE_AWAY
    if passing:
        return Busy("The database is too busy; try again later.")
    if taken:
        return Taken("Somebody else stored the same at the same time; GET it and try again.")
    if too_long:
        return TooLong(
            "It takes the database too long; ask for less: a narrower search, or a smaller _count."
        )
    return Unavailable("The database does not answer; try again later.") if away else None
