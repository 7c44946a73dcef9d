"""Progress of long work on standard error: a bar on a terminal, a plain line now and then elsewhere."""

import sys
import time
from collections.abc import Iterable, Iterator
from typing import Final, TypeVar

import click

T = TypeVar("T")
SECONDS: Final = 5.0


def progress(items: Iterable[T], total: int, what: str) -> Iterator[T]:
    """Give the items on, and tell how many of `total` are done and how many a second."""
    if sys.stderr.isatty():
        with click.progressbar(items, length=total, label=what, file=sys.stderr, show_pos=True) as bar:
            yield from bar
        return
    began = last_told = time.monotonic()
    for done, item in enumerate(items, 1):
        yield item
        if time.monotonic() - last_told > SECONDS:
            last_told = time.monotonic()
            click.echo(f"{what}: {done} of {total}, {done / (last_told - began):.0f}/s", err=True)
