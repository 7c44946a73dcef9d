"""What an operation costs `casebridge serve`, a worker and PostgreSQL: processor time, write-ahead log, disk.

The operations come one after the other over one connection. Their cost is that of all processes of the
service, the relay's too, and of the database, until the last message is published; the broker's is not in it.
"""

import contextlib
import http.client
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import psycopg
from sqlalchemy import make_url

from service.settings import Settings
from service.wire.json import dump
from service.wiring import operator
from tests.performance import house, processor
from tests.performance.case_in import changed
from tests.performance.cases import DIRECTORY
from tests.performance.discharge_in import FHIR, PATH, fhir
from tests.performance.lines import Entry, at_most, median, spread, turns
from tests.server_process import free_port

BUDGETS = {"cpu.case": 35, "cpu.goal": 10, "cpu.discharge": 14}
WAL_KB, DISK_KB = 300, 5
UNPUBLISHED = """
SELECT count(*) FROM unpublished
UNION ALL SELECT n.last - c.last FROM numbering n, counter c WHERE n.stream = 'outbox' AND c.name = 'listed'
UNION ALL SELECT count(*) FROM outbox, numbering n WHERE n.stream = 'outbox' AND outbox.row > n.row
"""
LOG = "SELECT pg_current_wal_insert_lsn()"
LOGGED = "SELECT pg_wal_lsn_diff(pg_current_wal_insert_lsn(), %s)::bigint"
STORED = """
SELECT (SELECT sum(pg_total_relation_size(c.oid)) FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace
  WHERE nspname = 'public' AND relkind = 'r')::bigint, (SELECT count(*) FROM resource)
"""


@dataclass(frozen=True, slots=True)
class Request:
    """A request, as who makes it."""

    method: str
    path: str
    body: bytes
    kind: str = "application/json"
    partner: str = "cms"
    revision: int | None = None


@dataclass(frozen=True, slots=True)
class Site:
    """A running service: where it answers, its processes, and a look into its database."""

    connection: http.client.HTTPConnection
    processes: tuple[int, ...]
    database: int
    look: psycopg.Connection

    def ask(self, request: Request) -> None:
        """Send a request; anything but success ends the run."""
        headers = {"Content-Type": request.kind, "Casebridge-Partner": request.partner}
        headers |= {"If-Match": f'W/"{request.revision}"'} if request.revision is not None else {}
        self.connection.request(request.method, request.path, request.body, headers)
        answer = self.connection.getresponse()
        said = answer.read()
        assert 200 <= answer.status < 300, f"{request.path} answered {answer.status}: {said.decode()}"

    def settle(self) -> None:
        """Return when all is published."""
        deadline = time.monotonic() + 120
        while any(count for (count,) in self.look.execute(UNPUBLISHED)):
            if time.monotonic() > deadline:
                raise RuntimeError("messages are still not published after two minutes")
            time.sleep(0.02)

    def cost(self, requests: list[Request]) -> tuple[float, float, int]:
        """Return the seconds of processor time of the service, of the database, and the bytes logged."""
        (log,) = self.look.execute(LOG).fetchone()
        before = self._seconds()
        for request in requests:
            self.ask(request)
        self.settle()
        after = self._seconds()
        (logged,) = self.look.execute(LOGGED, (log,)).fetchone()
        return after[0] - before[0], after[1] - before[1], logged

    def stored(self) -> tuple[int, int]:
        """Return the bytes of all tables with their indexes, vacuumed, and the number of resources."""
        self.look.execute("VACUUM")
        return self.look.execute(STORED).fetchone()

    def _seconds(self) -> tuple[float, float]:
        return processor.seconds(*self.processes), processor.seconds(self.database)


def run(quick: bool, servers: house.Servers) -> list[Entry]:
    """Measure the lines."""
    count, number = (20, 4) if quick else (60, 9)
    with site(servers) as running:
        for (kind, name), entry in DIRECTORY.items():
            running.ask(Request("PUT", f"/api/directory/{kind}/{name}", dump(entry)))
        return _measured(running, count, number)


