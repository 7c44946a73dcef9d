"""Notices: who commits messages tells who leads, who else would look again a tenth of a second later.

A notice is no more than a reason to look: whoever misses one finds the messages at its next look. It is given
after the commit, by a thread beside, for one given within it would have all commits wait for each other.

https://www.postgresql.org/docs/current/sql-notify.html
"""

import threading
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Final

import structlog
from sqlalchemy import Engine, text
from sqlalchemy.exc import SQLAlchemyError

from service.errors import CasebridgeError
from service.store.sql.engine import connect, single
from service.supervision import supervise

CHANNEL: Final = "casebridge_outbox"
PAUSE: Final = 0.005
"""A process gives no more than one notice in so many seconds."""
LOOK_SECONDS: Final = 1.0
POOLED_SECONDS: Final = 600.0
# what a notice is about is on the disk; it need not be
_NOTIFY: Final = text(f"SELECT set_config('synchronous_commit', 'off', true), pg_notify('{CHANNEL}', '')")

log = structlog.get_logger()


class Notices:
    """Tells others of a database that messages were committed."""

    def __init__(self, engine: Engine) -> None:
        """Take the engine; it may have a pooler between."""
        self._engine = engine
        self._due = threading.Event()
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None

    def give(self) -> None:
        """Give a notice soon; nobody waits for it."""
        self._due.set()
        if self._thread is None:
            with self._lock:
                if self._thread is None:
                    self._thread = threading.Thread(target=self._run, name="notices", daemon=True)
                    self._thread.start()

    def _run(self) -> None:
        while self._due.wait():
            self._due.clear()
            with suppress(CasebridgeError, SQLAlchemyError), single(self._engine) as connection:
                connection.execute(_NOTIFY).all()
            time.sleep(PAUSE)


def listen(url: str, notice: Callable[[], None], stop: threading.Event) -> None:
    """Call `notice` for what others give, on a connection of its own, until told to stop.

    Through a pooler of transactions there is nothing to hear: then nobody listens, and that is logged.
    """
    engine = connect(url)
    supervise("listening", lambda: _listen(engine, notice, stop), stop)
    engine.dispose()


def _listen(engine: Engine, notice: Callable[[], None], stop: threading.Event) -> float:
    pooled = engine.raw_connection()
    try:
        driver = pooled.driver_connection
        assert driver is not None
        if driver.is_pooled:
            log.warning("notices_not_heard_through_pooler", setting="CASEBRIDGE_LISTEN_URL")
            return POOLED_SECONDS
        driver.autocommit = True
        driver.execute(f"LISTEN {CHANNEL}")
        # what was committed before
        notice()
        while not stop.is_set():
            for _ in driver.notifies(timeout=LOOK_SECONDS, stop_after=1):
                notice()
        return 0
    finally:
        pooled.invalidate()
