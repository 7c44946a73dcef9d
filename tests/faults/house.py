"""The service as its operators run it: its processes, each started again when it ends."""

import contextlib
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import requests
from sqlalchemy import create_engine, text
from sqlalchemy.exc import SQLAlchemyError

from tests.flows import river
from tests.server_process import free_port

REGISTRY = """partners:
  - name: harbor
    kind: engineer
    queues:
      - {name: harbor, bindings: [{pattern: "#"}]}
"""
HOSPITAL = """partners:
  - name: mercy
    kind: hospital
    intake:
      identifying: ["urn:example:persons"]
      senders: [{application: ADT, facility: MERCY, addresses: [127.0.0.1]}]
"""
_OF_HOSPITAL = HOSPITAL.removeprefix("partners:\n")
LEADING = text("SELECT holder FROM lease WHERE expires > extract(epoch FROM clock_timestamp())")
# on whose path there is a clock that steps
STEPPING = {"PYTHONPATH": str(Path(__file__).parent / "stepping")}
CUT = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = '{}'"


class Kept:
    """A process that is started again whenever it ends, as systemd or Kubernetes would."""

    def __init__(self, words: list[str], env: dict[str, str], log: Path) -> None:
        self._words, self._env, self._log = words, env, log
        self._stop = threading.Event()
        self._process = self._spawn()
        self._keeper = threading.Thread(target=self._keep)
        self._keeper.start()

    @property
    def pid(self) -> int:
        """The process that runs now."""
        return self._process.pid

    def kill9(self) -> None:
        """As a power cut would, children too."""
        self._signal(signal.SIGKILL)

    def pause(self) -> None:
        """As a machine that swaps, or is moved, would."""
        self._signal(signal.SIGSTOP)

    def wake(self) -> None:
        """Let it go on."""
        self._signal(signal.SIGCONT)

    def resident(self) -> int:
        """Return how many KiB it and its children have in memory."""
        kilobytes = 0
        for status in Path("/proc").glob("[0-9]*/status"):
            with contextlib.suppress(OSError, ValueError, IndexError):
                if os.getpgid(int(status.parent.name)) == self._process.pid:
                    kilobytes += int(re.search(r"VmRSS:\s*(\d+)", status.read_text(encoding="ascii"))[1])
        return kilobytes

    def close(self) -> None:
        """End it for good."""
        self._stop.set()
        self._keeper.join()
        self._signal(signal.SIGKILL)
        self._process.wait()

    def _spawn(self) -> subprocess.Popen:
        with self._log.open("ab") as log:
            return subprocess.Popen(
                [sys.executable, *self._words],
                env=self._env,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def _keep(self) -> None:
        while not self._stop.wait(0.1):
            if self._process.poll() is not None:
                self._signal(signal.SIGKILL)
                self._process = self._spawn()

    def _signal(self, number: int) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, number)


class Standing:
    """Processes of the service on a database; the first is a server."""

    def __init__(self, folder: Path, database_url: str, registry: str, **more: str) -> None:
        (folder / "partners.yaml").write_text(registry, encoding="utf-8")
        self._engine = create_engine(database_url, pool_pre_ping=True)
        port = free_port()
        self.url = f"http://127.0.0.1:{port}"
        self._env = {
            **os.environ,
            "CASEBRIDGE_AUTH": "off",
            "CASEBRIDGE_DATABASE_URL": database_url,
            "CASEBRIDGE_PARTNERS": str(folder / "partners.yaml"),
            "CASEBRIDGE_PORT": str(port),
            **more,
        }
        subprocess.run([sys.executable, "-m", "service", "db", "upgrade"], env=self._env, check=True)
        self.log = folder / "log"
        self._kept: list[Kept] = []
        self._server = self._keep(["serve"])

    def kill_server(self) -> None:
        """Kill -9 what answers HTTP."""
        self._server.kill9()

    def rows(self, statement: str) -> list:
        """What the database says."""
        with self._engine.connect() as connection:
            return connection.execute(text(statement)).all()

    def await_server(self) -> None:
        """Return once the server answers."""
        until(self._ready, "the server does not answer")

    def close(self) -> None:
        """End all processes."""
        for process in self._kept:
            process.close()
        self._engine.dispose()

    def _keep(self, words: list[str], **more: str) -> Kept:
        self._kept.append(Kept(["-m", "service", *words], {**self._env, **more}, self.log))
        return self._kept[-1]

    def _ready(self) -> bool:
        try:
            return requests.get(f"{self.url}/health/ready", timeout=5).ok
        except requests.RequestException:
            return False


class Clinics(Standing):
    """A server and an MLLP process, for what hospitals send."""

    def __init__(self, folder: Path, database_url: str, **more: str) -> None:
        super().__init__(folder, database_url, HOSPITAL, **more)
        self.mllp_port = free_port()
        self._mllp = self._keep(["mllp", "--port", str(self.mllp_port)])

    def kill_mllp(self) -> None:
        """Kill -9 what answers MLLP."""
        self._mllp.kill9()


class Everybody(Standing):
    """A server, a worker and an MLLP process, for all who use them."""

    def __init__(
        self, folder: Path, database_url: str, amqp_url: str, registry: str = REGISTRY + _OF_HOSPITAL
    ) -> None:
        super().__init__(folder, database_url, registry, CASEBRIDGE_AMQP_URL=amqp_url)
        self.mllp_port = free_port()
        self.processes = {
            "serve": self._server,
            "worker": self._keep(["worker"]),
            "mllp": self._keep(["mllp", "--port", str(self.mllp_port)]),
        }


class House(Standing):
    """A server, two workers (one leads, one stands by), on the given database and broker."""

    def __init__(
        self, folder: Path, database_url: str, amqp_url: str, registry: str = REGISTRY, **more: str
    ) -> None:
        self.amqp_url = amqp_url
        super().__init__(folder, database_url, registry, CASEBRIDGE_AMQP_URL=amqp_url, **more)
        names = ("worker-1", "worker-2")
        self._workers = {name: self._keep(["worker"], PGAPPNAME=name) for name in names}

    def kill_relay(self) -> None:
        """Kill -9 the worker that leads, once one does."""
        self._workers[self.leader()].kill9()

    def leader(self, besides: str = "") -> str:
        """Wait until a worker leads, another than `besides`, and return its name."""
        until(lambda: self._leading() not in {None, besides}, "no worker leads")
        return self._leading() or self.leader(besides)

    @contextlib.contextmanager
    def paused(self, worker: str) -> Iterator[None]:
        """A worker paused, its sessions cut by the database."""
        with self.asleep(worker):
            self.rows(CUT.format(worker))
            yield

    @contextlib.contextmanager
    def asleep(self, worker: str) -> Iterator[None]:
        """A worker paused, as its machine may be."""
        self._workers[worker].pause()
        try:
            yield
        finally:
            self._workers[worker].wake()

    def prepare(self) -> None:
        """Put what all cases refer to, once the server answers."""
        self.await_server()
        for path, body in (
            ("organization/northern", river.INSURER),
            ("practitioner/nurse", river.NURSE),
        ):
            requests.put(f"{self.url}/api/directory/{path}", json=body, timeout=30).raise_for_status()

    def _leading(self) -> str | None:
        try:
            with self._engine.connect() as connection:
                holder = connection.execute(LEADING).scalar() or ""
        except SQLAlchemyError:
            return None
        pid = holder.rpartition(":")[2]
        return next((name for name, worker in self._workers.items() if str(worker.pid) == pid), None)


def until(holds, otherwise: str, seconds: float = 60.0) -> None:
    """Wait until something holds."""
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, otherwise
        time.sleep(0.05)
