"""Statements to PostgreSQL as one stream: an answer is waited for where somebody looks into it.

SQLAlchemy builds the statements; what it and the driver do around each one would cost more than most of them.

https://www.postgresql.org/docs/current/libpq-pipeline-mode.html
"""

from collections import deque, namedtuple
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from functools import lru_cache
from typing import Any, Final, cast
from uuid import uuid4

from psycopg import Error, InternalError, OperationalError
from psycopg.abc import PQGen
from psycopg.adapt import Transformer
from psycopg.errors import FeatureNotSupported, InvalidSqlStatementName, error_from_result
from psycopg.pq import ExecStatus, Format, TransactionStatus
from psycopg.pq.abc import PGresult
from psycopg.waiting import Ready, Wait
from sqlalchemy import Engine, Executable
from sqlalchemy.exc import DBAPIError

from service.store.sql.bounds import OF_STATEMENT, OF_TRANSACTION
from service.store.sql.pool import PREPARED, StreamPool
from service.store.sql.silence import Heard
from service.store.sql.texts import AT_ONCE, DIALECT, Columns, at_once, statement_for

Named = Mapping[str, Any]
MOST: Final = 500
"""How many statements are prepared on a connection: each takes memory of the server as long as that lives."""


class Rows:
    """The answer to a statement; who looks into it waits until it is there."""

    def __init__(self, stream: "Stream") -> None:
        self._stream = stream
        self._result: PGresult | None = None
        self._count = 0

    def take(self, result: PGresult) -> None:
        """Take the server's answer: each one, where the statement was sent for several rows."""
        self._result = result
        self._count += result.command_tuples or 0

    @property
    def rowcount(self) -> int:
        """How many rows were changed."""
        self._there()
        return self._count

    @property
    def status(self) -> bytes | None:
        """What was done, in the server's word."""
        return self._there().command_status

    def all(self) -> list[Any]:
        """Return the rows, as named tuples."""
        return self._stream.rows_of(self._there())

    def __iter__(self) -> Iterator[Any]:
        return iter(self.all())

    def first(self) -> Any:
        """Return the first row, or None."""
        return next(iter(self.all()), None)

    def one(self) -> Any:
        """Return the only row."""
        (row,) = self.all()
        return row

    def scalars(self) -> list[Any]:
        """Return the first column."""
        return [row[0] for row in self.all()]

    def scalar(self) -> Any:
        """Return the first column of the first row, or None."""
        return next(iter(self.scalars()), None)

    def scalar_one(self) -> Any:
        """Return the first column of the only row."""
        return self.one()[0]

    def _there(self) -> PGresult:
        if self._result is None:
            self._stream.wait()
        if self._result is None:
            raise InternalError("It was not executed, for a statement before it had failed.")
        return self._result


