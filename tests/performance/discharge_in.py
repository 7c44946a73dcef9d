"""Discharges coming in, by FHIR message and by MLLP, against bare transactions that write the very same rows.

Each is of a person and a stay nobody knew. Ours is answered before the next is sent: FHIR's goes through the
WSGI application in this process, MLLP's over a connection to the MLLP server in this process. How long
1, 8 and 64 senders at once wait is measured on `casebridge serve` and `casebridge mllp`.
"""

import contextlib
import socket
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from importlib.resources import files
from itertools import count
from pathlib import Path

from service.receive.mllp.framing import frame_of
from service.receive.mllp.proxied import Proxies
from service.settings import Settings
from service.wiring import operator, processes
from tests.performance import house
from tests.performance.bare import Bare, insert
from tests.performance.lines import Entry, at_least, median, ratios, spread, tell, turns
from tests.performance.load import NUMBER, Answered, Load, ask
from tests.server_process import free_port

PATH = "/fhir/$process-message"
FHIR = "application/fhir+json"
SENDERS = (1, 8, 64)
WAYS = {"discharge_fhir": "http", "discharge_mllp": "mllp"}
RIVER = files("service.cli.demo") / "river"


def run(quick: bool, servers: house.Servers) -> list[Entry]:
    """Measure both lines."""
    number, rounds, seconds = (20, 4, 1.5) if quick else (60, 9, 10)
    with (
        house.database(servers) as url,
        house.database(servers) as twin,
        tempfile.TemporaryDirectory() as folder,
    ):
        environment = house.environment(url, Path(folder))
        sending, bare = house.House(url, Path(folder)), Bare(url, twin)
        with contextlib.closing(bare), contextlib.closing(sending), mllp(environment) as over_mllp:

            def over_http(body: bytes) -> None:
                said = sending.ask("POST", PATH, body, FHIR, "general")
                assert said.startswith("200"), said

            sides = {"discharge_fhir": (fhir, over_http), "discharge_mllp": (hl7v2, over_mllp)}
            measured = _measured(sides, bare, number, rounds)
    with house.database(servers) as url, tempfile.TemporaryDirectory() as folder:
        waits = _waits(house.environment(url, Path(folder)), seconds)
    return [
        at_least(
            f"{name}.vs_rows",
            median(ratios(theirs, ours)),
            "ratio",
            0.3,
            f"{spread(ratios(theirs, ours))}, {_ms(ours)} ms against {_ms(theirs)} for {size} rows; "
            f"{rounds} rounds of {number}, one after the other; {waits[name]}, {seconds} s each, "
            "the senders on the same machine",
        )
        for name, (ours, theirs, size) in measured.items()
    ]


def fhir(number: str) -> bytes:
    """Return River's discharge, of another person and stay, as a FHIR message."""
    text = (RIVER / "discharge.json").read_text(encoding="utf-8")
    named = text.replace('"river-discharge', f'"river-{number}-discharge')
    return named.replace('"R-1"', f'"R-{number}"').replace('"V-1"', f'"V-{number}"').encode()


def hl7v2(number: str) -> bytes:
    """Return the same as ADT^A03."""
    text = (RIVER / "discharge.hl7").read_text(encoding="utf-8").replace("\n", "\r")
    named = text.replace("RIVER-1", f"RIVER-{number}")
    return named.replace("R-1^", f"R-{number}^").replace("V-1^", f"V-{number}^").encode()


@contextlib.contextmanager
def mllp(environment: dict[str, str]) -> Iterator[Callable[[bytes], None]]:
    """Send and have acknowledged, over a connection to a server in a thread of this process."""
    stop, port = threading.Event(), free_port()
    where = (Settings.from_env(environment), "127.0.0.1", port, None, Proxies(()), stop)
    serving = threading.Thread(target=processes.mllp, args=where)
    serving.start()
    try:
        with _connected(port) as connection:

            def send(body: bytes) -> None:
                connection.sendall(frame_of(body))
                said = b""
                while not said.endswith(b"\x1c\r"):
                    said += connection.recv(65_536)
                assert b"\rMSA|AA|" in said, said

            yield send
    finally:
        stop.set()
        serving.join()


def _measured(
    sides: dict[str, tuple[Callable[[str], bytes], Callable[[bytes], None]]],
    bare: Bare,
    number: int,
    rounds: int,
) -> dict[str, tuple[list[float], list[float], int]]:
    """Return for each line our seconds, the bare ones, and how many rows a discharge is; a round warms up."""
    times: dict[str, tuple[list[float], list[float]]] = {name: ([], []) for name in sides}
    sizes: dict[str, int] = {}
    numbers = count()
    for _ in turns("discharge", rounds):
        for name, (made, send) in sides.items():
            bodies = [made(f"{next(numbers):07}") for _ in range(number)]
            began = time.perf_counter()
            for body in bodies:
                send(body)
            times[name][0].append((time.perf_counter() - began) / number)
            written = bare.seen()
            assert len(written) == number, "a discharge is one transaction"
            times[name][1].append(bare.write(written, insert))
            sizes[name] = sum(map(len, written[-1].values()))
    return {name: (ours[1:], theirs[1:], sizes[name]) for name, (ours, theirs) in times.items()}


def _waits(environment: dict[str, str], seconds: float) -> dict[str, str]:
    """Return for each line how long the senders waited."""
    operator.upgrade(Settings.from_env(environment))
    ports = {"http": free_port(), "mllp": free_port()}
    body = fhir(NUMBER).decode()
    head = (
        f"POST {PATH} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: {FHIR}\r\nCasebridge-Partner: general\r\n"
    )
    requests = {
        "http": f"{head}Content-Length: {len(body.encode())}\r\n\r\n{body}",
        "mllp": frame_of(hl7v2(NUMBER)).decode(),
    }
    first, details = 0, {}
    with (
        house.process(environment, "service", "serve", "--port", str(ports["http"])),
        house.process(environment, "service", "mllp", "--port", str(ports["mllp"])),
    ):
        house.wait(ports["http"], "/health/ready")
        _connected(ports["mllp"]).close()
        for name, protocol in WAYS.items():
            said = []
            for senders in SENDERS:
                load = Load(
                    ports[protocol], [requests[protocol]], seconds, senders, first=first, protocol=protocol
                )
                answered = ask(load)
                first += answered.count + senders
                said.append(_said(senders, answered))
                tell(f"{name}: {said[-1]}")
            details[name] = ", ".join(said)
    return details


def _said(senders: int, answered: Answered) -> str:
    middle, last = answered.median_ms, answered.p99_ms
    return f"{senders} at once: {answered.rate:.0f}/s, p50 {middle:.0f} and p99 {last:.0f} ms"


def _connected(port: int) -> socket.socket:
    deadline = time.monotonic() + 30
    while True:
        try:
            return socket.create_connection(("127.0.0.1", port), 30)
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.01)


def _ms(seconds: list[float]) -> str:
    return spread([1000 * second for second in seconds])
