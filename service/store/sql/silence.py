"""PostgreSQL that says nothing: waiting for it ends, and until it speaks again nobody else begins to wait.

TCP cannot tell: the system of a server that is stopped, or whose disk is, goes on acknowledging what is sent.
"""

import threading
from collections.abc import Generator
from time import monotonic
from typing import Any, Final, TypeVar

import psycopg
from psycopg.errors import ConnectionTimeout

from service.store.sql.bounds import OF_SESSION

T = TypeVar("T")
Waits = Generator[Any, Any, T]
"""psycopg's: it gives what is waited for, is sent what has come, nothing every tenth of a second."""

SILENCE: Final = 4.0
"""So many seconds without a word, and a server is asked whether it is there."""
ANSWER: Final = 3
"""So many seconds it has to answer that."""
PAUSE: Final = 1.0
"""A silent server is asked again after so many seconds, by one at a time."""


class Heard(psycopg.Connection[Any]):
    """A connection that waits for no statement longer than its server is there."""

    server: "Server"
    limit: float | None
    patience: float | None = None
    """After how many seconds the server is told to give up what it works on."""
    made: float
    is_pooled: bool
    """Whether a pooler lends it sessions of the server: what is prepared in one is not in the next."""

    @property
    def is_bounded_each_time(self) -> bool:
        """Whether the server is told with each transaction to give up what takes it too long."""
        return self.is_pooled and self.limit is not None

    def wait(self, gen: Waits[T], interval: float = 0.1, timeout: float | None = None) -> T:
        """As psycopg's own, which all waiting goes through; raises OperationalError when it is in vain."""
        return super().wait(self._hear(gen), interval, timeout)

    def _hear(self, gen: Waits[T]) -> Waits[T]:
        try:
            wanted = next(gen)
            began = heard = monotonic()
            told = False
            while True:
                ready = yield wanted
                if not (ready or told) and self.patience is not None and monotonic() - began > self.patience:
                    told = True
                    self.cancel_safe(timeout=ANSWER)
                if not ready and monotonic() - heard > SILENCE:
                    self._ask(began)
                    heard = monotonic()
                wanted = gen.send(ready)
        except StopIteration as end:
            return end.value  # type: ignore[no-any-return]

    def _ask(self, began: float) -> None:
        if self.limit is not None and monotonic() - began > self.limit:
            self.close()
            raise psycopg.OperationalError("A statement is long over the time that the server gives it.")
        if not self.server.answers():
            # what is closed is no longer waited for, be it to roll back
            self.close()
            raise psycopg.OperationalError("The server says nothing.")


class Server:
    """A server, and whether it was silent when last asked."""

    def __init__(self, limit: float | None) -> None:
        """Take after how many seconds a statement is given up even while the server answers others."""
        self._limit = limit
        self._lock = threading.Lock()
        self._silent = False
        self._silent_at = self._ask_at = float("-inf")
        self._asked: dict[str, Any] = {}

    def connect(self, _dialect: Any, _record: Any, args: tuple[Any, ...], more: dict[str, Any]) -> Heard:
        """Connect, for SQLAlchemy's `do_connect`.

        Raises:
            OperationalError: it does not answer; at once, where that is known and another is asking.
        """
        with self._lock:
            if self._silent and monotonic() < self._ask_at:
                raise psycopg.OperationalError("The server says nothing.")
            self._ask_at = monotonic() + int(more["connect_timeout"]) + PAUSE
        made = monotonic()
        try:
            connection = Heard.connect(*args, **more)
        except psycopg.Error as exc:
            self._note(silent=isinstance(exc, ConnectionTimeout))
            raise
        connection.server, connection.limit, connection.made = self, self._limit, made
        self._asked = more
        self._note(silent=False)
        _meet(connection)
        return connection

    def answers(self) -> bool:
        """Ask it for the least on a connection of its own; tell whether it answers in time."""
        try:
            with _Asking.connect(**{**self._asked, "connect_timeout": ANSWER}, autocommit=True) as asking:
                asking.execute("SELECT 1")
        except (ConnectionTimeout, _SilentError):
            self._note(silent=True)
            return False
        except psycopg.Error:
            # it answered, if only that it takes no more connections
            return True
        return True

    def is_trusted(self, connection: Heard) -> bool:
        """Tell whether it was not silent since a connection to it was made, which may be dead otherwise."""
        return connection.made > self._silent_at

    def _note(self, *, silent: bool) -> None:
        with self._lock:
            self._silent = silent
            if silent:
                self._silent_at, self._ask_at = monotonic(), monotonic() + PAUSE


def _meet(connection: Heard) -> None:
    """Find out whether who works for us is another than who let us in, as through any pooler.

    If not, the session is ours, and is told what bounds all that comes.
    """
    try:
        connection.autocommit = True
        worker = connection.execute("SELECT pg_backend_pid()").fetchone()
        connection.is_pooled = worker != (connection.info.backend_pid,)
        if connection.is_pooled:
            connection.prepare_threshold = None
        elif connection.limit is not None:
            connection.execute(OF_SESSION)
        connection.autocommit = False
    except psycopg.Error:
        connection.close()
        raise


class _SilentError(psycopg.OperationalError):
    pass


class _Asking(psycopg.Connection[Any]):
    """A connection whose statements have so long as `ANSWER` says."""

    def wait(self, gen: Waits[T], interval: float = 0.1, timeout: float | None = None) -> T:
        return super().wait(_until_deadline(gen, monotonic() + ANSWER), interval, timeout)


def _until_deadline(gen: Waits[T], until: float) -> Waits[T]:
    try:
        wanted = next(gen)
        while True:
            ready = yield wanted
            if not ready and monotonic() > until:
                raise _SilentError
            wanted = gen.send(ready)
    except StopIteration as end:
        return end.value  # type: ignore[no-any-return]
