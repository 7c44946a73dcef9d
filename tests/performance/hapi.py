"""HAPI FHIR JPA as a peer: https://github.com/hapifhir/hapi-fhir-jpaserver-starter, as somebody provides it.

`HAPI_HOME` names its source folder, of which Maven builds the server once; it runs on its own PostgreSQL.
`HAPI_URL` names one that runs already, `http://127.0.0.1:8080/fhir`: what is on another machine costs here
nothing that could be measured, so it is to be on this one.
"""

import contextlib
import http.client
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
from sqlalchemy import make_url

from service.wire.json import dump, parse
from tests.performance import house
from tests.performance.lines import tell
from tests.server_process import free_port
from tests.servers import PostgresServer

BUILD = ("mvn", "--batch-mode", "--quiet", "-Pboot", "-Dmaven.test.skip=true", "package")
STARTS = 900
"""Seconds that it may take to answer first: it makes its tables then."""
DIALECT = "ca.uhn.fhir.jpa.model.dialect.HapiFhirPostgresDialect"


class NoPeer(Exception):
    """Nobody provides HAPI: the message says how."""


@dataclass(frozen=True, slots=True)
class Hapi:
    """A HAPI that runs: its port, its processes and the database's, and a look into that where it is ours."""

    port: int
    pids: tuple[int, ...]
    look: psycopg.Connection | None

    def transact(self, entries: list[dict[str, object]]) -> dict[str, object]:
        """Send a transaction, and return the answer; anything but success ends the run."""
        bundle = {"resourceType": "Bundle", "type": "transaction", "entry": entries}
        with contextlib.closing(http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)) as connection:
            return send(connection, dump(bundle))

    def stored(self) -> int | None:
        """Return the bytes of its tables with their indexes, vacuumed."""
        if self.look is None:
            return None
        self.look.execute("VACUUM")
        (size,) = self.look.execute("SELECT pg_database_size(current_database())").fetchone()
        return size


def send(connection: http.client.HTTPConnection, body: bytes) -> dict[str, object]:
    """Post a transaction on a kept connection."""
    connection.request("POST", "/fhir", body, {"Content-Type": "application/fhir+json"})
    answer = connection.getresponse()
    said = answer.read()
    assert answer.status == 200, f"HAPI answered {answer.status}: {said[:2000].decode()}"
    return parse(said)


@contextlib.contextmanager
def running(environ: dict[str, str]) -> Iterator[Hapi]:
    """Give the HAPI that the environment names, started if it is a source folder."""
    url, home = environ.get("HAPI_URL"), environ.get("HAPI_HOME")
    if url:
        port = urlsplit(url).port or 80
        yield Hapi(port, (_listening(port),), None)
    elif home:
        with _started(Path(home)) as hapi:
            yield hapi
    else:
        raise NoPeer("Set HAPI_HOME to a source folder of its starter, or HAPI_URL to one that runs here.")


@contextlib.contextmanager
def _started(home: Path) -> Iterator[Hapi]:
    jar = home / "target" / "ROOT.war"
    if not jar.exists():
        tell(f"building HAPI in {home}, which takes minutes the first time")
        subprocess.run(BUILD, cwd=home, check=True, stdout=subprocess.DEVNULL)
    port = free_port()
    with (
        PostgresServer() as postgres,
        tempfile.TemporaryDirectory() as folder,
    ):
        at = make_url(postgres.create_database("hapi"))
        settings = {
            "server.port": port,
            # it closes a connection after a hundred requests otherwise
            "server.tomcat.max-keep-alive-requests": -1,
            "spring.datasource.url": f"jdbc:postgresql://127.0.0.1:{at.port}/{at.database}",
            "spring.datasource.username": at.username,
            "spring.datasource.driverClassName": "org.postgresql.Driver",
            "spring.jpa.properties.hibernate.dialect": DIALECT,
        }
        words = ["java", "-jar", str(jar), *(f"--{name}={value}" for name, value in settings.items())]
        plain = at.set(drivername="postgresql").render_as_string(hide_password=False)
        server = subprocess.Popen(words, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            _wait(port, server)
            with psycopg.connect(plain, autocommit=True) as look:
                yield Hapi(port, (server.pid, postgres.pid), look)
        finally:
            server.terminate()
            server.wait(60)


def _wait(port: int, server: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + STARTS
    while server.poll() is None and time.monotonic() < deadline:
        with contextlib.suppress(OSError, RuntimeError):
            house.get(port, "/fhir/metadata")
            return
        time.sleep(1)
    raise NoPeer(f"HAPI did not answer within {STARTS} s.")


def _listening(port: int) -> int:
    """Return the process that listens on a port of this machine."""
    inodes = {
        line.split()[9]
        for table in ("tcp", "tcp6")
        for line in Path(f"/proc/net/{table}").read_text(encoding="ascii").splitlines()
        if f":{port:04X} " in line and line.split()[3] == "0A"
    }
    for path in Path("/proc").glob("[0-9]*/fd/*"):
        with contextlib.suppress(OSError):
            if str(path.readlink()).removeprefix("socket:[").rstrip("]") in inodes:
                return int(path.parts[2])
    raise NoPeer(f"Nothing that may be looked at listens on port {port} of this machine.")


def warm(what: str, cost: Callable[[], float]) -> None:
    """Have a thing done until what it costs stops falling: a virtual machine compiles what is used."""
    best = cost()
    for number in range(1, 20):
        came = cost()
        tell(f"{what}: warming up, round {number}, {came:.3g} ms")
        if came > 0.97 * best:
            return
        best = came
