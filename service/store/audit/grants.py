"""What the role that the service runs under is granted by the one that owns the tables.

It reads and writes all, but for the audit: into that it may only add, and delete what was searched for, which
an erasure forgets. https://www.postgresql.org/docs/current/ddl-priv.html
"""

from collections.abc import Callable, Iterator
from typing import Final

from sqlalchemy import Connection, Engine, text

from service.errors import Misconfigured
from service.store import tables as t
from service.store.audit import partitions
from service.store.sql.failures import translate_failures

SETTING: Final = "CASEBRIDGE_DATABASE_ROLE"
EVERYTHING: Final = "SELECT, INSERT, UPDATE, DELETE"
NARROWER: Final = {
    "audit": "SELECT, INSERT",
    "audit_patient": "SELECT, INSERT",
    "audit_seal": "SELECT, INSERT",
    "audit_text": "SELECT, INSERT, DELETE",
    "alembic_version": "SELECT",
}
_OWN: Final = text("SELECT pg_has_role(rolname, current_user, 'MEMBER') FROM pg_roles WHERE rolname = :role")
_PARTITIONS: Final = text(
    "SELECT CAST(inhrelid AS regclass) FROM pg_inherits WHERE inhparent = CAST(:name AS regclass)"
)


def grant(engine: Engine, role: str) -> None:
    """Grant a role what the service needs, and take from it what it had beyond that.

    On SQLite there are no roles, and nothing is done.

    Raises:
        Misconfigured: there is no such role, or it is the owner's own, which may do everything anyway.
    """
    if engine.dialect.name != "postgresql":
        return
    with translate_failures(), engine.begin() as connection:
        is_own = connection.execute(_OWN, {"role": role}).scalar()
        if is_own is None:
            raise Misconfigured("The database has no such role; create it first.", where=SETTING)
        if is_own:
            what = "It has what the owner of the tables has; name one of the service's own."
            raise Misconfigured(what, where=SETTING)
        for statement in _statements(connection, engine.dialect.identifier_preparer.quote_identifier, role):
            connection.execute(text(statement))


def _statements(connection: Connection, quote: Callable[[str], str], role: str) -> Iterator[str]:
    whom, schema = quote(role), quote(connection.execute(text("SELECT current_schema()")).scalar_one())
    yield f"GRANT USAGE ON SCHEMA {schema} TO {whom}"
    yield f"GRANT USAGE ON ALL SEQUENCES IN SCHEMA {schema} TO {whom}"
    for name in (*t.metadata.tables, "alembic_version"):
        yield f"REVOKE ALL ON {name} FROM {whom}"
        yield f"GRANT {NARROWER.get(name, EVERYTHING)} ON {name} TO {whom}"
    # the audit's partitions are written and read by way of the whole
    for table in partitions.PARTITIONED:
        for name in connection.execute(_PARTITIONS, {"name": table}).scalars().all():
            yield f"REVOKE ALL ON {name} FROM {whom}"
