"""What a process of the service does with itself."""

import gc
from collections.abc import Callable
from typing import Any, Final

import click

from service.errors import Misconfigured
from service.telemetry import expose

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


def settle() -> None:
    """Spare the collector of cycles what start-up made, and its rounds: documents are trees.

    Otherwise it walks over all mappings and definitions again and again while a large case is projected:
    an item among 10,000 cost 1.6 times one among 100.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)
