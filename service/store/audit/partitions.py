"""The partitions of the audit on PostgreSQL: a month each, made ahead, dropped whole.

What no partition is for goes into the default one, so that nothing waits for a month to be made.

https://www.postgresql.org/docs/current/ddl-partitioning.html
"""

import re
from datetime import date
from itertools import pairwise
from typing import Any, Final

from sqlalchemy import Connection, Engine, text

from service.store.sql.engine import reading
from service.store.sql.failures import translate_failures

PARTITIONED: Final = ("audit", "audit_text", "audit_patient")
AHEAD: Final = 3
"""How many months after the present one have their partitions."""
_BOUNDS: Final = re.compile(r"FROM \('(\d{4}-\d\d-\d\d)'\) TO \('(\d{4}-\d\d-\d\d)'\)$")
_OWNED: Final = text(
    "SELECT pg_has_role(relowner, 'USAGE') AND has_schema_privilege(relnamespace, 'CREATE')"
    " FROM pg_class WHERE oid = CAST('audit' AS regclass)"
)
_CHILDREN: Final = text(
    "SELECT c.relname, pg_get_expr(c.relpartbound, c.oid) FROM pg_inherits i JOIN pg_class c"
    " ON c.oid = i.inhrelid WHERE i.inhparent = CAST(:name AS regclass)"
)
# what partitions made later are granted by default, which would go past what is granted on the whole
_GRANTED: Final = text(
    "SELECT DISTINCT CASE WHEN a.grantee = 0 THEN 'PUBLIC'"
    " ELSE CAST(CAST(a.grantee AS regrole) AS text) END"
    " FROM pg_class c, aclexplode(c.relacl) a"
    " WHERE c.oid = CAST(:name AS regclass) AND a.grantee <> c.relowner"
)
# nobody who records waits longer than this behind one who waits for others
_PATIENCE: Final = text("SET LOCAL lock_timeout = '2s'")


def may_change(engine: Engine) -> bool:
    """Tell whether the role may make and drop partitions: it has what the tables' owner has."""
    with reading(engine) as connection:
        return bool(connection.execute(_OWNED).scalar_one())


def make_ahead(engine: Engine, today: date) -> int:
    """Make the partitions of this month and some more, where they are not there; return how many.

    One whose rows are in the default partition already is not made: they stay there.
    """
    months = [_month_after(today, count) for count in range(AHEAD + 2)]
    made = 0
    for name in PARTITIONED:
        for first, end in pairwise(months):
            with translate_failures(), engine.begin() as connection:
                made += _make(connection, name, first, end)
    return made


def old(connection: Any, before: date) -> list[str]:
    """Return the partitions that hold nothing from a day on."""
    names = []
    for table in PARTITIONED:
        for name, bound in connection.execute(_CHILDREN, {"name": table}):
            bounds = _BOUNDS.search(bound)
            if bounds is not None and date.fromisoformat(bounds[2]) <= before:
                names.append(name)
    return names


def drop(connection: Any, names: list[str]) -> None:
    """Drop partitions, in a transaction that is open."""
    connection.execute(_PATIENCE)
    for name in names:
        connection.execute(text(f"DROP TABLE {_quoted(name)}").execution_options(prepare=False))


def _make(connection: Connection, table: str, first: date, end: date) -> int:
    name = f"{table}_{first:%Y_%m}"
    if connection.execute(text("SELECT to_regclass(:name)"), {"name": name}).scalar() is not None:
        return 0
    if _is_taken(connection, table, first, end):
        return 0
    connection.execute(_PATIENCE)
    connection.execute(text(f"LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE"))
    # another may have come first
    if _is_taken(connection, table, first, end):
        return 0
    connection.execute(
        text(f"CREATE TABLE {name} PARTITION OF {table} FOR VALUES FROM ('{first}') TO ('{end}')")
    )
    for role in connection.execute(_GRANTED, {"name": name}).scalars().all():
        connection.execute(text(f"REVOKE ALL ON {name} FROM {role}"))
    return 1


def _is_taken(connection: Connection, table: str, first: date, end: date) -> bool:
    """Tell whether a day of a month has a partition, be it an operator's, or rows in the default one."""
    for _, bound in connection.execute(_CHILDREN, {"name": table}):
        bounds = _BOUNDS.search(bound)
        if bounds and date.fromisoformat(bounds[1]) < end and date.fromisoformat(bounds[2]) > first:
            return True
    there = f"SELECT EXISTS (SELECT 1 FROM {table} WHERE recorded_on >= :first AND recorded_on < :end)"  # noqa: S608 - ours
    return bool(connection.execute(text(there), {"first": first, "end": end}).scalar())


def _month_after(day: date, count: int) -> date:
    """Return the first of the month that is so many after a day's."""
    months = day.year * 12 + day.month - 1 + count
    return date(months // 12, months % 12 + 1, 1)


def _quoted(name: str) -> str:
    escaped = name.replace('"', '""')
    return f'"{escaped}"'
