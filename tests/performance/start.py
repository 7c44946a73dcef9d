"""How soon `casebridge serve` answers on a fresh SQLite file; what memory its parent and a worker take."""

import os
import tempfile
import time
from pathlib import Path

from tests.performance import house
from tests.performance.lines import Entry, at_most, median, rounds, spread, tell
from tests.performance.relay import BODY, made
from tests.publish.made import Office
from tests.server_process import free_port

CHUNK = 5_000


def first_answer(quick: bool, _servers: house.Servers) -> list[Entry]:
    """Measure start.first_answer, from the command to 200 on /health/ready, and memory.parent, resident then.

    The code is bytecode, as it is in the image.
    """
    number = 3 if quick else 9
    held: list[float] = []
    with tempfile.TemporaryDirectory() as bytecode:
        (seconds,) = rounds("start.first_answer", number, lambda: _started(Path(bytecode), held))
    starts = f"{number} starts, each with its migrations on a fresh SQLite file"
    return [
        at_most("start.first_answer", median(seconds), "s", 2, f"{spread(seconds)}; {starts}"),
        at_most("memory.parent", round(max(held)), "MB", 40, f"{spread(held)}; the parent of who answers"),
    ]


def _started(bytecode: Path, held: list[float]) -> float:
    with tempfile.TemporaryDirectory() as folder:
        port = free_port()
        environment = house.environment(f"sqlite:///{folder}/casebridge.db", Path(folder))
        environment |= {"PYTHONPYCACHEPREFIX": str(bytecode), "PYTHONDONTWRITEBYTECODE": ""}
        began = time.perf_counter()
        with house.process(environment, "service", "serve", "--port", str(port)) as parent:
            house.wait(port, "/health/ready")
            seconds = time.perf_counter() - began
            held.append(resident(parent.pid))
            return seconds


def memory(quick: bool, servers: house.Servers) -> list[Entry]:
    """Measure memory.worker: the resident memory of a relay's process, half way and at the end."""
    half = 10_000 if quick else 50_000
    with house.database(servers) as url, tempfile.TemporaryDirectory() as folder:
        office = Office(url)
        environment = house.environment(url, Path(folder), AMQP_URL=servers.rabbit.create_vhost())
        with house.process(environment, "service", "worker") as worker:
            held = [_after(office, worker.pid, half) for _ in range(2)]
        office.engine.dispose()
    detail = (
        f"{held[0]:.0f} MB after {half} messages, {held[1]:.0f} after as many more, {len(BODY)} bytes each"
    )
    return [at_most("memory.worker", round(max(held)), "MB", 150, detail)]


def _after(office: Office, pid: int, count: int) -> float:
    """The resident megabytes of a process once it has relayed so many messages."""
    for _ in range(count // CHUNK):
        office.emit(*made(CHUNK))
    deadline = time.monotonic() + 120
    while left := office.outbox.backlog():
        if time.monotonic() > deadline:
            raise RuntimeError(f"{left} messages are still not relayed after two minutes")
        time.sleep(0.1)
    tell(f"memory.worker: {count} messages relayed")
    return resident(pid)


def resident(pid: int) -> float:
    """The megabytes of a process that are in memory."""
    pages = int(Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6
