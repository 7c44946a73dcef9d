"""Engines: PostgreSQL as it comes; SQLite with WAL, a busy timeout, and IMMEDIATE write transactions.

https://www.sqlite.org/lang_transaction.html
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event, make_url

from service.errors import Misconfigured
from service.store.failures import translated


def connect(url: str) -> Engine:
    """Return an engine for a database URL; parameters never reach an error text.

    Raises:
        Misconfigured: the URL is neither sqlite nor postgresql.
    """
    kind = make_url(url).get_backend_name()
    if kind == "postgresql":
        options = "-c lock_timeout=30s -c statement_timeout=60s"
        parts = make_url(url).set(drivername="postgresql+psycopg")
        return create_engine(
            parts, hide_parameters=True, pool_pre_ping=True, pool_size=10, connect_args={"options": options}
        )
    if kind != "sqlite":
        raise Misconfigured("Use a sqlite or postgresql URL.", where="CASEBRIDGE_DATABASE_URL")
    engine = create_engine(url, hide_parameters=True, connect_args={"timeout": 30})
    event.listen(engine, "connect", _sqlite)
    return engine


@contextmanager
def reading(engine: Engine) -> Iterator[Connection]:
    """Open a connection to read on; raises what `failures.translated` tells."""
    with translated(), engine.connect() as connection:
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


def _sqlite(connection: Any, _record: object) -> None:
    connection.isolation_level = None
    for pragma in ("journal_mode=WAL", "busy_timeout=30000", "synchronous=FULL", "foreign_keys=ON"):
        connection.execute(f"PRAGMA {pragma}")
