"""Makes searchable what other releases stored: by the parameters of today, in batches, resumable.

A resource says by which parameters and at which version it can be searched; what a process of the release
before writes meanwhile says nothing of the kind, and is found again.
"""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any, Final

from sqlalchemy import Engine, bindparam, delete, insert, select, tuple_

from service.store import tables as t
from service.store.rows import statements as q
from service.store.rows.typed import found_by, search_columns, search_rows, searched
from service.store.sql import replica
from service.store.sql.engine import Executor, writing
from service.values.kept.resources import ResourceVersion, SearchRows
from service.wire.fhir.search.parameters import edition
from service.wire.json import parse

BATCH: Final = 500
RowsOf = Callable[[dict[str, Any]], SearchRows]
_KEY: Final = (t.resource.c.view, t.resource.c.type, t.resource.c.id)
# who writes one now makes it searchable, or is of the release before: it is come back to
_NEXT: Final = (
    select(t.resource)
    .where(tuple_(*_KEY) > tuple_(bindparam("view"), bindparam("type"), bindparam("id")))
    .order_by(*_KEY)
    .limit(BATCH)
    .with_for_update(skip_locked=True)
)


def is_done(engine: Engine) -> bool:
    """Return whether all was made searchable once by the parameters of today."""
    with engine.connect() as connection:
        return (
            connection.execute(select(t.searched.c.at).where(t.searched.c.name == edition())).first()
            is not None
        )


def index(engine: Engine, rows_of: RowsOf) -> Iterator[int]:
    """Make all searchable that is not, giving after each batch how many of it were not."""
    after = {"view": "", "type": "", "id": ""}
    while True:
        with writing(engine) as connection:
            batch = connection.execute(_NEXT, after).all()
            stale = [row for row in batch if row.searched != searched(row.version)]
            _write(connection, [_version(row, rows_of) for row in stale])
            replica.count(connection)
        if not batch:
            break
        after = {name: getattr(batch[-1], name) for name in after}
        yield len(stale)
    with writing(engine) as connection:
        connection.execute(delete(t.searched))
        connection.execute(insert(t.searched), {"name": edition(), "at": datetime.now(UTC)})


def _version(row: Any, rows_of: RowsOf) -> ResourceVersion:
    return ResourceVersion(
        row.view,
        row.type,
        row.id,
        row.version,
        row.owner,
        row.client,
        bytes(row.body),
        row.digest,
        row.last_updated,
        row.mapping_version,
        rows_of(parse(bytes(row.body))),
    )


def _write(connection: Executor, versions: list[ResourceVersion]) -> None:
    if not versions:
        return
    resources = [found_by(version.view, version.type, version.id) for version in versions]
    named = [
        {
            "of_view": version.view,
            "of_type": version.type,
            "of_id": version.id,
            **search_columns(version),
        }
        for version in versions
    ]
    connection.execute(q.REPLACE, named)
    for table, rows in search_rows(versions):
        connection.execute(q.FORGET[table], {"resources": resources})
        if rows:
            connection.execute(q.INSERT[table], rows)
