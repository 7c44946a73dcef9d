"""The workers of `casebridge serve`: processes that answer HTTP on one port; one that dies is replaced.

Their parent stays small, and the first answer comes sooner, because it neither imports the rooms nor compiles
a mapping: each worker does, and says when it is ready, or why it never will be.
"""

import os
import resource
import shutil
import signal
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from math import ceil
from multiprocessing import Lock, Pipe
from pathlib import Path
from typing import Any, Final

from service.cli.processes.collector import pausing
from service.errors import CasebridgeError
from service.settings import Settings

CONNECTIONS: Final = 2048
"""How many connections are open at a time in a worker; past them new ones wait."""
FILES: Final = 256
"""How many files besides connections a process may open."""
STOP_SECONDS: Final = 8
"""How long requests in hand go on after SIGTERM."""
METRICS: Final = "PROMETHEUS_MULTIPROC_DIR"
"""Where the workers of one server keep their metrics: https://prometheus.github.io/client_python/multiprocess/"""
QUOTA: Final = Path("/sys/fs/cgroup/cpu.max")
"""A container's: https://docs.kernel.org/admin-guide/cgroup-v2.html"""


def cores() -> int:
    """Return how many cores this process may use: those that it may run on, or fewer by a quota."""
    allowed = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    with suppress(OSError, ValueError):
        quota, period = map(int, QUOTA.read_text(encoding="ascii").split())
        allowed = min(allowed, ceil(quota / period))
    return allowed


class Starts:
    """What workers say of their start, each once: nothing when it is ready, or the error that keeps it."""

    def __init__(self) -> None:
        """Make what is to be shared with the workers, before there are any."""
        self._receiver, self._sender = Pipe(duplex=False)
        # what is longer than a pipe takes at once comes in parts
        self._turn = Lock()

    def tell(self, error: CasebridgeError | None) -> None:
        """Say it, in a worker."""
        with self._turn, self._sender:
            self._sender.send(error)

    def __iter__(self) -> Iterator[CasebridgeError | None]:
        """Give what is said until all have said it and this was closed, in the parent."""
        with suppress(EOFError, OSError):
            while True:
                yield self._receiver.recv()

    def close(self) -> None:
        """Wait for no more workers, in the parent."""
        self._sender.close()


@dataclass(frozen=True, slots=True)
class HeadLimits:
    """How many bytes the head of a request has at most, and within how many seconds it has to be there."""

    size: int = 32_768
    seconds: int = 30


def server(host: str, port: int, workers: int = 1, heads: HeadLimits | None = None) -> Any:
    """Return the server of a port; its `serve` has each worker load the ASGI application, until a signal."""
    # granian is needed by the server alone, and its import is not free
    from granian import Granian
    from granian.constants import HTTPModes, Interfaces, Loops
    from granian.http import HTTP1Settings

    limits = heads or HeadLimits()

    return Granian(
        "casebridge",
        address=host,
        port=port,
        interface=Interfaces.ASGINL,
        workers=workers,
        loop=Loops.uvloop,
        http=HTTPModes.http1,
        http1_settings=HTTP1Settings(limits.seconds * 1_000, max_buffer_size=limits.size),
        websockets=False,
        log_access=False,
        backpressure=connections(),
        # whoever is connected then, and a worker that a signal meets while it starts may never heed it
        workers_kill_timeout=STOP_SECONDS,
    )


def connections() -> int:
    """Have the system let this process open files for connections; return for how many."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = CONNECTIONS + FILES
    if 0 <= soft < wanted:
        soft = wanted if hard < 0 else min(wanted, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    return CONNECTIONS if soft < 0 else min(CONNECTIONS, max(soft - FILES, 1))


def application(settings: Settings, parent: int, metrics: str, starts: Starts) -> Any:
    """Return the ASGI application in a worker, and say so to the parent; or why not, and end.

    The worker ends when its parent was killed. Otherwise it would keep answering on the port, beside the
    server that is started next. Ctrl-C reaches the whole group, and after it the server's SIGTERM: two
    signals could leave this process waiting for ever.
    """
    # what the server does at SIGTERM begins once there is an application; until then it would be swallowed
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    threading.Thread(target=_end_with, args=(parent, metrics), daemon=True).start()
    # it is looked at when the first metric is made
    os.environ[METRICS] = metrics
    with pausing():
        # not at the head: the parent would have them too
        from service.front.asgi import Front
        from service.front.bodies import BodyLimits
        from service.front.connections import Connections
        from service.front.headers import AnswerHeaders
        from service.wiring import serving

        try:
            bodies = BodyLimits(body_bytes=settings.max_body_bytes + 1)
            counts = Path(metrics) / "asked"
            front = Front(serving.web(settings, counts), bodies, AnswerHeaders(settings.hsts_seconds))
        except CasebridgeError as error:
            starts.tell(error)
            sys.exit(1)
    Connections(settings.port, connections(), front.working).watch()
    starts.tell(None)
    return front


def _end_with(parent: int, metrics: str) -> None:
    while os.getppid() == parent:
        time.sleep(0.2)
    shutil.rmtree(metrics, ignore_errors=True)
    os.kill(os.getpid(), signal.SIGTERM)
