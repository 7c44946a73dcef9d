"""What a process of the service does with itself."""

import os
import signal
import threading
import time
from collections.abc import Callable
from functools import partial
from queue import SimpleQueue
from typing import Any, Final

import click
import structlog

from service.errors import Misconfigured
from service.telemetry import expose

STOP_SECONDS: Final = 8.0
"""How long a process that is told to stop may go on with what is in hand."""
PARENT_SECONDS: Final = 0.5
"""How often it is looked whether the parent is still there."""
LOG_SECONDS: Final = 0.5
"""How long the log may take to say that work was left in hand."""

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


def stopping(parent: int | None = None) -> threading.Event:
    """Return what SIGTERM and Ctrl-C set; the process ends soon after it is set, whatever it waits for then.

    The end of `parent`, where one is given, sets it too. Nothing is lost by that: what is not committed
    comes, or is found, again.
    """
    stop = threading.Event()
    # the lock of an event may be held by what a signal interrupts; nothing is held to put into this
    told: SimpleQueue[int] = SimpleQueue()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda number, _: told.put(number))
    threading.Thread(target=_end_after, args=(told, stop), daemon=True).start()
    if parent is not None:
        threading.Thread(target=_watch, args=(parent, told), daemon=True).start()
    return stop


def _watch(parent: int, told: SimpleQueue[int]) -> None:
    while os.getppid() == parent:
        time.sleep(PARENT_SECONDS)
    told.put(signal.SIGTERM)


def _end_after(told: SimpleQueue[int], stop: threading.Event) -> None:
    told.get()
    stop.set()
    time.sleep(STOP_SECONDS)
    # whoever read the log may be gone, or read no more: that keeps nobody here
    said = partial(log.warning, "stopped_at_work", seconds=STOP_SECONDS)
    threading.Thread(target=said, daemon=True).start()
    time.sleep(LOG_SECONDS)
    os._exit(1)
