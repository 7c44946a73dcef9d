"""A private PgBouncer in transaction mode before a PostgreSQL server, its defaults for all else.

https://www.pgbouncer.org/config.html
"""

import os
import signal

import psycopg
from sqlalchemy import make_url

from tests.server_process import Server, find, free_port
from tests.servers import PostgresServer

PLACES = ("/usr/sbin", "/opt/homebrew/opt/pgbouncer/bin")
SESSIONS = 4


class PgBouncer(Server):
    """Lends few sessions of the server to many connections, for one transaction at a time."""

    def __init__(self, server: PostgresServer) -> None:
        self._bin = find("pgbouncer", PLACES)
        Server.__init__(self, "pgbouncer", ("postgres", "nobody"))
        self.port = free_port()
        self._users = self._write("users.txt", '"casebridge" ""\n')
        self._server_port = server.port

    def start(self) -> None:
        """Start it."""
        settings = self._write("pgbouncer.ini", self._settings())
        self._process = self._spawn([self._bin / "pgbouncer", settings], {"PATH": os.defpath})
        self._await()

    def stop(self) -> None:
        """End it at once: whoever is connected is cut off."""
        self._end(signal.SIGTERM)

    def url_of(self, url: str) -> str:
        """The URL of a database of the server, through this."""
        return make_url(url).set(port=self.port).render_as_string(hide_password=False)

    def _settings(self) -> str:
        return (
            "[databases]\n"
            f"* = host=127.0.0.1 port={self._server_port}\n"
            "[pgbouncer]\n"
            f"listen_addr = 127.0.0.1\nlisten_port = {self.port}\nunix_socket_dir =\n"
            f"auth_type = trust\nauth_file = {self._users}\nadmin_users = casebridge\n"
            f"pool_mode = transaction\ndefault_pool_size = {SESSIONS}\n"
        )

    def _answers(self) -> bool:
        try:
            url = f"postgresql://casebridge@127.0.0.1:{self.port}/postgres"
            psycopg.connect(url, autocommit=True, connect_timeout=5).close()
        except psycopg.OperationalError:
            return False
        return True
