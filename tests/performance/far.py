"""Cases and discharges coming in where each round trip to PostgreSQL takes a millisecond more.

A proxy stands between `casebridge serve`, one worker of it, and the database. Eight senders each send the
next when theirs is answered.
"""

import contextlib
import http.client
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path

from sqlalchemy import make_url

from service.settings import Settings
from service.wire.json import dump
from service.wiring import operator
from tests.performance import house
from tests.performance.cases import DIRECTORY
from tests.performance.cost import OPERATIONS, Request
from tests.performance.lines import Entry, at_least, median, rounds, spread
from tests.performance.relay import Delay
from tests.server_process import free_port

ROUND_TRIP = 0.001
SENDERS = 8
BUDGETS = {"case": 40, "discharge": 50}


def run(quick: bool, servers: house.Servers) -> list[Entry]:
    """Measure both lines."""
    number, seconds = (3, 1) if quick else (9, 5)
    with site(servers) as port:
        rates_of: dict[str, list[float]] = {}
        for what in BUDGETS:
            numbers = count()
            (rates_of[what],) = rounds(
                f"{what}.rate_1ms", number, lambda w=what, n=numbers: _rate(port, w, n, seconds)
            )
    return [
        at_least(
            f"{what}.rate_1ms",
            median(rates),
            "1/s",
            BUDGETS[what],
            f"{spread(rates)}; {number} rounds of {seconds} s, {SENDERS} connections, one worker",
        )
        for what, rates in rates_of.items()
    ]


@contextlib.contextmanager
def site(servers: house.Servers) -> Iterator[int]:
    """Run a server that is far from a fresh database; give its port."""
    port = free_port()
    with house.database(servers) as url, tempfile.TemporaryDirectory() as folder:
        near = make_url(url)
        operator.upgrade(Settings.from_env(house.environment(url, Path(folder))))
        proxy = Delay(near.host, near.port, ROUND_TRIP)
        far = near.set(host="127.0.0.1", port=proxy.port).render_as_string(hide_password=False)
        words = ("service", "serve", "--workers", "1", "--port", str(port))
        with (
            contextlib.closing(proxy),
            house.process(house.environment(far, Path(folder)), *words),
        ):
            house.wait(port, "/health/ready")
            entries = [
                Request("PUT", f"/api/directory/{kind}/{name}", dump(entry))
                for (kind, name), entry in DIRECTORY.items()
            ]
            with _sender(port) as send:
                for request in entries:
                    send(request)
            yield port


def _rate(port: int, what: str, numbers: Iterator[int], seconds: float) -> float:
    """Return how many a second are answered to all senders together."""
    make, done = OPERATIONS[f"cpu.{what}"], []
    until = time.monotonic() + seconds

    def work() -> None:
        with _sender(port) as send:
            while time.monotonic() < until:
                for request in make(next(numbers)):
                    send(request)
                done.append(time.monotonic())

    began = time.monotonic()
    threads = [threading.Thread(target=work) for _ in range(SENDERS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return len(done) / (max(done) - began)


@contextlib.contextmanager
def _sender(port: int) -> Iterator[Callable[[Request], None]]:
    """Give what sends a request over one connection; anything but success ends the run."""
    with contextlib.closing(http.client.HTTPConnection("127.0.0.1", port, timeout=30)) as connection:

        def send(request: Request) -> None:
            headers = {"Content-Type": request.kind, "Casebridge-Partner": request.partner}
            connection.request(request.method, request.path, request.body, headers)
            answer = connection.getresponse()
            said = answer.read()
            assert 200 <= answer.status < 300, f"{request.path} answered {answer.status}: {said.decode()}"

        yield send
