"""Between rows and the frozen types the rooms hand each other."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, Final

from sqlalchemy import Row, Table
from sqlalchemy.dialects import postgresql, sqlite

from service.store import tables as t
from service.store.sql.engine import Executor
from service.store.sql.terms import hashed, written
from service.values.kept.documents import Document, Revision
from service.values.kept.resources import ResourceVersion, StoredResource
from service.values.kept.service_part import parts_of
from service.wire.fhir.search.parameters import edition
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


def searched(version: int) -> str:
    """Return what says that a version can be searched by the parameters of today."""
    return f"{edition()}:{version}"


def search_columns(version: ResourceVersion) -> dict[str, Any]:
    """Return what a resource's row says of how it is found."""
    begin = f"{version.view} {version.type}."
    terms = {hashed(begin + term) for term in version.rows.terms}
    return {
        "terms": written(sorted(terms)),
        "present": version.rows.present,
        "searched": searched(version.version),
    }


def found_by(view: str, type_: str, id_: str) -> int:
    """Return what names a resource in the search tables."""
    return hashed(f"{view} {type_}/{id_}")


def search_rows(versions: Sequence[ResourceVersion]) -> list[tuple[Table, list[dict[str, Any]]]]:
    """Return the rows of each search table, of the versions that have others than the one before."""
    ranges: dict[tuple[int, int, float, float], dict[str, Any]] = {}
    texts: dict[tuple[int, int, str], dict[str, Any]] = {}
    for version in versions:
        if version.is_found_alike:
            continue
        begin = f"{version.view} {version.type}."
        resource = found_by(version.view, version.type, version.id)
        for path, low, high in version.rows.ranges:
            key = hashed(begin + path)
            row = {"resource": resource, "key": key, "low": low, "high": high, "id": version.id}
            ranges[resource, key, low, high] = row
        for path, value in version.rows.texts:
            key, text = hashed(begin + path), value[: t.TEXT]
            texts[resource, key, text] = {"resource": resource, "key": key, "value": text, "id": version.id}
    return [(t.ranges, list(ranges.values())), (t.texts, list(texts.values()))]


def upsert(connection: Executor, table: Table) -> Any:
    """Return an insert that can say what happens to a row that is there."""
    return {"postgresql": postgresql, "sqlite": sqlite}[connection.dialect.name].insert(table)
