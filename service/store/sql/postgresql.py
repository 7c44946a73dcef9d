"""Connections to PostgreSQL through psycopg: their deadlines, and whether they are still there."""

from select import POLLIN, poll
from typing import Any, Final

from sqlalchemy import URL, Engine, create_engine, event
from sqlalchemy.exc import DisconnectionError

from service.store.sql.silence import Server
from service.store.sql.stream import forget_on_rollback

# what the server gives a statement, and some time to tell
LIMIT: Final = 70.0
# To compile a statement takes longer than most would last, and what many rows are looked up for seems dear.
# Neither side waits long for one that has vanished without a word: a lock of its session ends soon, too.
# https://www.postgresql.org/docs/current/libpq-connect.html#LIBPQ-PARAMKEYWORDS
DEADLINES: Final = {
    "connect_timeout": 5,
    "keepalives_idle": 5,
    "keepalives_interval": 2,
    "keepalives_count": 3,
    "tcp_user_timeout": 10_000,
    "options": "-c lock_timeout=30s -c statement_timeout=60s -c tcp_user_timeout=10000 -c jit=off"
    " -c tcp_keepalives_idle=5 -c tcp_keepalives_interval=2 -c tcp_keepalives_count=3",
}


def engine_of(url: URL) -> Engine:
    """Return an engine; what the URL says of deadlines goes before ours."""
    deadlines = {name: value for name, value in DEADLINES.items() if name not in url.query}
    engine = create_engine(
        url.set(drivername="postgresql+psycopg"),
        hide_parameters=True,
        pool_size=10,
        # nothing is left to roll back: a stream ends what it began, and so does a connection of SQLAlchemy's
        pool_reset_on_return=None,
        connect_args=deadlines,
    )
    server = Server(LIMIT if "options" in deadlines else None)
    event.listen(engine, "do_connect", server.connect)
    event.listen(engine, "checkout", _still_there)
    forget_on_rollback(engine)
    return engine


def _still_there(connection: Any, _record: object, _proxy: object) -> None:
    """Have the pool replace a connection that the server has ended; word of it lies unread on the socket.

    And one from before the server was silent: a proxy between would say nothing of it.
    """
    if not connection.server.is_trusted(connection):
        raise DisconnectionError
    heard = poll()
    heard.register(connection.fileno(), POLLIN)
    if heard.poll(0):
        raise DisconnectionError
