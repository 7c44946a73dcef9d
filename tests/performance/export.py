"""A bulk export of an insurer's members, against COPY of the very same bodies from the same PostgreSQL."""

import contextlib
import http.client
import json
import os
import tempfile
import time
from pathlib import Path

import psycopg
from sqlalchemy import make_url

from service.store import tables as t
from service.store.relay.outbox import Outbox
from service.store.sql.engine import connect
from tests.performance import house, processor
from tests.performance.lines import Entry, at_least, at_most, median, ratios, rounds, spread, tell
from tests.server_process import free_port

WHO = {"Casebridge-Partner": "northern"}
COPY = "COPY (SELECT convert_from(body, 'UTF8') FROM resource WHERE view = 'default') TO STDOUT"
MEMBERS = """
INSERT INTO membership (client, position, system, value, start, "end")
SELECT md5(client || n)::uuid::text, position, system, value, start, "end"
FROM membership, generate_series(1, %s) AS n
"""


def run(quick: bool, servers: house.Servers) -> list[Entry]:
    """Measure export.vs_copy, and memory.export: by what the process grows after the first export."""
    count, copies, number = (40, 10, 3) if quick else (300, 20, 7)
    with house.database(servers, count) as url, tempfile.TemporaryDirectory() as folder:
        tell(f"export: {copies} more of each of {count} cases")
        plain = make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)
        _multiply(plain, url, copies)
        port = free_port()
        words = ("service", "serve", "--workers", "1", "--port", str(port))
        with (
            psycopg.connect(plain, autocommit=True) as connection,
            house.process(house.environment(url, Path(folder)), *words) as server,
        ):
            house.wait(port, "/health/ready")
            return _lines(connection, port, (server.pid, servers.postgres.pid), number)


def _lines(connection: psycopg.Connection, port: int, pids: tuple[int, int], number: int) -> list[Entry]:
    """Measure both in turn; `pids` are the server's and PostgreSQL's."""
    held, numbers, used = [], [], {"export": [], "copy": []}

    def exported() -> float:
        began, before = time.perf_counter(), processor.seconds(*pids)
        size, parts, planned = _export(port)
        seconds = time.perf_counter() - began
        used["export"].append(1e9 * (processor.seconds(*pids) - before) / size)
        held.append(_resident(pids[0]))
        numbers[:] = [size, parts, planned - began]
        return size / seconds / 1e6

    def copied() -> float:
        began, before = time.perf_counter(), processor.seconds(pids[1])
        with connection.cursor() as cursor, cursor.copy(COPY) as copy:
            size = sum(len(chunk) for chunk in copy)
        used["copy"].append(1e9 * (processor.seconds(pids[1]) - before) / size)
        return size / (time.perf_counter() - began) / 1e6

    rates = rounds("export.vs_copy", number, exported, copied)
    per_copy = ratios(*rates)
    size, parts, planned = numbers
    detail = (
        f"{spread(per_copy)}; {spread(rates[0])} of {spread(rates[1])} MB/s, {size / 1e6:.0f} MB in {parts} "
        f"parts fetched one after the other, {planned:.2f} s until the manifest of the last; "
        f"{number} rounds, guard, scope and audit on; {spread(used['export'][1:])} ms of processors a MB, "
        f"the database's alone {spread(used['copy'][1:])} for COPY"
    )
    grown = held[-1] - held[0]
    memory = f"{held[0]:.0f} MB after the first export, {held[-1]:.0f} after {len(held)}"
    return [
        at_least("export.vs_copy", median(per_copy), "ratio", 0.5, detail),
        at_most("memory.export", round(grown), "MB", 30, memory),
    ]


def _export(port: int) -> tuple[int, int, float]:
    """Export all; return how many bytes that were, in how many parts, and when it was planned."""
    with contextlib.closing(http.client.HTTPConnection("127.0.0.1", port, timeout=60)) as connection:
        status, begun = _ask(connection, "GET", "/fhir/$export", Prefer="respond-async")
        path = f"/fhir/$export/{begun.headers['Content-Location'].rpartition('/')[2]}"
        while begun.status == 202:
            status, begun = _ask(connection, "GET", path)
        planned = time.perf_counter()
        files = json.loads(status)["output"]
        size = 0
        for file in files:
            body, answer = _ask(connection, "GET", file["url"][file["url"].index("/fhir/") :])
            assert answer.status == 200
            assert body.count(b"\n") == file["count"]
            size += len(body)
        _ask(connection, "DELETE", path)
        return size, len(files), planned


def _ask(
    connection: http.client.HTTPConnection, method: str, path: str, **headers: str
) -> tuple[bytes, http.client.HTTPResponse]:
    connection.request(method, path, headers=WHO | headers)
    answer = connection.getresponse()
    return answer.read(), answer


def _multiply(plain: str, url: str, copies: int) -> None:
    """Have so many more of each client and of what is theirs, under ids of their own; and number all."""
    with psycopg.connect(plain, autocommit=True) as connection:
        for table in (t.resource, t.history):
            names = [column.name for column in table.c if column.name not in {"row", "position"}]
            new = {"id", "owner", "client"}
            values = [f"md5({name} || n)::uuid::text" if name in new else name for name in names]
            connection.execute(
                f"INSERT INTO {table.name} ({', '.join(names)}) SELECT {', '.join(values)} "
                f"FROM {table.name}, generate_series(1, %s) AS n WHERE client IS NOT NULL",
                (copies,),
            )
        connection.execute(MEMBERS, (copies,))
        connection.execute("VACUUM ANALYZE")
    engine = connect(url)
    outbox = Outbox(engine)
    while outbox.number():
        pass
    engine.dispose()


def _resident(pid: int) -> float:
    """The megabytes in memory of the process below a server that answers, the largest of them."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii")
    below = [int(child) for child in children.split()] or [pid]
    pages = [int(Path(f"/proc/{process}/statm").read_text(encoding="ascii").split()[1]) for process in below]
    return max(pages) * os.sysconf("SC_PAGE_SIZE") / 1e6
