"""A database on PostgreSQL that is lent to one test after the other, since to make one takes longer."""

import contextlib
from collections.abc import Iterator

import psycopg
from psycopg import sql
from sqlalchemy import make_url

from tests.servers import Postgres

SHAPE = """
SELECT md5(string_agg(part, chr(10) ORDER BY part)) FROM (
  SELECT concat_ws(' ', relname, relkind, relacl, reloptions, attname, atttypid, attnotnull, attisdropped)
  FROM pg_class LEFT JOIN pg_attribute ON attrelid = pg_class.oid WHERE relnamespace = 'public'::regnamespace
  UNION ALL SELECT concat_ws(' ', tgname, tgrelid::regclass, tgenabled) FROM pg_trigger
  UNION ALL SELECT concat_ws(' ', conname, conrelid::regclass) FROM pg_constraint
  UNION ALL SELECT proname FROM pg_proc WHERE pronamespace = 'public'::regnamespace
  UNION ALL SELECT nspname FROM pg_namespace WHERE nspname !~ '^pg_(temp|toast)'
  UNION ALL SELECT array_to_string(setconfig, ' ') FROM pg_db_role_setting
) AS parts (part)
"""
OTHERS = "SELECT pg_terminate_backend(pid, 30000) FROM pg_stat_activity WHERE datname = current_database()"
TABLES = """
SELECT relname, pg_relation_size(oid) > 500000 FROM pg_class
WHERE relnamespace = 'public'::regnamespace AND relkind = 'r'
"""
SEQUENCES = "SELECT sequencename, start_value FROM pg_sequences WHERE schemaname = 'public'"


class Lent:
    """A copy of a database, as new for whoever gets it next.

    It has another name each time: who is left over from the last one finds it no more.
    """

    def __init__(self, server: Postgres, model: str, names: Iterator[str]) -> None:
        self._server, self._model, self._names = server, model, names
        self._name: str | None = None
        with self._connected(model) as connection:
            self._shape = connection.execute(SHAPE).fetchone()
            tables = [name for name, _ in connection.execute(TABLES)]
            rows = {name: connection.execute(_said("TABLE {}", name)).fetchall() for name in tables}
        self._rows = {name: kept for name, kept in rows.items() if kept}

    @contextlib.contextmanager
    def lend(self) -> Iterator[str]:
        """Give its URL."""
        before, self._name = self._name, next(self._names)
        if before is None or not self._is_renamed(before):
            self._server.create_database(self._name, self._model)
        yield self._url(self._name)
        if not self._is_as_new():
            self._server.drop_database(self._name)
            self._name = None

    def _is_renamed(self, before: str) -> bool:
        """Give it its new name, or drop it where somebody of a test that failed still comes back to it."""
        try:
            self._server.rename_database(before, self._name)
        except psycopg.errors.ObjectInUse:
            self._server.drop_database(before)
            return False
        return True

    def _is_as_new(self) -> bool:
        """End all sessions and remove all rows, unless somebody has changed more than rows."""
        with self._connected(self._name) as connection:
            connection.execute(f"{OTHERS} AND pid <> pg_backend_pid()")
            if connection.execute(SHAPE).fetchone() != self._shape:
                return False
            emptied = [
                _said("TRUNCATE {}" if large else "DELETE FROM {}", name)
                for name, large in connection.execute(TABLES)
            ]
            again = [
                sql.SQL("SELECT setval({}, {}, false)").format(name, start)
                for name, start in connection.execute(SEQUENCES)
            ]
            connection.execute(sql.SQL("; ").join([*emptied, *again]))
            for name, rows in self._rows.items():
                values = sql.SQL(", ").join([sql.Placeholder()] * len(rows[0]))
                connection.cursor().executemany(_said("INSERT INTO {} VALUES ({})", name, values), rows)
        return True

    def _url(self, name: str | None) -> str:
        return make_url(self._server.url).set(database=name).render_as_string(hide_password=False)

    def _connected(self, name: str | None) -> psycopg.Connection:
        return psycopg.connect(self._url(name).replace("+psycopg", ""), connect_timeout=5)


def _said(statement: str, name: str, *more: sql.Composable) -> sql.Composed:
    return sql.SQL(statement).format(sql.Identifier(name), *more)
