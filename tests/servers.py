"""Private PostgreSQL and RabbitMQ servers for tests and benchmarks; `python -m tests.servers` runs both.

Each server has its own folder, ports and user, listens on the loopback address only, and keeps its data
and port over stop(), kill9() and restart().
"""

import base64
import contextlib
import hashlib
import json
import os
import secrets
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pika
import psycopg
from psycopg import sql
from sqlalchemy import make_url

from tests.outside import OutsideRabbit
from tests.server_process import Server, find, free_port

POSTGRES_PLACES = ("/usr/lib/postgresql/*/bin", "/usr/pgsql-*/bin", "/opt/homebrew/opt/postgresql*/bin")
RABBIT_PLACES = ("/usr/lib/rabbitmq/bin", "/usr/lib/rabbitmq/lib/*/sbin", "/opt/homebrew/opt/rabbitmq/sbin")
VHOSTS = 24
# who we are at each broker: the private ones know us by the name that one of somebody else's does
USER = pika.URLParameters(
    os.environ.get("CASEBRIDGE_TEST_AMQP_URL") or "amqp://casebridge:@localhost"
).credentials.username


class Postgres:
    """A PostgreSQL server somebody else runs: `url` may create databases."""

    def __init__(self, url: str) -> None:
        self.url = url

    def create_database(self, name: str, template: str = "template1") -> str:
        """Make an empty database, or a copy of `template`, and return its SQLAlchemy URL."""
        self._admin("CREATE DATABASE {} TEMPLATE {}", name, template)
        return make_url(self.url).set(database=name).render_as_string(hide_password=False)

    def close_database(self, name: str) -> None:
        """End who uses a database, and let nobody connect any more: it can be copied."""
        self._admin("ALTER DATABASE {} WITH ALLOW_CONNECTIONS false", name)
        with self._connect() as connection:
            connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", (name,)
            )

    def rename_database(self, name: str, new: str) -> None:
        """Give a database that nobody uses another name."""
        self._admin("ALTER DATABASE {} RENAME TO {}", name, new)

    def drop_database(self, name: str) -> None:
        """Remove a database, ending who still uses it."""
        self._admin("DROP DATABASE IF EXISTS {} WITH (FORCE)", name)

    def _admin(self, statement: str, *names: str) -> None:
        with self._connect() as connection:
            connection.execute(sql.SQL(statement).format(*map(sql.Identifier, names)))

    def _connect(self) -> psycopg.Connection:
        url = make_url(self.url).set(drivername="postgresql").render_as_string(hide_password=False)
        return psycopg.connect(url, autocommit=True, connect_timeout=5)


class PostgresServer(Server, Postgres):
    """A private PostgreSQL server, fsync on unless the settings say otherwise."""

    def __init__(self, **settings: str) -> None:
        self._settings = settings
        self._bin = find("initdb", POSTGRES_PLACES)
        Server.__init__(self, "postgres", ("postgres", "nobody"))
        self.port = free_port()
        Postgres.__init__(self, f"postgresql+psycopg://casebridge@127.0.0.1:{self.port}/postgres")
        self._env = {"PATH": os.defpath, "LC_ALL": "C", "TZ": "UTC"}

    def start(self) -> None:
        """Start the server, with its data if it ran before."""
        data = self.folder / "data"
        if not data.exists():
            as_trusted = [
                "--username=casebridge",
                "--auth=trust",
                "--encoding=UTF8",
                "--locale=C",
                "--no-sync",
            ]
            self._run([self._bin / "initdb", "-D", data, *as_trusted], self._env)
        settings = {
            "listen_addresses": "127.0.0.1",
            "port": self.port,
            "unix_socket_directories": self.folder,
            "fsync": "on",
            "max_connections": 200,
            "shared_buffers": "256MB",
            "max_wal_size": "2GB",
            **self._settings,
        }
        options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        self._process = self._spawn([self._bin / "postgres", "-D", data, *options], self._env)
        self._await()

    def stop(self) -> None:
        """End the server in good order without waiting for its clients; its data and port stay."""
        self._end(signal.SIGINT)

    def kill9(self) -> None:
        """End the server as a power cut would, its backends too: they are in process groups of their own."""
        backends = self._backends()
        super().kill9()
        for backend in backends:
            with contextlib.suppress(ProcessLookupError):
                os.kill(backend, signal.SIGKILL)

    @contextlib.contextmanager
    def frozen(self) -> Iterator[None]:
        """Let its processes stand still; the system goes on acknowledging what is sent to them."""
        processes = [self.pid, *self._backends()]
        for process in processes:
            os.kill(process, signal.SIGSTOP)
        try:
            yield
        finally:
            for process in reversed(processes):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(process, signal.SIGCONT)

    def _backends(self) -> list[int]:
        children = Path(f"/proc/{self.pid}/task/{self.pid}/children")
        return (
            [int(word) for word in children.read_text(encoding="ascii").split()] if children.exists() else []
        )

    def _answers(self) -> bool:
        try:
            self._connect().close()
        except psycopg.OperationalError:
            return False
        return True


