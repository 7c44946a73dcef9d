"""The pool of connections to PostgreSQL, and whether one of them is still there.

https://docs.sqlalchemy.org/en/20/core/pooling.html
"""

from select import POLLIN, poll
from typing import Any, Final

from psycopg.pq import TransactionStatus
from sqlalchemy import Connection, Engine, QueuePool, event
from sqlalchemy.pool import ConnectionPoolEntry

PREPARED: Final = "prepared"
"""Where the pool keeps, of each connection, the names of what is prepared on it."""


class StreamPool(QueuePool):
    """SQLAlchemy's pool, which lends the entry of a connection, too, without what it puts around one.

    To do that, and to undo it, takes as long as a dozen of the statements that a stream sends.
    """

    def lend(self) -> ConnectionPoolEntry:
        """Return an entry whose connection is there; who takes it has to give it back.

        Raises psycopg's errors, and SQLAlchemy's TimeoutError where none is free for too long.
        """
        entry: Any = self._do_get()
        try:
            if not is_there(entry.get_connection()):
                entry.invalidate()
                entry.get_connection()
        except BaseException:
            entry.invalidate()
            self.take_back(entry)
            raise
        return entry  # type: ignore[no-any-return]

    def take_back(self, entry: ConnectionPoolEntry) -> None:
        """Take an entry back, be its connection closed."""
        self._do_return_conn(entry)


def is_there(connection: Any) -> bool:
    """Tell whether the server has not ended a connection: word of it lies unread on the socket.

    One from before the server was silent is taken for lost: a proxy between would say nothing of it.
    """
    if connection.closed or not connection.server.is_trusted(connection):
        return False
    heard = poll()
    heard.register(connection.fileno(), POLLIN)
    return not heard.poll(0)


def forget_on_rollback(engine: Engine) -> None:
    """Prepare anew on a connection that psycopg has rolled back: it then deallocates all that is prepared."""
    event.listen(engine, "rollback", _forget_at_rollback)


def _forget_at_rollback(connection: Connection) -> None:
    # one that is lost has nothing to forget
    if not connection.invalidated and _rolls_back(connection.connection.driver_connection):
        connection.info.pop(PREPARED, None)


def _rolls_back(driver: Any) -> bool:
    """Return whether a rollback of psycopg's does something: out of a transaction it does nothing."""
    return bool(driver.info.transaction_status != TransactionStatus.IDLE)
