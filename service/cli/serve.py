"""casebridge serve: the processes that answer HTTP."""

import os
import resource
import signal
import subprocess
import sys
import threading
import time
from typing import Final

import click

from service import wiring
from service.cli import demo as story
from service.cli.process import settle
from service.front.asgi import Front
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
    embedded = settings.database_url.startswith("sqlite")
    if embedded:
        wiring.upgrade(settings)
    wiring.preflight(settings)
    child = None
    if embedded:
        words = [sys.executable, "-m", "service", "worker", "--parent", str(os.getpid())]
        # in a group of its own: Ctrl-C is for this process, which then ends its child in good order
        child = subprocess.Popen(words, process_group=0)  # noqa: S603  our own interpreter and module
    if demo:
        threading.Thread(target=story.load_when_up, args=(settings.base_url,), daemon=True).start()
    try:
        listen("service.cli.serve:answering", settings.host, settings.port)
    finally:
        if child is not None:
            child.terminate()


def listen(factory: str, host: str, port: int) -> None:
    """Serve the ASGI application that a factory, named `module:function`, returns; until a signal ends it."""
    # granian is needed by the server alone, and its import is not free
    from granian import Granian
    from granian.constants import HTTPModes, Interfaces, Loops

    server = Granian(
        factory,
        factory=True,
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
    server.serve()


def _connections() -> int:
    """Have the system let this process open files for connections; return for how many."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = CONNECTIONS + FILES
    if 0 <= soft < wanted:
        soft = wanted if hard < 0 else min(wanted, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    return CONNECTIONS if soft < 0 else min(CONNECTIONS, max(soft - FILES, 1))


def answering() -> Front:
    """Return the application in a process of the server, which ends when the server was killed.

    Otherwise it would keep answering on the port, beside the server that is started next. Ctrl-C reaches the
    whole group, and after it the server's SIGTERM: two signals could leave this process waiting for ever.
    """
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    threading.Thread(target=_end_with, args=(os.getppid(),), daemon=True).start()
    application = wiring.web()
    settle()
    return Front(application)


def _end_with(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(0.2)
    os.kill(os.getpid(), signal.SIGTERM)
