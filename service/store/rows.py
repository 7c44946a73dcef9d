"""Between rows and the frozen types the rooms hand each other."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, Final

from sqlalchemy import Row, Table
from sqlalchemy.dialects import postgresql, sqlite

from service.store import tables as t
from service.store.sql.engine import Executor
from service.values.documents import Document, Revision
from service.values.resources import ResourceVersion, StoredResource
from service.values.service_part import parts_of
from service.wire.json import reread

RESOURCE: Final = (
    "view", "type", "id", "version", "owner", "client", "body", "digest", "last_updated", "mapping_version",
    "labels",
)  # fmt: skip


def aware(at: datetime) -> datetime:
    """SQLite forgets the zone; everything stored is UTC."""
    return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)


def document_of(row: Row[Any]) -> Document:
    """Return a `document` row as a Document."""
    own, service = parts_of(reread(row.body))
    return Document(
        row.uuid,
        row.kind,
        row.source,
        row.source_id,
        row.revision,
        own,
        row.client,
        aware(row.created),
        aware(row.updated),
        row.projected,
        service,
    )


def revision_of(row: Row[Any]) -> Revision:
    """Return a `revision` row as a Revision."""
    own, service = parts_of(reread(row.body))
    return Revision(row.revision, row.cause, row.partner, aware(row.recorded), own, service)


def stored_of(row: Any) -> StoredResource:
    """Return a `resource` or `resource_history` row as it is served."""
    return StoredResource(row.type, row.id, row.version, aware(row.last_updated), bytes(row.body), row.client)


def search_rows(versions: Sequence[ResourceVersion]) -> list[tuple[Table, list[dict[str, Any]]]]:
    """Return the rows of each search table, of the versions that have others than the one before."""
    rows: dict[str, list[dict[str, Any]]] = {"token": [], "reference": [], "dates": [], "strings": []}
    for version in versions:
        if version.rows is None:
            continue
        base = {"view": version.view, "type": version.type, "id": version.id, "client": version.client}
        rows["token"] += [{**base, "parameter": p, "system": s, "code": c} for p, s, c in version.rows.tokens]
        rows["reference"] += [
            {**base, "parameter": p, "target_type": y, "target_id": i} for p, y, i in version.rows.references
        ]
        rows["dates"] += [{**base, "parameter": p, "low": lo, "high": hi} for p, lo, hi in version.rows.dates]
        rows["strings"] += [{**base, "parameter": p, "value": v[:400]} for p, v in version.rows.strings]
    return [
        (t.token, rows["token"]),
        (t.reference, rows["reference"]),
        (t.dates, rows["dates"]),
        (t.strings, rows["strings"]),
    ]


def upsert(connection: Executor, table: Table) -> Any:
    """Return an insert that can say what happens to a row that is there."""
    return {"postgresql": postgresql, "sqlite": sqlite}[connection.dialect.name].insert(table)
