"""Whether the role that the service runs under could change the audit.

https://www.postgresql.org/docs/current/functions-info.html#FUNCTIONS-INFO-ACCESS
"""

from typing import Final

from sqlalchemy import Engine, text

from service.store.audit import partitions
from service.store.sql.engine import reading

ADDED_TO: Final = ("audit", "audit_seal")
# each with its partitions, which may be granted by themselves
_MAY_CHANGE: Final = text(
    "SELECT CAST(CAST(c.oid AS regclass) AS text) FROM pg_class c"
    " WHERE (c.oid = CAST(:name AS regclass) OR c.oid IN"
    " (SELECT inhrelid FROM pg_inherits WHERE inhparent = CAST(:name AS regclass)))"
    " AND has_table_privilege(c.oid, 'UPDATE, DELETE, TRUNCATE') ORDER BY c.relname"
)


def warnings(engine: Engine) -> list[str]:
    """Return what to warn of; an SQLite file has no roles. Raises what `failures.translated` tells."""
    if engine.dialect.name != "postgresql":
        return []
    with reading(engine) as connection:
        open_to = [
            str(name)
            for table in ADDED_TO
            for name in connection.execute(_MAY_CHANGE, {"name": table}).scalars()
        ]
    found = []
    if open_to:
        tables = ", ".join(open_to)
        found.append(f"This role may change {tables}: run the service under one that may only add to them.")
    if not partitions.may_change(engine):
        found.append(
            "This role makes no partitions of the audit and lets nothing go: have its owner run "
            "`casebridge audit prune` once a month."
        )
    return found
