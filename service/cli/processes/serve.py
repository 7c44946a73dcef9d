"""casebridge serve: the parent of the process that answers HTTP and, on SQLite, of a worker.

The parent stays small, and the first answer comes sooner, because it neither imports the rooms nor compiles a
mapping: the process that answers does, and says when it is ready, or why it never will be.
"""

import os
import resource
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from functools import partial
from multiprocessing import Pipe
from multiprocessing.connection import Connection
from typing import Any, Final

import click

from service.cli.processes.collector import pausing
from service.errors import CasebridgeError
from service.settings import Settings

CONNECTIONS: Final = 2048
"""How many connections are open at a time; past them new ones wait."""
FILES: Final = 256
"""How many files besides connections a process may open."""
STOP_SECONDS: Final = 8
"""How long requests in hand go on after SIGTERM."""


@click.command()
@click.option("--host", help="The address to listen on; CASEBRIDGE_HOST otherwise.")
@click.option("--port", type=int, help="The port to listen on; CASEBRIDGE_PORT otherwise.")
@click.option("--demo", is_flag=True, help="Load River's case and print what to try.")
def serve(host: str | None, port: int | None, demo: bool) -> None:
    """Answer HTTP; on SQLite also upgrade the schema and run the worker.

    \b
    Example:
      CASEBRIDGE_AUTH=off casebridge serve --port 8080
    """  # noqa: D301  click reads \b
    if host:
        os.environ["CASEBRIDGE_HOST"] = host
    if port:
        os.environ["CASEBRIDGE_PORT"] = str(port)
    if demo:
        os.environ.setdefault("CASEBRIDGE_AUTH", "off")
    settings = Settings.from_env()
    companions = Companions(settings, demo)
    receiver, sender = Pipe(duplex=False)
    watcher = threading.Thread(target=companions.begin_once_ready, args=(receiver,), daemon=True)
    watcher.start()
    try:
        listen(partial(application, settings, os.getpid(), sender), settings.host, settings.port)
    finally:
        # the copy of the process that answers was closed with it: the watcher waits for nothing more
        sender.close()
        watcher.join()
        companions.end()


class Companions:
    """What runs beside the process that answers, once that is ready: on SQLite a worker; --demo's story."""

    def __init__(self, settings: Settings, demo: bool) -> None:
        """Take the settings, and whether River's case is to be loaded."""
        self._settings = settings
        self._demo = demo
        self._worker: subprocess.Popen[bytes] | None = None
        self._error: CasebridgeError | None = None

    def begin_once_ready(self, receiver: Connection) -> None:
        """Begin when the process that answers says that it is ready; keep the error that it sends instead."""
        try:
            self._error = receiver.recv()
        except (EOFError, OSError):
            return
        if self._error is None:
            self._begin()

    def end(self) -> None:
        """End the worker; raise what kept the process that answers from starting."""
        if self._worker is not None:
            self._worker.terminate()
        if self._error is not None:
            raise self._error

    def _begin(self) -> None:
        if self._settings.embedded:
            words = [sys.executable, "-m", "service", "worker", "--parent", str(os.getpid())]
            # in a group of its own: Ctrl-C is for this process, which then ends its child in good order
            self._worker = subprocess.Popen(words, process_group=0)  # noqa: S603  our own interpreter and module
        if self._demo:
            # an HTTP client is needed for the story alone
            from service.cli.demo.loading import load_when_up

            threading.Thread(target=load_when_up, args=(self._settings.base_url,), daemon=True).start()


def listen(load: Callable[[], Any], host: str, port: int) -> None:
    """Serve the ASGI application that `load` returns in a process of the server; until a signal ends it."""
    # granian is needed by the server alone, and its import is not free
    from granian import Granian
    from granian.constants import HTTPModes, Interfaces, Loops

    server = Granian(
        "casebridge",
        address=host,
        port=port,
        interface=Interfaces.ASGINL,
        loop=Loops.uvloop,
        http=HTTPModes.http1,
        websockets=False,
        log_access=False,
        backpressure=_connections(),
        # whoever is connected then, and a worker that a signal meets while it starts may never heed it
        workers_kill_timeout=STOP_SECONDS,
    )
    server.serve(target_loader=load, wrap_loader=False)


def _connections() -> int:
    """Have the system let this process open files for connections; return for how many."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = CONNECTIONS + FILES
    if 0 <= soft < wanted:
        soft = wanted if hard < 0 else min(wanted, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    return CONNECTIONS if soft < 0 else min(CONNECTIONS, max(soft - FILES, 1))


def application(settings: Settings, parent: int, sender: Connection) -> Any:
    """Return the ASGI application in a process of the server, and say so to the parent; or why not, and end.

    The process ends when its parent was killed. Otherwise it would keep answering on the port, beside the
    server that is started next. Ctrl-C reaches the whole group, and after it the server's SIGTERM: two
    signals could leave this process waiting for ever.
    """
    # what the server does at SIGTERM begins once there is an application; until then it would be swallowed
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    threading.Thread(target=_end_with, args=(parent,), daemon=True).start()
    with sender, pausing():
        # not at the head: the parent would have them too
        from service.front.asgi import Front
        from service.wiring import serving

        try:
            front = Front(serving.web(settings))
        except CasebridgeError as error:
            sender.send(error)
            sys.exit(1)
        sender.send(None)
    return front


def _end_with(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(0.2)
    os.kill(os.getpid(), signal.SIGTERM)
