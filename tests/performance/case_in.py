"""Cases coming in, new and with one goal changed, against bare transactions that write the very same rows.

Ours goes through the WSGI application in this process (parse, check, map, validate, store, answer); the
bare side writes what ours wrote, row for row, with `executemany` into a database of the same schema.
"""

import copy
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql
from sqlalchemy import MetaData, Table, make_url

from service.store.engine import connect
from service.store.schema import upgrade
from service.store.tables import metadata
from service.wire.json import dump
from tests.performance import house
from tests.performance.cases import case
from tests.performance.lines import Entry, at_least, median, ratios, spread, tell

NEXT = "SELECT pg_snapshot_xmax(pg_current_snapshot())::text::bigint"
Rows = dict[Table, list[tuple[Any, ...]]]


def run(quick: bool, servers: house.Servers) -> list[Entry]:
    """Measure the line: the worse of new cases and changed ones."""
    count, number = (25, 4) if quick else (60, 9)
    with (
        house.database(servers.postgres) as url,
        house.database(servers.postgres) as twin,
        tempfile.TemporaryDirectory() as folder,
    ):
        put, bare = house.House(url, Path(folder)), Bare(url, twin)
        try:
            return [_measured(put, bare, count, number)]
        finally:
            put.close()
            bare.close()


def _measured(put: house.House, bare: "Bare", count: int, number: int) -> Entry:
    put.found()
    ours: dict[str, list[float]] = {"new": [], "one goal changed": []}
    theirs: dict[str, list[float]] = {"new": [], "one goal changed": []}
    sizes: dict[str, int] = {}
    for turn in range(number + 1):
        given = range(turn * count, (turn + 1) * count)
        for each in given:
            put.put(*house.client(each))
        bare.seen()
        documents = {
            "new": [(*house.case(each), None) for each in given],
            "one goal changed": [(house.case(each)[0], _changed(each), 1) for each in given],
        }
        for kind, puts in documents.items():
            ours[kind].append(_seconds(put, puts))
            written = bare.seen()
            assert len(written) == count, "a case is one transaction"
            theirs[kind].append(bare.write(written, _insert if kind == "new" else _upsert))
            sizes.setdefault(kind, sum(map(len, written[0].values())))
        if turn:
            tell(f"case.vs_rows: round {turn} of {number}")
    told, worst = [], []
    for kind, seconds in ours.items():
        found = ratios(theirs[kind][1:], seconds[1:])
        worst.append(median(found))
        ms = [spread([1000 * each for each in one[1:]]) for one in (seconds, theirs[kind])]
        told.append(f"{kind} {spread(found)}, {ms[0]} ms against {ms[1]} for {sizes[kind]} rows")
    detail = (
        f"the worse of {'; '.join(told)}; {number} rounds of {count} cases, "
        "one after the other through the WSGI application in one process"
    )
    return at_least("case.vs_rows", min(worst), "ratio", 0.3, detail)


def _changed(number: int) -> bytes:
    document = copy.deepcopy(case(number))
    document["plan"]["goals"][2]["description"] = "Cycle to the bakery"
    return dump(document)


def _seconds(put: house.House, puts: list[tuple[str, bytes, int | None]]) -> float:
    """The seconds one takes."""
    began = time.perf_counter()
    for each in puts:
        put.put(*each)
    return (time.perf_counter() - began) / len(puts)


class Bare:
    """Sees which rows each transaction of one database wrote, and writes them into another."""

    def __init__(self, url: str, twin: str) -> None:
        engine = connect(twin)
        upgrade(engine)
        # the keys are those of the database: a partitioned table has others than its model
        self._tables = MetaData()
        self._tables.reflect(engine, only=list(metadata.tables))
        engine.dispose()
        self._from, self._to = (psycopg.connect(_plain(each)) for each in (url, twin))
        self._from.autocommit = True
        self._since = self._now()

    def close(self) -> None:
        """Close both connections."""
        self._from.close()
        self._to.close()

    def seen(self) -> list[Rows]:
        """What each transaction since the last time wrote, in the order they ran."""
        found: dict[int, Rows] = defaultdict(dict)
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
                found[transaction].setdefault(table, []).append(tuple(row))
        self._since = self._now()
        return [found[transaction] for transaction in sorted(found)]

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


def _insert(table: Table) -> bytes:
    """Insert a row of a table."""
    names = [column.name for column in table.columns]
    values = sql.SQL(", ").join([sql.Placeholder()] * len(names))
    statement = sql.SQL("INSERT INTO {} ({}) VALUES ({})")
    return statement.format(_name(table.name), _listed(names), values).as_bytes()


def _upsert(table: Table) -> bytes:
    """Insert a row; where its key is taken, replace it."""
    keys = [column.name for column in table.primary_key]
    rest = [column.name for column in table.columns if column.name not in keys]
    taken = sql.SQL(", ").join(sql.SQL("{0} = excluded.{0}").format(_name(name)) for name in rest or keys)
    otherwise = sql.SQL(" ON CONFLICT ({}) DO UPDATE SET {}").format(_listed(keys), taken)
    return _insert(table) + otherwise.as_bytes()


def _listed(names: list[str]) -> sql.Composed:
    return sql.SQL(", ").join(map(_name, names))


_name = sql.Identifier
