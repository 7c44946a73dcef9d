"""What a command group has for what was put aside of a queue of ours: redrive and purge."""

import sys
from collections.abc import Callable
from contextlib import AbstractContextManager

import click

from service.cli.progress import progress
from service.receive.amqp.consumer import Consumer
from service.settings import Settings
from service.wiring import operator

REDRIVE = """Take in once more what stands in {queue}.dead, once its reason is gone.

Each is of whom it was before, and is {taken} once however often it comes. What still cannot be {taken} is put
aside again, with the reason of today in its headers; then it exits 1.

\b
Example:
  casebridge {group} redrive
"""
PURGE = """Delete what stands in {queue}.dead: redrive first what can be {taken}.

\b
Example:
  casebridge {group} purge --yes
"""


def add_dead(
    group: click.Group,
    queue: str,
    taken: str,
    redriving: Callable[[Settings], AbstractContextManager[Consumer]],
) -> None:
    """Add to a group both commands of a queue; `taken` is the word for a message that is not put aside."""
    words = {"queue": queue, "taken": taken, "group": group.name}

    @group.command(help=REDRIVE.format(**words))
    def redrive() -> None:
        with redriving(Settings.from_env()) as consumer:
            done = list(progress(consumer.again(), consumer.waiting(), "Taking in"))
        click.echo(f"{sum(done)} {taken}, {len(done) - sum(done)} put aside again.")
        sys.exit(0 if all(done) else 1)

    @group.command(help=PURGE.format(**words))
    @click.confirmation_option(prompt="Delete what was put aside for good? It was kept nowhere else.")
    def purge() -> None:
        click.echo(f"{operator.purge_dead(Settings.from_env(), queue)} deleted.")
