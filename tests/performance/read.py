"""Reads as an insurer makes them, against a floor with the same server, Flask and pooled psycopg."""

import os
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

import psycopg
from sqlalchemy import make_url

from service.wire.json import parse
from tests.performance import house, processor
from tests.performance.floor import TABLE
from tests.performance.lines import Entry, at_least, at_most, median, ratios, rounds, spread
from tests.performance.load import Answered, Load, ask, gets
from tests.server_process import free_port

WHO = {"Casebridge-Partner": "northern"}
# with all on that the service does: without audit it was to be half, but there is none without audit
VS_FLOOR = 0.35


@dataclass
class Asked:
    """What came of the rounds of one side: its answers, and how long an operation took of processors.

    `pids` are the processes whose time that is, with all below them; `who` are the headers of who asks.
    """

    port: int
    paths: list[str]
    seconds: float
    pids: tuple[int, ...]
    who: dict[str, str] = field(default_factory=lambda: WHO)
    answered: list[Answered] = field(default_factory=list)
    milliseconds: list[float] = field(default_factory=list)

    def round(self) -> float:
        """Ask for so long; return the rate."""
        before = processor.seconds(*self.pids)
        came = ask(Load(self.port, gets(self.paths, self.who), self.seconds))
        self.milliseconds.append(1000 * (processor.seconds(*self.pids) - before) / came.count)
        self.answered.append(came)
        return came.rate

    @property
    def p99(self) -> float:
        """The middle of the rounds' 99th hundredths, but for the one that warmed up."""
        return sorted(came.p99_ms for came in self.answered[1:])[len(self.answered) // 2 - 1]


def run(quick: bool, servers: house.Servers) -> list[Entry]:
    """Measure all lines; service and floor give the same bytes on the same PostgreSQL, by a process each."""
    count, number, seconds = (40, 4, 1.5) if quick else (600, 9, 3)
    with house.database(servers, count) as url, tempfile.TemporaryDirectory() as folder:
        port, floor_port = free_port(), free_port()
        plain = make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)
        words = ("service", "serve", "--workers", "1", "--port", str(port))
        with (
            house.process(house.environment(url, Path(folder)), *words) as service,
            psycopg.connect(plain, autocommit=True) as connection,
        ):
            house.wait(port, "/health/ready")
            reads, pulls = paths_of(connection)
            lay(connection, port, [*reads, *pulls])
            environment = {**os.environ, "CASEBRIDGE_FLOOR": plain}
            with house.process(environment, "tests.performance.floor", str(floor_port)) as floor:
                house.wait(floor_port, reads[0])
                same(port, WHO, floor_port, [*reads, *pulls])
                postgres = servers.postgres.pid
                sides = {
                    paths[0]: (
                        Asked(port, paths, seconds, (service.pid, postgres)),
                        Asked(floor_port, paths, seconds, (floor.pid, postgres)),
                    )
                    for paths in (reads, pulls)
                }
                return [
                    vs_floor("read.vs_floor", *sides[reads[0]], number),
                    vs_floor("pull.vs_floor", *sides[pulls[0]], number),
                    _processor("cpu.read", sides[reads[0]][0], 1.0),
                    _processor("cpu.pull", sides[pulls[0]][0], 1.2),
                    _empty(port, service.pid, number, seconds),
                ]


def paths_of(connection: psycopg.Connection) -> tuple[list[str], list[str]]:
    """What the insurer reads and pulls: each plan by its id, and each client's plans."""
    plans = connection.execute("SELECT id FROM resource WHERE type = 'CarePlan' ORDER BY id").fetchall()
    patients = connection.execute("SELECT id FROM resource WHERE type = 'Patient' ORDER BY id").fetchall()
    reads = [f"/fhir/CarePlan/{id_}" for (id_,) in plans]
    return reads, [f"/fhir/CarePlan?patient=Patient/{id_}&status=active" for (id_,) in patients]


def lay(connection: psycopg.Connection, port: int, paths: list[str]) -> None:
    """Keep what the service answers under the keys the floor looks up."""
    connection.execute(TABLE)
    for path in paths:
        connection.execute(
            "INSERT INTO floor VALUES (%s, %s)", (path.removeprefix("/fhir/"), house.get(port, path, **WHO))
        )
    connection.execute("VACUUM ANALYZE")


def same(port: int, who: dict[str, str], other: int, paths: list[str]) -> None:
    """Make sure that another server gives the same bytes, and a pull one plan."""
    for path in paths:
        body = house.get(port, path, **who)
        assert body == house.get(other, path), f"the other side answers something else at {path}"
        assert "?" not in path or parse(body)["total"] == 1


def vs_floor(name: str, ours: Asked, floor: Asked, number: int) -> Entry:
    """How much of the floor's rate the service reaches, round by round."""
    rates = rounds(name, number, ours.round, floor.round)
    shares = ratios(*rates)
    detail = (
        f"{spread(shares)}; {spread(rates[0])} of {spread(rates[1])} answers/s, "
        f"p99 {ours.p99:.1f} and {floor.p99:.1f} ms; {number} rounds of {ours.seconds} s, 8 connections, "
        f"{len(ours.paths)} plans, guard, an insurer's scope, audit and metrics on"
    )
    return at_least(name, median(shares), "ratio", VS_FLOOR, detail)


def _processor(name: str, asked: Asked, budget: float) -> Entry:
    """What an operation took of processors: the service's processes and the database's."""
    taken = asked.milliseconds[1:]
    detail = f"{spread(taken)}; service and database, in the rounds before, of one worker"
    return at_most(name, median(taken), "ms", budget, detail)


def _empty(port: int, pid: int, number: int, seconds: float) -> Entry:
    """What server and framework take of a request for which nothing is to do."""
    asked = Asked(port, ["/health/live"], seconds / 2, (pid,))
    rounds("cpu.empty_request", number, asked.round)
    taken = asked.milliseconds[1:]
    return at_most("cpu.empty_request", median(taken), "ms", 0.3, f"{spread(taken)}; GET /health/live")