class RabbitServer(Server):
    """A private RabbitMQ broker without plugins, with its own port mapper (epmd) and node name."""

    def __init__(self, node: str = "casebridge@localhost", epmd: int = 0, cookie: str = "") -> None:
        self._bin = rabbit_home() or find("rabbitmq-server", RABBIT_PLACES)
        Server.__init__(self, "rabbitmq", ("rabbitmq", "nobody"))
        self.port, self._epmd_port = free_port(), epmd or free_port()
        self._made = self._given = 0
        self._epmd: subprocess.Popen[bytes] | None = None
        self.url = self._vhost_url("casebridge")
        folder = str(self.folder)
        self._env = {
            "PATH": os.environ.get("PATH", os.defpath) + ":/usr/sbin:/usr/bin:/sbin:/bin",
            "HOME": folder,
            "LC_ALL": "C.UTF-8",
            "ERL_EPMD_PORT": str(self._epmd_port),
            "ERL_EPMD_ADDRESS": "127.0.0.1",
            "RABBITMQ_NODENAME": node,
            "RABBITMQ_DIST_PORT": str(free_port()),
            "RABBITMQ_CONF_ENV_FILE": str(self._write("rabbitmq-env.conf", "")),
            "RABBITMQ_CONFIG_FILE": str(self._write("rabbitmq.conf", self._settings())),
            "RABBITMQ_ADVANCED_CONFIG_FILE": str(self._write("advanced.config", "[].\n")),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(self._write("enabled_plugins", "[].\n")),
            "RABBITMQ_MNESIA_BASE": f"{folder}/data",
            "RABBITMQ_LOG_BASE": f"{folder}/log",
            "RABBITMQ_LOGS": "-",
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": "-kernel inet_dist_use_interface {127,0,0,1}",
            "RUNNING_UNDER_SYSTEMD": "1",  # the script then becomes the broker instead of its parent
        }
        self._write(".erlang.cookie", cookie or secrets.token_hex(16), 0o400)
        self._define(VHOSTS)

    def start(self) -> None:
        """Start the broker, with its data if it ran before."""
        if self._epmd is None:
            command = ["epmd", "-port", str(self._epmd_port), "-address", "127.0.0.1"]
            self._epmd = self._spawn(command, self._env)
        self._process = self._spawn([self._bin / "rabbitmq-server"], self._env)
        self._await()

    def close(self) -> None:
        """End the broker and its port mapper at once and remove their folder."""
        self._end(signal.SIGKILL)
        # a port mapper that was started in the background of a shell never heeds SIGQUIT
        self._process, self._epmd = self._epmd, None
        self._end(signal.SIGKILL)
        super().close()

    def kill9(self) -> None:
        """As a power cut would. A quorum queue declared less than half a second before does not survive it:

        RabbitMQ writes the names of such queues to disk on a timer (Ra's directory, 500 ms).
        """
        super().kill9()

    @contextlib.contextmanager
    def frozen(self) -> Iterator[None]:
        """Let it stand still; the system goes on acknowledging what is sent to it."""
        os.killpg(self.pid, signal.SIGSTOP)
        try:
            yield
        finally:
            os.killpg(self.pid, signal.SIGCONT)

    def create_vhost(self) -> str:
        """The AMQP URL of a virtual host nobody has had: they are made at start, and by the dozen later."""
        if self._given == self._made:
            path = self._define(VHOSTS)
            self.control("import_definitions", str(path))
        self._given += 1
        return self._vhost_url(f"test-{self._given}")

    @contextlib.contextmanager
    def lend_vhost(self) -> Iterator[str]:
        """As `create_vhost`, for one test."""
        yield self.create_vhost()

    def control(self, *words: str) -> str:
        """Run rabbitmqctl, and return what it prints."""
        return self._run([self._bin / "rabbitmqctl", "-q", *words], self._env)

    def _vhost_url(self, vhost: str) -> str:
        return f"amqp://{quote(USER, safe='')}:casebridge@127.0.0.1:{self.port}/{vhost}"

    def _settings(self) -> str:
        return (
            f"listeners.tcp.1 = 127.0.0.1:{self.port}\n"
            f"load_definitions = {self.folder}/definitions.json\n"
            "disk_free_limit.absolute = 50MB\n"
        )

    def _define(self, count: int) -> Path:
        """Write the definitions with `count` more virtual hosts than before."""
        self._made += count
        vhosts = ["casebridge", *(f"test-{number}" for number in range(1, self._made + 1))]
        salt = secrets.token_bytes(4)
        password = base64.b64encode(salt + hashlib.sha256(salt + b"casebridge").digest()).decode()
        everything = {"configure": ".*", "write": ".*", "read": ".*"}
        definitions = {
            "users": [{"name": USER, "password_hash": password, "tags": "administrator"}],
            "vhosts": [{"name": vhost} for vhost in vhosts],
            "permissions": [{"user": USER, "vhost": vhost, **everything} for vhost in vhosts],
        }
        return self._write("definitions.json", json.dumps(definitions))

    def _answers(self) -> bool:
        """Whether the broker greets an AMQP client; its listener opens last, after the definitions are in."""
        try:
            with socket.create_connection(("127.0.0.1", self.port), 5) as client:
                client.sendall(b"AMQP\x00\x00\x09\x01")
                return client.recv(1) == b"\x01"
        except OSError:
            return False