class Stream:
    """Statements on a connection in pipeline mode; each wait ends a transaction that was not begun."""

    dialect = DIALECT

    def __init__(self, driver: Heard, prepared: dict[bytes, bytes]) -> None:
        """Take the connection, and by which names texts are prepared on it."""
        self._driver = driver
        self._server = driver.pgconn
        self._dumper: Any = Transformer(driver)
        self._loader: Any = Transformer(driver)
        self._prepared = prepared
        self._preparing: dict[bytes, bytes] = {}
        self._sent: deque[Callable[[PGresult], None]] = deque()

    def execute(self, statement: Executable, parameters: Named | Sequence[Named] = ()) -> Rows:
        """Send a statement, once for each row of parameters; what it breaks is raised where is waited."""
        if not self._sent and self._server.transaction_status == TransactionStatus.IDLE:
            self._bound(OF_STATEMENT)
        rows = [parameters] if isinstance(parameters, Mapping) else parameters or [{}]
        if len(rows) > 1 and statement.get_execution_options().get(AT_ONCE):
            return self._insert(at_once(statement, tuple(rows[0])), rows)
        made, is_known = statement_for(statement, tuple(rows[0]))
        name = self._name(made.text) if is_known and made.is_kept else None
        if made.setting is not None:
            self._send(made.setting, self._name(made.setting), (), (), _nothing)
        answer, dumper = Rows(self), self._dumper
        for row in rows:
            values = dumper.dump_sequence(made.values(row), made.formats)
            self._send(made.text, name, values, dumper.formats, answer.take)
        return answer

    def _insert(self, made: Columns, rows: Sequence[Named]) -> Rows:
        answer, binary = Rows(self), [Format.BINARY] * len(made.columns)
        self._send(made.text, self._name(made.text), made.values(rows), binary, answer.take)
        return answer

    def begin(self) -> None:
        """Begin a transaction with what is sent next."""
        self._command(b"BEGIN")
        self._bound(OF_TRANSACTION)

    def commit(self) -> None:
        """Commit, and wait for it."""
        if self._command(b"COMMIT").status != b"COMMIT":
            raise InternalError("It was rolled back, for a statement of it had failed.")

    def roll_back(self) -> None:
        """Roll back, and wait for it; what was sent before may fail, it is of no interest any more."""
        for _ in range(2):
            # the first one is passed over where a statement before it fails
            if self._server.transaction_status != TransactionStatus.IDLE:
                self._command(b"ROLLBACK")
                with suppress(Error):
                    self.wait()

    def wait(self) -> None:
        """Wait for the answers to all that was sent; raise the first error among them."""
        self._server.pipeline_sync()
        self._driver.wait(self._answers())

    def rows_of(self, result: PGresult) -> list[Any]:
        """Return the rows of an answer."""
        self._loader.set_pgresult(result, format=Format.BINARY)
        names = tuple(result.fname(column) for column in range(result.nfields))
        return list(self._loader.load_rows(0, result.ntuples, _row(names)))

    def _bound(self, text: bytes) -> None:
        """Have the server bound what is sent until it is waited for, or the transaction that was begun."""
        if self._driver.is_bounded_each_time:
            self._send(text, self._name(text), (), (), _nothing)

    def _name(self, text: bytes) -> bytes | None:
        """Return the name by which a statement is prepared, or will be before it is executed.

        None through a pooler: what comes next may be executed on another session.
        """
        if self._driver.is_pooled:
            return None
        name = self._prepared.get(text) or self._preparing.get(text)
        if name is None:
            # no two are alike, whoever else prepares on the same session
            name = self._preparing[text] = b"casebridge_%s" % uuid4().hex.encode()
            self._server.send_prepare(name, text)
            self._sent.append(lambda _result: self._prepared.update({text: name}))
        return name

    def _send(
        self,
        text: bytes,
        name: bytes | None,
        values: Sequence[Any],
        formats: Sequence[int],
        take: Callable[[PGresult], None],
    ) -> None:
        """Send a statement, by its name if it is prepared, and its answer to who takes it."""
        if name is None:
            self._server.send_query_params(text, values, None, formats, Format.BINARY)
        else:
            self._server.send_query_prepared(name, values, formats, Format.BINARY)
        self._sent.append(take)

    def _command(self, text: bytes) -> Rows:
        answer = Rows(self)
        self._server.send_query_params(text, None)
        self._sent.append(answer.take)
        return answer

    def _answers(self) -> PQGen[None]:
        """Have each answer taken, up to that to the synchronisation itself.

        psycopg's own generators let other threads go first three times an answer, and as often at its end.
        """
        server, failed = self._server, None
        while server.flush():
            if (yield Wait.RW) & Ready.R:
                server.consume_input()
        while (result := (yield from self._result())).status != ExecStatus.PIPELINE_SYNC:
            # each answer is one result, and the end of it
            server.get_result()
            take = self._sent.popleft()
            if result.status == ExecStatus.FATAL_ERROR:
                failed = failed or error_from_result(result)
            elif result.status != ExecStatus.PIPELINE_ABORTED:
                take(result)
        if failed is not None:
            if isinstance(failed, InvalidSqlStatementName | FeatureNotSupported):
                # somebody has dropped what was prepared, or a migration has changed what it returns
                self._prepared.clear()
            raise failed

    def _result(self) -> PQGen[PGresult]:
        while self._server.is_busy():
            yield Wait.R
            self._server.consume_input()
        result = self._server.get_result()
        if result is None:
            raise OperationalError("The server has sent less than was asked for.")
        return result


@contextmanager
def streaming(engine: Engine, seconds: float | None = None) -> Iterator[Stream]:
    """Open a stream on a pooled connection; what takes over so many seconds is given up.

    Raises SQLAlchemy's errors.
    """
    try:
        pool = cast(StreamPool, engine.pool)
        entry = pool.lend()
        driver: Any = entry.driver_connection
        prepared: dict[bytes, bytes] = entry.info.setdefault(PREPARED, {})
        try:
            driver.patience = seconds
            driver.pgconn.enter_pipeline_mode()
            yield Stream(driver, prepared)
        finally:
            is_idle = driver.pgconn.transaction_status == TransactionStatus.IDLE
            try:
                if is_idle and len(prepared) < MOST and engine.pool is pool:
                    driver.pgconn.exit_pipeline_mode()
                else:
                    # it is full, or lost, or has something under way that nobody awaits, or its pool is gone
                    entry.invalidate()
            finally:
                pool.take_back(entry)
    except Error as exc:
        raise DBAPIError.instance(None, None, exc, Error, hide_parameters=True) from exc


@contextmanager
def transaction(stream: Stream) -> Iterator[None]:
    """Make a transaction of what is sent in a block: it is committed after it, rolled back when it raises."""
    stream.begin()
    try:
        yield
        stream.commit()
    except Exception:
        stream.roll_back()
        raise


def _nothing(_result: PGresult) -> None:
    """Take what nobody asks for."""


@lru_cache(maxsize=500)
def _row(names: tuple[bytes, ...]) -> Callable[[Iterable[Any]], Any]:
    """Return what makes a row of its values."""
    named: Any = namedtuple  # noqa: PYI024 - which names there are is known only here
    return cast(Callable[[Iterable[Any]], Any], named("Row", map(bytes.decode, names), rename=True)._make)
