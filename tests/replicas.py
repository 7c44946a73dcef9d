"""A streaming replica of a PostgreSQL server that a test owns, whose replay it may pause."""

from pathlib import Path

import psycopg
from sqlalchemy import make_url

from tests.servers import PostgresServer


class PostgresReplica(PostgresServer):
    """A server that follows another; its replay of what that one writes can be paused."""

    def __init__(self, primary: PostgresServer) -> None:
        super().__init__()
        self._primary = primary

    def start(self) -> None:
        """Start the server, with a copy of the other's data if it has none."""
        data: Path = self.folder / "data"
        if not data.exists():
            of = ["-h", "127.0.0.1", "-p", str(self._primary.port), "-U", "casebridge", "-D", data]
            copied = ["--write-recovery-conf", "--checkpoint=fast", "--no-sync"]
            self._run([self._bin / "pg_basebackup", *of, *copied], self._env)
        super().start()

    def url_of(self, url: str) -> str:
        """The SQLAlchemy URL here of a database that the primary has."""
        return make_url(url).set(port=self.port).render_as_string(hide_password=False)

    def pause(self) -> None:
        """Replay nothing more; what is replayed already stays to be read."""
        with self._connect() as connection:
            connection.execute("SELECT pg_wal_replay_pause()")
            self._until(connection, "SELECT pg_get_wal_replay_pause_state() = 'paused'")

    def resume(self) -> None:
        """Replay again."""
        with self._connect() as connection:
            connection.execute("SELECT pg_wal_replay_resume()")

    def catch_up(self) -> None:
        """Return when all that the primary has written is replayed."""
        with self._primary._connect() as primary, self._connect() as connection:
            (at,) = primary.execute("SELECT pg_current_wal_insert_lsn()::text").fetchone()
            self._until(connection, f"SELECT pg_last_wal_replay_lsn() >= '{at}'::pg_lsn")

    def _until(self, connection: psycopg.Connection, question: str) -> None:
        # a server that is asked so often is soon there, or the run ends
        for _ in range(6_000):
            if connection.execute(question).fetchone() == (True,):
                return
            connection.execute("SELECT pg_sleep(0.01)")
        raise TimeoutError(question)
