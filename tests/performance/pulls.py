"""An insurer's pull with all that comes with it, and reads in another language, among many resources."""

import contextlib
import os
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psycopg
from sqlalchemy import make_url

from service.wire.json import parse
from tests.performance import house
from tests.performance.export import MEMBERS
from tests.performance.lines import Entry, at_least, at_most, median, ratios, rounds, spread, tell
from tests.performance.load import Answered
from tests.performance.read import WHO, Asked, lay, paths_of, same, vs_floor
from tests.server_process import free_port

COMING = "&_include=CarePlan:care-team&_include=CarePlan:goal&_revinclude=Provenance:target"
# of each that is a client's so many more, which other terms lead to and nobody asks for
MORE = """
INSERT INTO resource
  (view, type, id, version, owner, client, body, digest, mapping_version, last_updated, present, labels,
   terms)
SELECT view, type, md5(id || n)::uuid::text, version, md5(owner || n)::uuid::text,
  md5(client || n)::uuid::text, body, digest, mapping_version, last_updated - n * interval '1 second',
  present, labels,
  (SELECT array_agg(term + n) FROM unnest(terms) term)
FROM resource, generate_series(1, %s) n WHERE client IS NOT NULL
"""


@dataclass(frozen=True)
class Site:
    """A running service: where it answers, its process, its database and how many resources that has.

    `reads` and `pulls` are what is asked of it: each plan that was put in, and each client's plans.
    """

    port: int
    pid: int
    database: str
    resources: int
    reads: list[str]
    pulls: list[str]

    @property
    def wholes(self) -> list[str]:
        """The pulls with all that comes with a plan. Ids are random: no other site has them."""
        return [f"{path}{COMING}" for path in self.pulls]


def run(quick: bool, servers: house.Servers) -> list[Entry]:
    """Measure the lines: pulls and reads of a service with many resources, pulls of one with few."""
    count, copies, number, seconds = (40, 60, 4, 1.5) if quick else (240, 100, 9, 3)
    with site(servers, count, 0) as few, site(servers, count, copies) as many:
        wholes = many.wholes
        with psycopg.connect(many.database, autocommit=True) as connection:
            lay(connection, many.port, wholes)
        floor_port = free_port()
        environment = {**os.environ, "CASEBRIDGE_FLOOR": many.database}
        with house.process(environment, "tests.performance.floor", str(floor_port)) as floor:
            house.wait(floor_port, wholes[0])
            same(many.port, WHO, floor_port, wholes)
            beneath = Asked(floor_port, wholes, seconds, (floor.pid,))
            whole = Asked(many.port, wholes, seconds, (many.pid,))
            return [
                vs_floor("whole_pull.vs_floor", whole, beneath, number),
                _growth(few, many, number, seconds),
                _localised(many, many.reads, number, seconds),
            ]


@contextlib.contextmanager
def site(servers: house.Servers, count: int, copies: int) -> Iterator[Site]:
    """Run `casebridge serve` on a database with so many cases, and so many more of each."""
    with house.database(servers, count) as url, tempfile.TemporaryDirectory() as folder:
        tell(f"pulls: {copies} more of each of {count} cases")
        plain = make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)
        with psycopg.connect(plain, autocommit=True) as connection:
            reads, pulls = paths_of(connection)
            connection.execute(MORE, (copies,))
            connection.execute(MEMBERS, (copies,))
            connection.execute("VACUUM ANALYZE")
            (resources,) = connection.execute("SELECT count(*) FROM resource").fetchone()
        port = free_port()
        words = ("service", "serve", "--workers", "1", "--port", str(port))
        with house.process(house.environment(url, Path(folder)), *words) as service:
            house.wait(port, "/health/ready")
            yield Site(port, service.pid, plain, resources, reads, pulls)


def _growth(few: Site, many: Site, number: int, seconds: float) -> Entry:
    """How much longer a pull takes among many: the worse of the middle and the slowest hundredth."""
    sides = [Asked(site.port, site.wholes, seconds, (site.pid,)) for site in (few, many)]
    for site in (few, many):
        assert parse(house.get(site.port, site.wholes[0], **WHO))["total"] == 1
    rounds("growth.resources", number, *(side.round for side in sides))
    small, large = (side.answered[1:] for side in sides)
    times_of = {
        "median": _times(large, small, "median_ms"),
        "p99": _times(large, small, "p99_ms"),
    }
    shown = "; ".join(f"{name} {spread(times)}" for name, times in times_of.items())
    detail = f"{shown}; among {many.resources} resources and {few.resources}; {number} rounds of {seconds} s"
    return at_most("growth.resources", max(map(median, times_of.values())), "ratio", 1.5, detail)


def _times(over: list[Answered], under: list[Answered], which: str) -> list[float]:
    return ratios(*([getattr(answered, which) for answered in side] for side in (over, under)))


def _localised(site: Site, paths: list[str], number: int, seconds: float) -> Entry:
    """How much of the rate of plain reads those in another language reach."""
    danish = Asked(site.port, paths, seconds, (site.pid,), WHO | {"Accept-Language": "da"})
    plain = Asked(site.port, paths, seconds, (site.pid,))
    rates = rounds("localised.vs_plain", number, danish.round, plain.round)
    shares = ratios(*rates)
    detail = (
        f"{spread(shares)}; {spread(rates[0])} of {spread(rates[1])} plans/s; {number} rounds of {seconds} s"
    )
    return at_least("localised.vs_plain", median(shares), "ratio", 0.5, detail)
