"""casebridge commands: what of the queue casebridge.cases could not be done."""

import sys

import click

from service.cli.progress import progress
from service.settings import Settings
from service.wiring import operator, processes


@click.group()
def commands() -> None:
    """See to what was put aside of the queue casebridge.cases, by which case systems put and patch.

    \b
    Example:
      casebridge commands redrive
    """  # noqa: D301  click reads \b


@commands.command()
def redrive() -> None:
    """Do once more what stands in casebridge.cases.dead, once its reason is gone.

    Each is of whom it was before, and is done once however often it comes. What still cannot be done is put
    aside again, with the reason of today in its headers; then it exits 1.

    \b
    Example:
      casebridge commands redrive
    """  # noqa: D301  click reads \b
    with processes.redriving_commands(Settings.from_env()) as consumer:
        done = list(progress(consumer.again(), consumer.waiting(), "Taking in"))
    click.echo(f"{sum(done)} done, {len(done) - sum(done)} put aside again.")
    sys.exit(0 if all(done) else 1)


@commands.command()
@click.confirmation_option(prompt="Delete what was put aside for good? It was kept nowhere else.")
def purge() -> None:
    """Delete what stands in casebridge.cases.dead: redrive first what can be done.

    \b
    Example:
      casebridge commands purge --yes
    """  # noqa: D301  click reads \b
    click.echo(f"{operator.commands_purged(Settings.from_env())} deleted.")
