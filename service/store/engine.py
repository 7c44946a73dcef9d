"""Engines: PostgreSQL as it comes; SQLite with WAL, a busy timeout, and IMMEDIATE write transactions.

https://www.sqlite.org/lang_transaction.html
"""

from collections.abc import Iterator
from contextlib import contextmanager
from select import POLLIN, poll
from typing import Any, Final

from sqlalchemy import Connection, Engine, create_engine, event, make_url
from sqlalchemy.exc import DisconnectionError

from service.errors import Misconfigured
from service.store.failures import translated

# Neither side waits long for one that has vanished without a word: a lock of its session ends soon, too.
# https://www.postgresql.org/docs/current/libpq-connect.html#LIBPQ-PARAMKEYWORDS
DEADLINES: Final = {
    "connect_timeout": 5,
    "keepalives_idle": 5,
    "keepalives_interval": 2,
    "keepalives_count": 3,
    "tcp_user_timeout": 10_000,
    "options": "-c lock_timeout=30s -c statement_timeout=60s -c tcp_user_timeout=10000"
    " -c tcp_keepalives_idle=5 -c tcp_keepalives_interval=2 -c tcp_keepalives_count=3",
}


def connect(url: str) -> Engine:
    """Return an engine for a database URL; parameters never reach an error text.

    Raises:
        Misconfigured: the URL is neither sqlite nor postgresql.
    """
    parts = make_url(url)
    kind = parts.get_backend_name()
    if kind == "postgresql":
        given = {name: value for name, value in DEADLINES.items() if name not in parts.query}
        parts = parts.set(drivername="postgresql+psycopg")
        engine = create_engine(parts, hide_parameters=True, pool_size=10, connect_args=given)
        event.listen(engine, "checkout", _still_there)
        return engine
    if kind != "sqlite":
        raise Misconfigured("Use a sqlite or postgresql URL.", where="CASEBRIDGE_DATABASE_URL")
    engine = create_engine(url, hide_parameters=True, connect_args={"timeout": 30})
    event.listen(engine, "connect", _sqlite)
    return engine


@contextmanager
def reading(engine: Engine) -> Iterator[Connection]:
    """Open a connection to read on; raises what `failures.translated` tells.

    Each statement sees what was committed before it, as within a transaction of PostgreSQL's own level,
    and costs no round trips to begin and end one.
    """
    with translated(), engine.connect() as connection:
        if engine.dialect.name == "postgresql":
            connection.execution_options(isolation_level="AUTOCOMMIT")
        yield connection


@contextmanager
def writing(engine: Engine) -> Iterator[Connection]:
    """Open a write transaction: SQLite takes its write lock at once, or readers become writers too late.

    Raises what `failures.translated` tells.
    """
    with translated(), engine.connect() as connection:
        if engine.dialect.name == "sqlite":
            connection.exec_driver_sql("BEGIN IMMEDIATE")
        try:
            yield connection
        except BaseException:
            connection.rollback()
            raise
        connection.commit()


def _still_there(connection: Any, _record: object, _proxy: object) -> None:
    """Have the pool replace a connection that the server has ended; word of it lies unread on the socket."""
    heard = poll()
    heard.register(connection.fileno(), POLLIN)
    if heard.poll(0):
        raise DisconnectionError


def _sqlite(connection: Any, _record: object) -> None:
    connection.isolation_level = None
    for pragma in ("journal_mode=WAL", "busy_timeout=30000", "synchronous=FULL", "foreign_keys=ON"):
        connection.execute(f"PRAGMA {pragma}")
