"""casebridge audit: whether what is on record was changed."""

import click

from service.cli.progress import progress
from service.settings import Settings
from service.wiring import operator


@click.group()
def audit() -> None:
    """Verify the audit, which is on record of every disclosure.

    \b
    Example:
      casebridge audit verify
    """  # noqa: D301  click reads \b


@audit.command()
def verify() -> None:
    """Compare the audit with its seals; exit 1 and name the first that does not hold, and why.

    It prints the number and the digest of the last seal. Keep them elsewhere: whoever may change the
    database could make all seals anew, but not the one that you have seen.

    \b
    Example:
      casebridge audit verify
    """  # noqa: D301  click reads \b
    with operator.sealing(Settings.from_env()) as seals:
        for broken in progress(seals.verify(), seals.count(), "Verifying"):
            if broken is not None:
                click.echo(f"Seal {broken.seal} does not hold: {broken.why}.", err=True)
                raise click.exceptions.Exit(1)
        number, chain = seals.head()
    click.echo(f"All {number} seals hold; the last is {number}:{chain}.")