def rabbit_home() -> Path | None:
    """The programs of the RabbitMQ that CASEBRIDGE_TEST_RABBITMQ_HOME names, if it names one."""
    home = os.environ.get("CASEBRIDGE_TEST_RABBITMQ_HOME")
    if home and not (Path(home) / "sbin/rabbitmq-server").is_file():
        sys.exit(f"CASEBRIDGE_TEST_RABBITMQ_HOME: there is no sbin/rabbitmq-server in {home}.")
    return Path(home).resolve() / "sbin" if home else None


@contextlib.contextmanager
def postgres() -> Iterator[Postgres]:
    """The server for tests: the one CASEBRIDGE_TEST_DATABASE_URL names, else a private one.

    Nobody cuts its power, so it need not wait for the disk; what a kill leaves is asked of a PostgresServer.
    """
    if url := os.environ.get("CASEBRIDGE_TEST_DATABASE_URL"):
        yield Postgres(url)
    else:
        with PostgresServer(fsync="off") as server:
            yield server


@contextlib.contextmanager
def rabbit() -> Iterator[OutsideRabbit | RabbitServer]:
    """The broker for tests: the one CASEBRIDGE_TEST_AMQP_URL names, else a private one."""
    if url := os.environ.get("CASEBRIDGE_TEST_AMQP_URL"):
        yield OutsideRabbit(url)
    else:
        with RabbitServer() as server:
            yield server


def main() -> None:
    """Run both until Ctrl-C or SIGTERM, and print what a shell needs to use them."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    with contextlib.suppress(KeyboardInterrupt), PostgresServer() as database, RabbitServer() as broker:
        print(f"export CASEBRIDGE_TEST_DATABASE_URL={database.url}")
        print(f"export CASEBRIDGE_TEST_AMQP_URL={broker.url}", flush=True)
        signal.pause()


if __name__ == "__main__":
    main()
