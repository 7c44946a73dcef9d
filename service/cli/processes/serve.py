"""casebridge serve: the parent of the workers that answer HTTP and, on SQLite, of a worker of the outbox."""

import os
import subprocess
import sys
import threading
from functools import partial
from tempfile import TemporaryDirectory
from typing import Any

import click

from service.cli.processes.workers import HeadLimits, Starts, application, cores, server
from service.errors import CasebridgeError, Misconfigured
from service.settings import Settings


@click.command()
@click.option("--host", help="The address to listen on; CASEBRIDGE_HOST otherwise.")
@click.option("--port", type=int, help="The port to listen on; CASEBRIDGE_PORT otherwise.")
@click.option(
    "--workers",
    type=click.IntRange(min=1),
    help="How many processes answer; by default one for each core, on SQLite one.",
)
@click.option("--demo", is_flag=True, help="Load River's case and print what to try.")
def serve(host: str | None, port: int | None, workers: int | None, demo: bool) -> None:
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
    if demo and settings.auth != "off":
        what = "--demo puts River's case in without a token; set `off`, and `smart` again once it is loaded."
        raise Misconfigured(what, where="CASEBRIDGE_AUTH")
    # SQLite takes one writer at a time, and whoever tries it out waits for the first answer
    count = workers or (1 if settings.embedded else cores())
    heads = HeadLimits(settings.max_header_bytes, settings.header_seconds)
    answering, starts = server(settings.host, settings.port, count, heads), Starts()
    companions = Companions(settings, demo)
    watcher = threading.Thread(target=companions.watch, args=(starts, answering), daemon=True)
    with TemporaryDirectory(prefix="casebridge-metrics-") as metrics:
        load = partial(application, settings, os.getpid(), metrics, starts)
        watcher.start()
        try:
            answering.serve(target_loader=load, wrap_loader=False)
        finally:
            # the copies of the workers were closed with them: the watcher waits for nothing more
            starts.close()
            watcher.join()
            companions.end()


class Companions:
    """What runs beside the workers that answer, once one is ready: on SQLite the outbox's; --demo's story."""

    def __init__(self, settings: Settings, demo: bool) -> None:
        """Take the settings, and whether River's case is to be loaded."""
        self._settings = settings
        self._demo = demo
        self._worker: subprocess.Popen[bytes] | None = None
        self._error: CasebridgeError | None = None

    def watch(self, starts: Starts, answering: Any) -> None:
        """Begin when the first worker is ready; have those who die replaced once all were.

        One that says an error ends them all: what keeps it from answering keeps the others, too.
        """
        ready = 0
        for error in starts:
            if error is not None:
                self._error = self._error or error
                answering.respawn_failed_workers = False
                continue
            ready += 1
            if ready == 1:
                self._begin()
            if ready == answering.workers:
                answering.respawn_failed_workers = True

    def end(self) -> None:
        """End the worker; raise what kept those who answer from starting."""
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
