"""A request is recorded: one row, committed when this returns, with those of others that come with it."""

from collections.abc import Sequence

import structlog
from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from service.errors import CasebridgeError, Unavailable
from service.store.rows.recorded import Row, add, row_of
from service.store.sql.engine import single, writing
from service.store.sql.failures import Busy
from service.store.sql.together import Together
from service.values.audit import AuditEntry

log = structlog.get_logger()


class SqlRecording:
    """Adds to the audit; requests that are answered at the same time share a commit."""

    def __init__(self, engine: Engine) -> None:
        """Take the engine of the primary: a record on a replica is none."""
        self._engine = engine
        self._together: Together[Row] = Together(self._add_each)

    def record(self, entry: AuditEntry) -> None:
        """Record a request, and commit it.

        Raises:
            Unavailable: it cannot be recorded, for whatever reason.
        """
        try:
            self._together.do(row_of(entry))
        except (CasebridgeError, SQLAlchemyError) as exc:
            log.warning("audit_not_recorded", kind=type(exc.__cause__ or exc).__name__)
            what = "What is disclosed cannot be recorded, so there is no answer; try again later."
            raise Unavailable(what) from exc

    def _add_each(self, rows: Sequence[Row]) -> list[Exception | None]:
        """Add rows as one transaction; where one of several is not to be had, each by itself."""
        try:
            self._add_patiently(rows)
        except Unavailable as exc:
            return [exc] * len(rows)
        except (CasebridgeError, SQLAlchemyError) as exc:
            if len(rows) == 1:
                return [exc]
            return [error for row in rows for error in self._add_each([row])]
        return [None] * len(rows)

    def _add_patiently(self, rows: Sequence[Row]) -> None:
        try:
            self._add(rows)
        except Busy:
            self._add(rows)

    def _add(self, rows: Sequence[Row]) -> None:
        is_one = self._engine.dialect.name == "postgresql"
        with single(self._engine) if is_one else writing(self._engine) as connection:
            add(connection, rows)
