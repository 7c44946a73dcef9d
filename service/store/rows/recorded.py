"""Rows of the audit: added within a transaction, or as one."""

from collections.abc import Sequence
from datetime import UTC
from hashlib import sha256
from secrets import token_hex
from typing import Any, Final

from sqlalchemy import insert, text

from service.store import tables as t
from service.store.sql.engine import Executor
from service.values.audit import AuditEntry, Disclosed
from service.wire.json import dump

ROW: Final = insert(t.audit).inline()
TEXT: Final = insert(t.audit_text).inline()
_COLUMNS: Final = (
    "recorded_on", "recorded", "partner", "address", "purposes", "interaction", "status", "correlation",
    "things", "text_digest",
)  # fmt: skip
_TYPES: Final = {"recorded_on": "date", "recorded": "timestamptz", "status": "integer"}
_NAMED: Final = ", ".join(_COLUMNS)
_GIVEN: Final = ", ".join(f"{name} {_TYPES.get(name, 'text')}" for name in (*_COLUMNS, "salt", "text"))
# with what was searched for, as one statement; the salt makes each digest another
ALL: Final = text(
    f"WITH given AS (SELECT * FROM json_to_recordset(CAST(:rows AS json)) AS g ({_GIVEN})),"  # noqa: S608 - ours
    f" entry AS (INSERT INTO audit ({_NAMED}) SELECT {_NAMED} FROM given"
    " RETURNING row, recorded_on, text_digest)"
    " INSERT INTO audit_text (row, recorded_on, salt, text) SELECT entry.row, entry.recorded_on, salt, text"
    " FROM entry JOIN given ON given.text_digest = entry.text_digest"
)
Row = dict[str, Any]


def row_of(entry: AuditEntry) -> Row:
    """Return the row of an entry, with what was searched for and its salt where something was."""
    recorded, searched = entry.recorded.astimezone(UTC), entry.disclosure.text
    row: Row = {
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
    if searched:
        salt = token_hex(16)
        row |= {"text_digest": digest_of_text(salt, searched), "salt": salt, "text": searched}
    return row


def add(connection: Executor, rows: Sequence[Row]) -> None:
    """Add rows, and what was searched for: in one statement but on SQLite."""
    if connection.dialect.name == "postgresql":
        plain = len(rows) == 1 and "text" not in rows[0]
        added = connection.execute(ROW, rows[0]) if plain else connection.execute(ALL, _all(rows))
        added.rowcount  # noqa: B018 - waits for it
        return
    for row in rows:
        number = connection.execute(ROW, {name: row[name] for name in _COLUMNS}).lastrowid
        if "text" in row:
            kept = {name: row[name] for name in ("recorded_on", "salt", "text")}
            connection.execute(TEXT, {"row": number, **kept})


def digest_of_text(salt: str, searched: str) -> str:
    """Return what a row keeps of a text; without the salt nobody can try texts out on it."""
    return sha256(f"{salt}{searched}".encode()).hexdigest()


def _all(rows: Sequence[Row]) -> Row:
    return {"rows": dump(list(rows)).decode()}


def _by_client(things: tuple[Disclosed, ...]) -> dict[str, list[str]]:
    by_client: dict[str, list[str]] = {}
    for client, reference in things:
        by_client.setdefault(client or "", []).append(reference)
    return by_client
