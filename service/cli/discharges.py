"""casebridge discharges: what came by the queue of discharges and could not be kept."""

import sys

import click

from service import wiring
from service.cli.progress import progress
from service.settings import Settings


@click.group()
def discharges() -> None:
    """See to what was put aside of the queue casebridge.discharges.

    \b
    Example:
      casebridge discharges redrive
    """  # noqa: D301  click reads \b


@discharges.command()
def redrive() -> None:
    """Take in once more what stands in casebridge.discharges.dead, once its reason is gone.

    Each is of whom it was before, and is used once however often it comes. What still cannot be kept is put
    aside again, with the reason of today in its headers; then it exits 1.

    \b
    Example:
      casebridge discharges redrive
    """  # noqa: D301  click reads \b
    with wiring.redriving(Settings.from_env()) as consumer:
        done = list(progress(consumer.again(), consumer.waiting(), "Taking in"))
    click.echo(f"{sum(done)} kept, {len(done) - sum(done)} put aside again.")
    sys.exit(0 if all(done) else 1)
