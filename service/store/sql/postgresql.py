"""Connections to PostgreSQL through psycopg: their deadlines, and whether they are still there.

A pooler of transactions may stand between: then nothing is set for a session.
"""

from typing import Any, Final

from sqlalchemy import URL, Connection, Engine, create_engine, event
from sqlalchemy.exc import DisconnectionError

from service.store.sql.bounds import OF_TRANSACTION
from service.store.sql.pool import StreamPool, forget_on_rollback, is_there
from service.store.sql.silence import Server

# what the server gives a statement, and some time to tell
LIMIT: Final = 70.0
# We do not wait long for one that has vanished without a word.
# https://www.postgresql.org/docs/current/libpq-connect.html#LIBPQ-PARAMKEYWORDS
DEADLINES: Final = {
    "connect_timeout": 5,
    "keepalives_idle": 5,
    "keepalives_interval": 2,
    "keepalives_count": 3,
    "tcp_user_timeout": 10_000,
}


def engine_of(url: URL) -> Engine:
    """Return an engine; what the URL says of deadlines goes before ours, its `options` before our bounds."""
    deadlines = {name: value for name, value in DEADLINES.items() if name not in url.query}
    engine = create_engine(
        url.set(drivername="postgresql+psycopg"),
        hide_parameters=True,
        poolclass=StreamPool,
        pool_size=10,
        # nothing is left to roll back: a stream ends what it began, and so does a connection of SQLAlchemy's
        pool_reset_on_return=None,
        connect_args=deadlines,
    )
    is_bounded = "options" not in url.query
    server = Server(LIMIT if is_bounded else None)
    event.listen(engine, "do_connect", server.connect)
    if is_bounded:
        event.listen(engine, "begin", _bound)
    event.listen(engine, "checkout", _still_there)
    forget_on_rollback(engine)
    return engine


def _bound(connection: Connection) -> None:
    """Bound a transaction of SQLAlchemy's; a stream bounds its own."""
    driver: Any = connection.connection.driver_connection
    if driver.is_bounded_each_time:
        connection.exec_driver_sql(OF_TRANSACTION.decode()).close()


def _still_there(connection: Any, _record: object, _proxy: object) -> None:
    """Have the pool replace a connection that is not there any more."""
    if not is_there(connection):
        raise DisconnectionError
