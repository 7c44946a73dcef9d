"""What a process of the service does with itself."""

import os
import signal
import threading
import time
from collections.abc import Callable
from typing import Any, Final

import click
import structlog

from service.errors import Misconfigured
from service.telemetry import expose

STOP_SECONDS: Final = 8.0
"""How long a process that is told to stop may go on with what is in hand."""

log = structlog.get_logger()

METRICS: Final[Callable[[Any], Any]] = click.option(
    "--metrics", metavar="[HOST:]PORT", help="Serve /metrics there, on 127.0.0.1 unless told; port 0: any."
)


def tell_metrics(address: str | None) -> None:
    """Serve this process's metrics if an address is given, and say where.

    Raises:
        Misconfigured: it is no address, or one that cannot be listened on.
    """
    if address is None:
        return
    host, _, port = address.rpartition(":")
    if not (port.isascii() and port.isdecimal()):
        raise Misconfigured("Not an address; write HOST:PORT, or PORT alone.", where="--metrics")
    host = host.strip("[]") or "127.0.0.1"
    click.echo(f"Metrics on port {expose(host, int(port))} of {host}.", err=True)


def stopping() -> threading.Event:
    """Return what SIGTERM and Ctrl-C set; the process ends soon after it is set, whatever it waits for then.

    Nothing is lost by that: what is not committed comes, or is found, again.
    """
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    threading.Thread(target=_end_after, args=(stop,), daemon=True).start()
    return stop


def _end_after(stop: threading.Event) -> None:
    stop.wait()
    time.sleep(STOP_SECONDS)
    log.warning("stopped_at_work", seconds=STOP_SECONDS)
    os._exit(1)
