"""Reads as an insurer makes them, against a floor with the same server, Flask and pooled psycopg."""

import os
import tempfile
from pathlib import Path

import psycopg
from sqlalchemy import make_url

from service.wire.json import parse
from tests.performance import house
from tests.performance.floor import TABLE
from tests.performance.lines import Entry, at_least, median, ratios, rounds, spread, tell
from tests.performance.load import Answered, Load, ask, gets
from tests.server_process import free_port

BUDGET = 0.35  # with the guard and the scope on
WHO = {"Casebridge-Partner": "northern"}


def run(quick: bool, servers: house.Servers) -> list[Entry]:
    """Measure both lines; both sides give the same bytes on the same PostgreSQL."""
    count, number, seconds = (60, 4, 1.5) if quick else (600, 9, 3)
    with house.database(servers.postgres) as url, tempfile.TemporaryDirectory() as folder:
        tell(f"read: putting {count} cases in")
        put = house.House(url, Path(folder))
        put.fill(count)
        put.close()
        port, floor_port = free_port(), free_port()
        plain = make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)
        with (
            house.process(house.environment(url, Path(folder)), "service", "serve", "--port", str(port)),
            psycopg.connect(plain, autocommit=True) as connection,
        ):
            house.wait(port, "/health/ready")
            reads, pulls = _paths(connection)
            _lay(connection, port, [*reads, *pulls])
            environment = {**os.environ, "CASEBRIDGE_FLOOR": plain}
            with house.process(environment, "tests.performance.floor", str(floor_port)):
                house.wait(floor_port, reads[0])
                _same(port, floor_port, [*reads, *pulls])
                return [
                    _line("read.vs_floor", reads, (port, floor_port), number, seconds, ""),
                    _line("pull.vs_floor", pulls, (port, floor_port), number, seconds, "no includes yet; "),
                ]


def _paths(connection: psycopg.Connection) -> tuple[list[str], list[str]]:
    """What the insurer reads and pulls: each plan by its id, and each client's plans."""
    plans = connection.execute("SELECT id FROM resource WHERE type = 'CarePlan' ORDER BY id").fetchall()
    patients = connection.execute("SELECT id FROM resource WHERE type = 'Patient' ORDER BY id").fetchall()
    reads = [f"/fhir/CarePlan/{id_}" for (id_,) in plans]
    return reads, [f"/fhir/CarePlan?patient=Patient/{id_}" for (id_,) in patients]


def _lay(connection: psycopg.Connection, port: int, paths: list[str]) -> None:
    """Keep what the service answers under the keys the floor looks up."""
    connection.execute(TABLE)
    for path in paths:
        connection.execute(
            "INSERT INTO floor VALUES (%s, %s)", (path.removeprefix("/fhir/"), house.get(port, path, **WHO))
        )
    connection.execute("VACUUM ANALYZE")


def _same(port: int, floor_port: int, paths: list[str]) -> None:
    """Make sure that both give the same bytes, and a pull one plan."""
    for path in paths:
        body = house.get(port, path, **WHO)
        assert body == house.get(floor_port, path, **WHO), f"the floor answers something else at {path}"
        assert "?" not in path or parse(body)["total"] == 1


def _line(
    name: str, paths: list[str], ports: tuple[int, int], number: int, seconds: float, note: str
) -> Entry:
    answered: list[list[Answered]] = [[], []]

    def side(index: int) -> float:
        found = ask(Load(ports[index], gets(paths, WHO), seconds))
        answered[index].append(found)
        return found.rate

    ours, floor = rounds(name, number, lambda: side(0), lambda: side(1))
    found = ratios(ours, floor)
    middle = [sorted(each.p99_ms for each in one[1:])[number // 2] for one in answered]
    detail = (
        f"{spread(found)}; {note}{spread(ours)} of {spread(floor)} answers/s, "
        f"p99 {middle[0]:.1f} and {middle[1]:.1f} ms; {number} rounds of {seconds} s, 8 connections, "
        f"{len(paths)} plans, guard and an insurer's scope on"
    )
    return at_least(name, median(found), "ratio", BUDGET, detail)
