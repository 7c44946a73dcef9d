"""Leadership: one relay at a time, by a lock that ends with its holder.

PostgreSQL: an advisory lock of a session. SQLite: a lock of the operating system on a file beside the
database's. https://www.postgresql.org/docs/current/explicit-locking.html#ADVISORY-LOCKS
"""

import fcntl
import time
from contextlib import suppress
from pathlib import Path
from typing import IO, Final

from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import SQLAlchemyError

from service.errors import Unavailable
from service.store.sql.failures import translate_failures

LEADER: Final = 0x0CA5EB1D
ASK_SECONDS: Final = 1.0
_STILL: Final = text(
    "SELECT EXISTS (SELECT FROM pg_locks WHERE locktype = 'advisory' AND objid = :key AND granted"
    " AND pid = pg_backend_pid())"
)


class SessionLead:
    """Leadership held by a PostgreSQL session; it ends with the session, however that ends."""

    def __init__(self, connection: Connection) -> None:
        """Take the connection whose session holds the lock; it commits each statement."""
        self._connection = connection
        self._held = True
        self._asked = time.monotonic()

    def is_held(self) -> bool:
        """Tell whether the session still has the lock, asking it when the last answer is a second old.

        So one that was paused or cut off stops within a second of going on, whoever leads meanwhile.
        """
        if self._held and time.monotonic() - self._asked >= ASK_SECONDS:
            try:
                self._held = bool(self._connection.execute(_STILL, {"key": LEADER}).scalar())
            except SQLAlchemyError:
                self._held = False
            self._asked = time.monotonic()
        return self._held

    def close(self) -> None:
        """Give leadership up: another may have it at once, and no other use of the connection inherits it."""
        if self._held:
            self._held = False
            with suppress(SQLAlchemyError):
                self._connection.execute(text("SELECT pg_advisory_unlock(:key)"), {"key": LEADER})
        self._connection.invalidate()
        self._connection.close()


class FileLead:
    """Leadership held by an open file; it ends with the process, however that ends."""

    def __init__(self, file: IO[bytes]) -> None:
        """Take the file that is locked."""
        self._file = file

    def is_held(self) -> bool:
        """Tell whether the file is still open, and so locked."""
        return not self._file.closed

    def close(self) -> None:
        """Give leadership up; the file stays, for who waits for it may have it open."""
        self._file.close()


def lead(engine: Engine) -> SessionLead | FileLead | None:
    """Take leadership, or return None while another has it; raises Unavailable."""
    if engine.dialect.name == "sqlite":
        return _by_file(Path(f"{engine.url.database}.leader"))
    with translate_failures():
        connection = engine.connect().execution_options(isolation_level="AUTOCOMMIT")
        if connection.execute(text("SELECT pg_try_advisory_lock(:key)"), {"key": LEADER}).scalar():
            return SessionLead(connection)
        connection.close()
        return None


def _by_file(path: Path) -> FileLead | None:
    try:
        file = path.open("ab")
    except OSError as exc:
        raise Unavailable("The file that says who leads cannot be opened.", where=path.name) from exc
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        file.close()
        return None
    return FileLead(file)