@contextlib.contextmanager
def site(servers: house.Servers) -> Iterator[Site]:
    """Run `casebridge serve` and a worker on a fresh database and broker."""
    port = free_port()
    with house.database(servers) as url, tempfile.TemporaryDirectory() as folder:
        environment = house.environment(url, Path(folder), AMQP_URL=servers.rabbit.create_vhost())
        operator.upgrade(Settings.from_env(environment))
        plain = make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)
        with (
            house.process(environment, "service", "serve", "--port", str(port)) as serving,
            psycopg.connect(plain, autocommit=True) as look,
        ):
            house.wait(port, "/health/ready")
            with (
                house.process(environment, "service", "worker") as working,
                contextlib.closing(http.client.HTTPConnection("127.0.0.1", port, timeout=30)) as connection,
            ):
                yield Site(connection, (serving.pid, working.pid), servers.postgres.pid, look)


def _measured(running: Site, count: int, number: int) -> list[Entry]:
    """Measure each operation in turn; a round warms up."""
    costs_of: dict[str, list[tuple[float, ...]]] = {name: [] for name in OPERATIONS}
    sizes = []
    for turn in turns("cpu, wal and disk", number):
        numbers = range(turn * count, (turn + 1) * count)
        for name, requests in OPERATIONS.items():
            cost = running.cost([request for number in numbers for request in requests(number)])
            costs_of[name].append(tuple(part / count for part in cost))
        sizes.append(running.stored())
    kept = {name: costs[1:] for name, costs in costs_of.items()}
    rounds = f"{number} rounds of {count}, one after the other"
    return [
        *(_processor(name, costs, rounds) for name, costs in kept.items()),
        _log(kept, rounds),
        _disk(sizes, rounds),
    ]


def _processor(name: str, costs: list[tuple[float, ...]], rounds: str) -> Entry:
    service, database = ([1000 * cost[side] for cost in costs] for side in (0, 1))
    both = [sum(pair) for pair in zip(service, database, strict=True)]
    parts = f"service with relay {spread(service)}, PostgreSQL {spread(database)}"
    return at_most(name, median(both), "ms", BUDGETS[name], f"{spread(both)}; {parts}; {rounds}")


def _log(kept: dict[str, list[tuple[float, ...]]], rounds: str) -> Entry:
    kilobytes = {name: [cost[2] / 1000 for cost in costs] for name, costs in kept.items()}
    others = ", ".join(f"{name[4:]} {spread(used)}" for name, used in kilobytes.items() if name != "cpu.case")
    detail = f"{spread(kilobytes['cpu.case'])} a client and case; {others}; {rounds}"
    return at_most("wal.per_case", median(kilobytes["cpu.case"]), "kB", WAL_KB, detail)


def _disk(sizes: list[tuple[int, int]], rounds: str) -> Entry:
    """The growth from the first round to the last: what updates leave behind is used again by then."""
    (first, few), (last, many) = sizes[0], sizes[-1]
    kilobytes = (last - first) / (many - few) / 1000
    grown = f"tables and indexes, vacuumed, grown by {many - few} resources"
    detail = f"{grown}; {last / many / 1000:.3g} kB of all that are there; {rounds}"
    return at_most("disk.per_resource", float(f"{kilobytes:.3g}"), "kB", DISK_KB, detail)


def _case(number: int) -> list[Request]:
    return [Request("PUT", *house.client(number)), Request("PUT", *house.case(number))]


def _goal(number: int) -> list[Request]:
    return [Request("PUT", house.case(number)[0], changed(number), revision=1)]


def _discharge(number: int) -> list[Request]:
    return [Request("POST", PATH, fhir(f"{number:07}"), FHIR, "general")]


OPERATIONS: dict[str, Callable[[int], list[Request]]] = {
    "cpu.case": _case,
    "cpu.goal": _goal,
    "cpu.discharge": _discharge,
}
