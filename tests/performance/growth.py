"""What an insurer asks for, with very many members and with few: the same questions of the same server."""

import itertools
import statistics
import tempfile
from pathlib import Path

import psycopg
from sqlalchemy import make_url

from tests.performance import house
from tests.performance.lines import Entry, at_most, median, spread, tell, turns
from tests.performance.load import Connection, Load, gets
from tests.server_process import free_port

FEW = 200
# every other client that was put in is the small insurer's
MOVED = """
UPDATE membership SET value = 'southern' WHERE client IN (
  SELECT client FROM (SELECT client, row_number() OVER (ORDER BY client) FROM membership) AS numbered
  WHERE row_number % 2 = 0
)
"""
# members besides, each with a plan that nobody reads
MORE = """
WITH members AS (
  INSERT INTO membership (client, position, system, value, start, "end")
  SELECT gen_random_uuid()::text, 0, 'urn:example:payers', %(payer)s, '0001-01-01', '9999-12-31'
  FROM generate_series((SELECT count(*) + 1 FROM membership WHERE value = %(payer)s), %(members)s)
  RETURNING client
), plans AS (
  INSERT INTO resource
    (view, type, id, version, owner, client, body, digest, mapping_version, last_updated, terms)
  SELECT 'default', 'CarePlan', gen_random_uuid()::text, 1, client, client, '{}', '', '', now(), ARRAY[
    ('x' || encode(substr(sha256(
      convert_to('default CarePlan.subject>Patient/' || client, 'UTF8')), 1, 8), 'hex'))::bit(64)::bigint
  ] FROM members
  RETURNING *
)
INSERT INTO mention (owner, view, target_type, target_id, client)
SELECT owner, view, 'Organization', 'elsewhere', client FROM plans
"""
# a plan, its client and its author, of each client put in
PLANS = """
SELECT r.id, convert_from(r.body, 'UTF8')::json #>> '{subject,reference}',
  convert_from(r.body, 'UTF8')::json #>> '{author,reference}'
FROM resource r JOIN membership m ON m.client = r.client
WHERE r.type = 'CarePlan' AND m.value = %s AND r.body <> '{}' ORDER BY r.id
"""


def run(quick: bool, servers: house.Servers) -> list[Entry]:
    """Measure the line: the worst of a plan read, its author read, and the plans of a client searched for."""
    count, many, number, questions = (40, 50_000, 4, 150) if quick else (400, 200_000, 9, 1000)
    with house.database(servers, count) as url, tempfile.TemporaryDirectory() as folder:
        tell(f"growth.scope: putting {many} members in")
        plain = make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)
        with psycopg.connect(plain, autocommit=True) as connection:
            connection.execute(MOVED)
            for payer, members in (("northern", many), ("southern", FEW)):
                connection.execute(MORE, {"payer": payer, "members": members})
            connection.execute("VACUUM ANALYZE")
            asked = {payer: _paths(connection, payer) for payer in ("northern", "southern")}
        port = free_port()
        with house.process(house.environment(url, Path(folder)), "service", "serve", "--port", str(port)):
            house.wait(port, "/health/ready")
            return [_line(port, asked, many, number, questions)]


def _paths(connection: psycopg.Connection, payer: str) -> dict[str, list[str]]:
    """What an insurer asks for, by what is asked."""
    rows = connection.execute(PLANS, (payer,)).fetchall()
    return {
        "read": [f"/fhir/CarePlan/{id_}" for id_, _, _ in rows],
        "read of an author": [f"/fhir/{author}" for _, _, author in rows],
        "search": [f"/fhir/CarePlan?patient={patient}" for _, patient, _ in rows],
    }


def _line(port: int, asked: dict[str, dict[str, list[str]]], many: int, number: int, questions: int) -> Entry:
    worst, details = [], []
    for what in asked["northern"]:
        clients = [_client(port, payer, paths[what]) for payer, paths in asked.items()]
        grown, times = [], []
        for turn in turns(f"growth.scope, {what}", number):
            large, small = _in_turn(clients, questions)
            if turn:
                grown.append(large / small)
                times.append((1000 * large, 1000 * small))
        for client in clients:
            client.socket.close()
        worst.append(median(grown))
        ms = [spread(side) for side in zip(*times, strict=True)]
        details.append(f"{what} {spread(grown)}, {ms[0]} ms with {many} members and {ms[1]} ms with {FEW}")
    detail = f"the worst of {'; '.join(details)}; {number} rounds of {questions} of each, asked in turn"
    return at_most("growth.scope", max(worst), "ratio", 1.2, detail)


def _client(port: int, payer: str, paths: list[str]) -> Connection:
    load = Load(port, gets(paths, {"Casebridge-Partner": payer}), 0)
    return Connection(load, itertools.cycle(request.encode() for request in load.requests))


def _in_turn(clients: list[Connection], questions: int) -> list[float]:
    """Ask by each client in turn; return for each the middle of the seconds its questions took."""
    took: list[list[float]] = [[] for _ in clients]
    for _ in range(questions):
        for client, seconds in zip(clients, took, strict=True):
            client.send()
            while (answered := client.receive()) is None:
                pass
            seconds.append(answered)
    return [statistics.median(times) for times in took]
