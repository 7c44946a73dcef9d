"""Whether the role that the service runs under could change the audit.

https://www.postgresql.org/docs/current/functions-info.html#FUNCTIONS-INFO-ACCESS
"""

from typing import Final

from sqlalchemy import Engine, text

from service.store.sql.engine import reading

ADDED_TO: Final = ("audit", "audit_seal")
_MAY_CHANGE: Final = text("SELECT has_table_privilege(:name, 'UPDATE, DELETE, TRUNCATE')")


def warnings(engine: Engine) -> list[str]:
    """Return what to warn of; an SQLite file has no roles. Raises what `failures.translated` tells."""
    if engine.dialect.name != "postgresql":
        return []
    with reading(engine) as connection:
        open_to = [name for name in ADDED_TO if connection.execute(_MAY_CHANGE, {"name": name}).scalar_one()]
    if not open_to:
        return []
    tables = " and ".join(open_to)
    return [f"This role may change {tables}: run the service under one that may only read and add to them."]
