"""casebridge mappings: what the mappings say, before it happens."""

import click

from service import wiring
from service.settings import Settings


@click.group()
def mappings() -> None:
    """Check the mappings. Example: casebridge mappings check."""


@mappings.command()
def check() -> None:
    """Load and compile all mappings; name file, line and column of each mistake.

    \b
    Example:
      CASEBRIDGE_MAPPINGS=./mappings casebridge mappings check
    """  # noqa: D301  click reads \b
    catalogue = wiring.catalogue(Settings.from_env())
    for each in catalogue.mappings:
        click.echo(f"{each.file}:{each.line}  {each.name}  from {each.source}")
    click.echo(f"{len(catalogue.mappings)} mappings, version {catalogue.version[:12]}")
