"""Engines: PostgreSQL as it comes; SQLite with WAL, a busy timeout, and IMMEDIATE write transactions.

https://www.sqlite.org/lang_transaction.html
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from time import monotonic
from typing import Any, Final, Protocol

from sqlalchemy import Connection, Dialect, Engine, Executable, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError

from service.errors import Misconfigured
from service.store.sql.failures import translate_failures
from service.store.sql.terms import hashed

READ_SECONDS: Final = "read_seconds"
STEPS: Final = 20_000
"""After so many steps of its machine SQLite is asked whether it has taken too long."""


class Executor(Protocol):
    """What statements are executed on: a connection of SQLAlchemy's, or PostgreSQL's stream."""

    @property
    def dialect(self) -> Dialect:
        """The dialect of the database."""

    def execute(self, statement: Executable, parameters: Any = ..., /) -> Any:
        """Execute a statement, once for each row of parameters; return its answer."""


def connect(url: str, read_seconds: float | None = None, where: str = "CASEBRIDGE_DATABASE_URL") -> Engine:
    """Return an engine for a database URL; parameters never reach an error text.

    What is `reading` on it takes `read_seconds` at most, or as long as the database lets it. `where` is the
    setting that says so.

    Raises:
        Misconfigured: it is no URL, or neither sqlite nor postgresql.
    """
    try:
        parts = make_url(url)
    except (ArgumentError, ValueError):
        # what it says may quote the password
        raise Misconfigured("Use a sqlite or postgresql URL.", where=where) from None
    kind = parts.get_backend_name()
    if kind == "postgresql":
        # psycopg is needed for PostgreSQL alone, and its import is not free
        from service.store.sql.postgresql import engine_of

        engine = engine_of(parts)
        engine.update_execution_options(**{READ_SECONDS: read_seconds})
        return engine
    if kind != "sqlite":
        raise Misconfigured("Use a sqlite or postgresql URL.", where=where)
    engine = create_engine(url, hide_parameters=True, connect_args={"timeout": 30})
    engine.update_execution_options(**{READ_SECONDS: read_seconds})
    event.listen(engine, "do_connect", _make_for_its_owner)
    event.listen(engine, "connect", _sqlite)
    return engine


@contextmanager
def reading(engine: Engine) -> Iterator[Executor]:
    """Open a connection to read on; raises what `failures.translated` tells.

    Each statement sees what was committed before it, as within a transaction of PostgreSQL's own level,
    and costs no round trips to begin and end one.
    """
    seconds = engine.get_execution_options()[READ_SECONDS]
    with translate_failures():
        if engine.dialect.name == "postgresql":
            from service.store.sql.stream import streaming

            with streaming(engine, seconds) as stream:
                yield stream
        else:
            with engine.connect() as connection, _interrupting(connection, seconds):
                yield connection


# what one statement writes is committed once its answer is there
single = reading


@contextmanager
def writing(engine: Engine) -> Iterator[Executor]:
    """Open a write transaction: SQLite takes its write lock at once, or readers become writers too late.

    PostgreSQL is waited for only where something is read: what a statement breaks is raised at a later one,
    or at the end, before anything is committed. Raises what `failures.translated` tells.
    """
    with translate_failures():
        if engine.dialect.name == "postgresql":
            from service.store.sql.stream import streaming, transaction

            with streaming(engine) as stream, transaction(stream):
                yield stream
        else:
            with engine.connect() as connection:
                connection.exec_driver_sql("BEGIN IMMEDIATE")
                yield connection
                connection.commit()


@contextmanager
def _interrupting(connection: Connection, seconds: float | None) -> Iterator[None]:
    """Have SQLite give up what takes longer: https://www.sqlite.org/c3ref/progress_handler.html."""
    if seconds is None:
        yield
        return
    driver: Any = connection.connection.driver_connection
    until = monotonic() + seconds
    driver.set_progress_handler(lambda: monotonic() > until, STEPS)
    try:
        yield
    finally:
        driver.set_progress_handler(None, 0)


def _make_for_its_owner(_dialect: Any, _record: Any, args: tuple[Any, ...], _more: dict[str, Any]) -> None:
    """Make the file of a database that is not there yet: its owner alone may read it.

    SQLite gives the files beside it the same mode: https://www.sqlite.org/wal.html#the_wal_file
    """
    path = str(args[0])
    if path not in {"", ":memory:"} and not path.startswith("file:"):
        # what cannot be made SQLite tells of
        with suppress(OSError):
            os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))


def _sqlite(connection: Any, _record: object) -> None:
    connection.isolation_level = None
    pragmas = ("journal_mode=WAL", "busy_timeout=30000", "synchronous=FULL", "foreign_keys=ON")
    # what is deleted is written over: https://www.sqlite.org/pragma.html#pragma_secure_delete
    for pragma in (*pragmas, "secure_delete=ON"):
        connection.execute(f"PRAGMA {pragma}")
    connection.create_function("casebridge_hash", 1, hashed, deterministic=True)
