"""The servers and the service that the benchmarks measure."""

import contextlib
import http.client
import io
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from typing import Any

from service.settings import Settings
from service.store.migrations.schema import upgrade
from service.wire.json import dump
from service.wiring import compiled, rooms, serving
from tests.performance import cases
from tests.performance.lines import tell
from tests.servers import PostgresServer, RabbitServer

ROOT = Path(__file__).parents[2]
PATIENCE = 120
"""So many seconds a server may take to answer on a machine that others use."""
REGISTRY = """
partners:
  - {name: cms, kind: case-system}
  - {name: northern, kind: insurer, identifiers: [{system: "urn:example:payers", value: northern}]}
  - {name: southern, kind: insurer, identifiers: [{system: "urn:example:payers", value: southern}]}
  - name: general
    kind: hospital
    intake: {senders: [{application: ADT, facility: GENERAL, addresses: [127.0.0.1]}]}
  - name: harbor
    kind: engineer
    queues: [{name: harbor, bindings: [{pattern: "#"}]}]
"""


class Servers(contextlib.ExitStack):
    """Private servers, each started when it is first asked for; and databases that others are copied from."""

    @cached_property
    def postgres(self) -> PostgresServer:
        """A PostgreSQL server, fsync on."""
        return self.enter_context(PostgresServer())

    @cached_property
    def rabbit(self) -> RabbitServer:
        """A RabbitMQ broker."""
        return self.enter_context(RabbitServer())

    @cached_property
    def _filled(self) -> dict[int | None, str]:
        return {}

    def filled(self, count: int | None) -> str:
        """The name of a database of today's schema with the directory and so many cases, or None of both."""
        if count not in self._filled:
            name = f"casebridge_bench_of_{count}"
            tell(f"putting {count or 'no'} cases in")
            with tempfile.TemporaryDirectory() as folder:
                put = House(self.postgres.create_database(name), Path(folder))
                if count is not None:
                    put.fill(count)
                put.close()
            # its notices may come a moment later
            self.postgres.close_database(name)
            self._filled[count] = name
        return self._filled[count]


@contextlib.contextmanager
def database(servers: Servers, count: int | None = None) -> Iterator[str]:
    """The URL of a database of today's schema with the directory and so many cases, or None of both."""
    name, template = f"casebridge_bench_{time.time_ns()}", servers.filled(count)
    yield servers.postgres.create_database(name, template)
    servers.postgres.drop_database(name)


def environment(url: str, folder: Path, **more: str) -> dict[str, str]:
    """The environment of a process of the service on a database; `folder` keeps its partner registry."""
    registry = folder / "partners.yaml"
    registry.write_text(REGISTRY, encoding="utf-8")
    own = {name: value for name, value in os.environ.items() if not name.startswith("CASEBRIDGE_")}
    settings = {"AUTH": "off", "DATABASE_URL": url, "PARTNERS": str(registry)}
    return {**own, **{f"CASEBRIDGE_{name}": value for name, value in {**settings, **more}.items()}}


@contextlib.contextmanager
def process(environment: dict[str, str], *words: str) -> Iterator[subprocess.Popen[bytes]]:
    """A Python module as a process, ended afterwards; its errors are shown."""
    running = subprocess.Popen(
        [sys.executable, "-m", *words], env=environment, cwd=ROOT, stdout=subprocess.DEVNULL
    )
    try:
        yield running
    finally:
        running.terminate()
        running.wait(30)


def wait(port: int, path: str) -> None:
    """Return when a server on this machine answers 200."""
    deadline = time.monotonic() + PATIENCE
    while not _answers(port, path):
        if time.monotonic() > deadline:
            raise RuntimeError(f"{path} was not answered within {PATIENCE} s")
        time.sleep(0.005)


def _answers(port: int, path: str) -> bool:
    with contextlib.suppress(OSError):
        get(port, path, **{"Casebridge-Partner": "northern"})
        return True
    return False


def get(port: int, path: str, **headers: str) -> bytes:
    """The body of a 200 answer."""
    with contextlib.closing(http.client.HTTPConnection("127.0.0.1", port, timeout=30)) as connection:
        connection.request("GET", path, headers=headers)
        answer = connection.getresponse()
        if answer.status != 200:
            raise RuntimeError(f"{path} answered {answer.status}")
        return answer.read()


class House:
    """The service's WSGI application in this process, on an empty database."""

    def __init__(self, url: str, folder: Path) -> None:
        settings = Settings.from_env(environment(url, folder))
        self.engine = rooms.database(settings)
        upgrade(self.engine)
        self._app = serving.application(settings, self.engine, compiled.catalogues(settings)).wsgi_app

    def close(self) -> None:
        """Let the database go."""
        self.engine.dispose()

    def fill(self, count: int) -> None:
        """Put the directory and so many clients, each with a case."""
        self.put_directory()
        for number in range(count):
            self.put(*client(number))
            self.put(*case(number))

    def put_directory(self) -> None:
        """Put the directory."""
        for (kind, name), entry in cases.DIRECTORY.items():
            self.put(f"/api/directory/{kind}/{name}", dump(entry))

    def put(self, path: str, body: bytes, revision: int | None = None) -> None:
        """Put a document as the case system: new, or over a revision."""
        match = {} if revision is None else {"HTTP_IF_MATCH": f'W/"{revision}"'}
        said = self.ask("PUT", path, body, "application/json", "cms", **match)
        wanted = "201" if revision is None else "200"
        assert said.startswith(wanted), f"{path} answered {said}"

    def ask(self, method: str, path: str, body: bytes, kind: str, partner: str, **more: str) -> str:
        """Send a body as a partner; the status of the answer and, but for a 2xx, its body."""
        environ: dict[str, Any] = {
            "REQUEST_METHOD": method,
            "SCRIPT_NAME": "",
            "PATH_INFO": path,
            "QUERY_STRING": "",
            "SERVER_NAME": "127.0.0.1",
            "SERVER_PORT": "8080",
            "SERVER_PROTOCOL": "HTTP/1.1",
            "HTTP_HOST": "127.0.0.1",
            "CONTENT_TYPE": kind,
            "CONTENT_LENGTH": str(len(body)),
            "HTTP_CASEBRIDGE_PARTNER": partner,
            "wsgi.input": io.BytesIO(body),
            "wsgi.errors": io.StringIO(),
            "wsgi.url_scheme": "http",
            **more,
        }
        status: list[str] = []
        answer = b"".join(self._app(environ, lambda said, _headers: status.append(said)))
        return status[0] if status[0].startswith("2") else f"{status[0]}: {answer.decode()}"


def client(number: int) -> tuple[str, bytes]:
    """The path and body of a client."""
    return f"/api/clients/client-{number}", dump(cases.client(number))


def case(number: int) -> tuple[str, bytes]:
    """The path and body of the client's case."""
    return f"/api/cases/case-{number}", dump(cases.case(number))
