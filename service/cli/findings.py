"""What a command tells when something is wrong, and what its exit code says of it."""

from collections.abc import Iterator
from contextlib import contextmanager

import click

from service.errors import CasebridgeError, Misconfigured


def tell(error: CasebridgeError) -> None:
    """Print each issue with its place to standard error."""
    for issue in error.issues:
        click.echo(f"{issue.where}: {issue.what}" if issue.where else issue.what, err=True)


@contextmanager
def checking() -> Iterator[None]:
    """Exit 1 when what is checked is wrong; outside of a check the same mistake is wrong use, 2."""
    try:
        yield
    except Misconfigured as exc:
        tell(exc)
        raise click.exceptions.Exit(1) from exc
