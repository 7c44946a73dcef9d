"""A request is recorded: one row, committed when this returns."""

from datetime import UTC
from hashlib import sha256
from secrets import token_hex
from typing import Any, Final

import structlog
from sqlalchemy import Engine, insert, text
from sqlalchemy.exc import SQLAlchemyError

from service.errors import CasebridgeError, Unavailable
from service.store import tables as t
from service.store.sql.engine import single, writing
from service.store.sql.failures import Busy
from service.values.audit import AuditEntry, Disclosed
from service.wire.json import dump

log = structlog.get_logger()

ROW: Final = insert(t.audit).inline()
TEXT: Final = insert(t.audit_text).inline()
_COLUMNS: Final = (
    "recorded_on", "recorded", "partner", "address", "purposes", "interaction", "status", "correlation",
    "things", "text_digest",
)  # fmt: skip
# with what was searched for, as one statement
BOTH: Final = text(
    f"WITH entry AS (INSERT INTO audit ({', '.join(_COLUMNS)})"  # noqa: S608 - names of ours
    f" VALUES ({', '.join(f':{column}' for column in _COLUMNS)}) RETURNING row, recorded_on)"
    " INSERT INTO audit_text (row, recorded_on, salt, text) SELECT row, recorded_on, :salt, :text FROM entry"
)


class SqlRecording:
    """Adds to the audit."""

    def __init__(self, engine: Engine) -> None:
        """Take the engine of the primary: a record on a replica is none."""
        self._engine = engine

    def record(self, entry: AuditEntry) -> None:
        """Record a request, and commit it.

        Raises:
            Unavailable: it cannot be recorded, for whatever reason.
        """
        try:
            self._add_patiently(entry)
        except (CasebridgeError, SQLAlchemyError) as exc:
            log.warning("audit_not_recorded", kind=type(exc.__cause__ or exc).__name__)
            what = "What is disclosed cannot be recorded, so there is no answer; try again later."
            raise Unavailable(what) from exc

    def _add_patiently(self, entry: AuditEntry) -> None:
        try:
            self._add(entry)
        except Busy:
            self._add(entry)

    def _add(self, entry: AuditEntry) -> None:
        row, searched = _row(entry), entry.disclosure.text
        if not searched:
            with single(self._engine) as connection:
                connection.execute(ROW, row).rowcount  # noqa: B018 - waits for it
            return
        salt = token_hex(16)
        row["text_digest"] = digest_of_text(salt, searched)
        kept = {"salt": salt, "text": searched}
        if self._engine.dialect.name == "postgresql":
            with single(self._engine) as connection:
                connection.execute(BOTH, row | kept).rowcount  # noqa: B018 - as above
            return
        with writing(self._engine) as connection:
            number = connection.execute(ROW, row).lastrowid
            connection.execute(TEXT, {"row": number, "recorded_on": row["recorded_on"], **kept})


def digest_of_text(salt: str, searched: str) -> str:
    """Return what a row keeps of a text; without the salt nobody can try texts out on it."""
    return sha256(f"{salt}{searched}".encode()).hexdigest()


def _row(entry: AuditEntry) -> dict[str, Any]:
    recorded = entry.recorded.astimezone(UTC)
    return {
        "recorded_on": recorded.date(),
        "recorded": recorded,
        "partner": entry.partner,
        "address": entry.address,
        "purposes": " ".join(entry.purposes),
        "interaction": entry.disclosure.interaction,
        "status": entry.status,
        "correlation": entry.correlation,
        "things": dump(_by_client(entry.disclosure.things)).decode(),
        "text_digest": None,
    }


def _by_client(things: tuple[Disclosed, ...]) -> dict[str, list[str]]:
    by_client: dict[str, list[str]] = {}
    for client, reference in things:
        by_client.setdefault(client or "", []).append(reference)
    return by_client
