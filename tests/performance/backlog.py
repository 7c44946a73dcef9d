"""A worker that finds a million messages queued, as after a day without a broker: how steadily they drain.

Positions up to `listed` are published. The queue is emptied meanwhile, for what it holds costs the broker.
If each message cost what all that wait cost, the first half would drain at a third of the rate of the second.
"""

import contextlib
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
from sqlalchemy import make_url

from service.settings import Settings
from service.wiring import operator
from tests.performance import house
from tests.performance.lines import Entry, at_least, at_most, tell
from tests.performance.relay import BODY, CASES, purge
from tests.performance.start import resident

LOOK_SECONDS = 0.1
PURGE_SECONDS = 0.5
PATIENCE = 900
FILL = """
INSERT INTO outbox (recorded_on, message, view, owner, routing_key, sequence, body, recorded)
SELECT now()::date, gen_random_uuid(), 'default', 'case/' || mod(n, %(cases)s), 'careplan.updated',
  n / %(cases)s + 1, %(body)s, now()
FROM generate_series(0, %(count)s - 1) n
"""
LISTED = "SELECT last FROM counter WHERE name = 'listed'"


def run(quick: bool, servers: house.Servers) -> list[Entry]:
    """Measure both lines."""
    count = 40_000 if quick else 1_000_000
    with house.database(servers) as url, tempfile.TemporaryDirectory() as folder:
        broker = servers.rabbit.create_vhost()
        environment = house.environment(url, Path(folder), AMQP_URL=broker)
        operator.upgrade(Settings.from_env(environment))
        with _connected(url) as database:
            database.execute(FILL, {"cases": CASES, "body": BODY, "count": count})
            database.execute("ANALYZE")
            tell(f"backlog: {count} messages queued")
            with house.process(environment, "service", "worker") as worker, _emptied(broker):
                seen = list(_drained(database, worker.pid, count))
    return _lines(count, seen)


def _lines(count: int, seen: list[tuple[float, int, float]]) -> list[Entry]:
    """The lines of what was seen: (second, messages published, megabytes of the worker)."""
    # once all is warm: a tenth, the middle, and all
    (begun, first, before), (middle, half, _), (ended, last, _) = (
        next(look for look in seen if look[1] >= count * part) for part in (0.1, 0.55, 1)
    )
    rates = [(half - first) / (middle - begun), (last - half) / (ended - middle)]
    most = max(megabytes for _, done, megabytes in seen if done >= first)
    speed = f"{rates[0]:.0f} msg/s while the first half of {count} drained, {rates[1]:.0f} the second"
    held = f"{before:.0f} MB after a tenth of {count}, {most:.0f} at most afterwards"
    return [
        at_least("backlog.linear", round(rates[0] / rates[1], 2), "ratio", 0.7, speed),
        at_most("backlog.memory", round(most / before, 2), "ratio", 1.1, held),
    ]


def _drained(database: psycopg.Connection, pid: int, count: int) -> Iterator[tuple[float, int, float]]:
    """Look until all is published."""
    deadline, done = time.monotonic() + PATIENCE, 0
    while done < count:
        if time.monotonic() > deadline:
            raise RuntimeError(f"{count - done} messages are still not relayed after {PATIENCE} s")
        time.sleep(LOOK_SECONDS)
        done = database.execute(LISTED).fetchone()[0]
        yield time.perf_counter(), done, resident(pid)


@contextlib.contextmanager
def _emptied(broker: str) -> Iterator[None]:
    """Empty the queue from time to time."""
    stop = threading.Event()

    def empty() -> None:
        while not stop.wait(PURGE_SECONDS):
            # until the worker has declared it
            with contextlib.suppress(Exception):
                purge(broker)

    thread = threading.Thread(target=empty)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


def _connected(url: str) -> psycopg.Connection:
    plain = make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)
    return psycopg.connect(plain, autocommit=True)
