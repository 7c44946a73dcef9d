"""Bare transactions that write the rows which others have written: the floor of whatever is stored.

They go into a database of the same schema, row for row, with `executemany`.
"""

import time
from collections import defaultdict
from collections.abc import Callable
from typing import Any

import psycopg
from psycopg import sql
from sqlalchemy import MetaData, Table, make_url

from service.store.migrations.schema import upgrade
from service.store.sql.engine import connect
from service.store.tables import metadata

Rows = dict[Table, list[tuple[Any, ...]]]
# a counter is written over: of its row, which each transaction changes, the last one alone can be seen
COUNTERS = {"commit_count"}


class Bare:
    """Sees which rows each transaction of one database wrote, and writes them into another."""

    def __init__(self, url: str, twin: str) -> None:
        engine = connect(twin)
        upgrade(engine)
        # the keys are those of the database: a partitioned table has others than its model
        self._tables = MetaData()
        self._tables.reflect(engine, only=list(metadata.tables.keys() - COUNTERS))
        engine.dispose()
        self._from, self._to = (psycopg.connect(_plain(url_)) for url_ in (url, twin))
        self._from.autocommit = True
        self._since = self._now()

    def close(self) -> None:
        """Close both connections."""
        self._from.close()
        self._to.close()

    def seen(self) -> list[Rows]:
        """What each transaction since the last time wrote, in the order they ran."""
        rows_of: dict[int, Rows] = defaultdict(dict)
        for table in self._tables.sorted_tables:
            columns = sql.SQL(", ").join(sql.Identifier(column.name) for column in table.columns)
            rows = self._from.execute(
                sql.SQL("SELECT xmin::text::bigint, {} FROM {} WHERE xmin::text::bigint >= %s").format(
                    columns, sql.Identifier(table.name)
                ),
                (self._since,),
                binary=True,
            ).fetchall()
            for transaction, *row in rows:
                rows_of[transaction].setdefault(table, []).append(tuple(row))
        self._since = self._now()
        return [rows_of[transaction] for transaction in sorted(rows_of)]

    def write(self, transactions: list[Rows], statement: Callable[[Table], bytes]) -> float:
        """Write them, each in a transaction of its own; the seconds one takes."""
        statements = {table: statement(table) for table in self._tables.sorted_tables}
        began = time.perf_counter()
        for rows in transactions:
            with self._to.transaction(), self._to.cursor() as cursor:
                for table, values in rows.items():
                    cursor.executemany(statements[table], values)
        return (time.perf_counter() - began) / len(transactions)

    def _now(self) -> int:
        return self._from.execute("SELECT pg_snapshot_xmax(pg_current_snapshot())::text::bigint").fetchone()[
            0
        ]


def _plain(url: str) -> str:
    return make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)


def insert(table: Table) -> bytes:
    """Insert a row of a table."""
    names = [column.name for column in table.columns]
    values = sql.SQL(", ").join([sql.Placeholder()] * len(names))
    statement = sql.SQL("INSERT INTO {} ({}) VALUES ({})")
    return statement.format(_name(table.name), _listed(names), values).as_bytes()


def upsert(table: Table) -> bytes:
    """Insert a row; where it has a key that is taken, replace it."""
    keys = [column.name for column in table.primary_key]
    if not keys:
        return insert(table)
    rest = [column.name for column in table.columns if column.name not in keys]
    taken = sql.SQL(", ").join(sql.SQL("{0} = excluded.{0}").format(_name(name)) for name in rest or keys)
    otherwise = sql.SQL(" ON CONFLICT ({}) DO UPDATE SET {}").format(_listed(keys), taken)
    return insert(table) + otherwise.as_bytes()


def _listed(names: list[str]) -> sql.Composed:
    return sql.SQL(", ").join(map(_name, names))


_name = sql.Identifier
