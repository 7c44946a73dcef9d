"""Which hospitals treat whom has a table of its own; it is filled from the stays and teams that are there.

What a process of the release before stores meanwhile is recorded when its document is next stored; until
then a hospital that it brings in does not see the client, and one that it takes out still does. All documents
are read once, a page at a time; nobody waits for that but the migration.
"""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0014"
branch_labels = None
depends_on = None

PAGE = 500
FIRST, LAST = "0001-01-01", "9999-12-31"
Row = tuple[str, str, str, str]
DOCUMENTS = sa.text(
    "SELECT uuid, kind, source, client, body FROM document"
    " WHERE kind IN ('client', 'case') AND uuid > :after ORDER BY uuid LIMIT :page"
)
ORGANIZATION = sa.text(
    "SELECT uuid, source, body FROM document WHERE kind = 'organization'"
    " AND (source = :source AND source_id = :ref OR uuid = :ref) ORDER BY uuid = :ref LIMIT 1"
)
IDENTIFIERS = sa.text("SELECT system, value FROM identifier WHERE document = :of ORDER BY position")


def upgrade() -> None:
    treatment = op.create_table(
        "treatment",
        sa.Column("document", sa.String(36), primary_key=True),
        sa.Column("sent", sa.Boolean, primary_key=True),
        sa.Column("position", sa.Integer, primary_key=True),
        sa.Column("client", sa.String(36), nullable=False),
        sa.Column("system", sa.String(1000), nullable=False),
        sa.Column("value", sa.String(200), nullable=False),
        sa.Column("start", sa.String(10), nullable=False),
        sa.Column("end", sa.String(10), nullable=False),
    )
    connection = op.get_bind()
    if connection.dialect.name == "postgresql":
        op.execute("SET LOCAL statement_timeout = 0")
    after = ""
    while page := connection.execute(DOCUMENTS, {"after": after, "page": PAGE}).all():
        rows = [row for document in page for row in _rows(connection, document)]
        if rows:
            connection.execute(sa.insert(treatment), rows)
        after = page[-1].uuid
    op.create_index("ix_treatment_client", "treatment", ["client"])
    op.create_index("treatment_hospital", "treatment", ["value", "client", "end"])


def _rows(connection: sa.Connection, document: Any) -> Iterator[dict[str, Any]]:
    body = json.loads(bytes(document.body))
    kept = body.get("$service", {})
    client = document.uuid if document.kind == "client" else document.client
    for sent in (True, False):
        made = _of_senders(kept) if sent else _of_organizations(connection, document.source, body, kept)
        for position, (system, value, start, end) in enumerate(sorted(set(made))):
            yield {
                "document": document.uuid,
                "sent": sent,
                "position": position,
                "client": client,
                "system": system,
                "value": value,
                "start": start,
                "end": end,
            }


def _of_senders(kept: dict[str, Any]) -> Iterator[Row]:
    ends: dict[str, str] = {}
    for facts in kept.get("stays", {}).values():
        at, status = facts.get("status", (None, None))
        partner = facts.get("partner", ("", ""))[1]
        if not partner or status == "cancelled":
            continue
        end = LAST
        if status == "finished":
            said = facts.get("period.end", (None, None))[1]
            end = _last_day(said or (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=at[0])).isoformat())
        ends[partner] = max(end, ends.get(partner, FIRST))
    return (("", partner, FIRST, end) for partner, end in ends.items())


def _of_organizations(
    connection: sa.Connection, source: str, body: dict[str, Any], kept: dict[str, Any]
) -> Iterator[Row]:
    closed = _closing_day(body, kept) if body.get("status") in {"finished", "cancelled"} else None
    for stay in body.get("stays", []):
        if stay["status"] != "cancelled":
            end = stay.get("period", {}).get("end") or closed
            last = _last_day(end) if end and stay["status"] == "finished" else LAST
            yield from _by(connection, source, stay.get("hospital"), FIRST, last)
    for member in body.get("team", []):
        period = member.get("period", {})
        ends = [_last_day(end) for end in (period.get("end"), closed) if end]
        start = _day(period["start"], "-01-01") if "start" in period else FIRST
        yield from _by(connection, source, member.get("organization"), start, min(ends, default=LAST))


def _closing_day(body: dict[str, Any], kept: dict[str, Any]) -> str | None:
    history = kept.get("status_history", [])
    end = body.get("closure", {}).get("date") or body.get("period", {}).get("end")
    return end or (history[-1]["period"]["start"] if history else None)


def _by(connection: sa.Connection, source: str, ref: str | None, start: str, end: str) -> Iterator[Row]:
    seen: set[str] = set()
    while ref is not None:
        organization = connection.execute(ORGANIZATION, {"source": source, "ref": ref}).first()
        if organization is None or organization.uuid in seen:
            return
        seen.add(organization.uuid)
        for system, value in connection.execute(IDENTIFIERS, {"of": organization.uuid}):
            yield system, value, start, end
        source, ref = organization.source, json.loads(bytes(organization.body)).get("part_of")


def _last_day(date: str) -> str:
    return _day(date, "-12-31")


def _day(date: str, rest: str) -> str:
    said = date[:10]
    return said + rest[len(said) - 10 :] if len(said) < 10 else said
