"""casebridge db: the schema of the database."""

import click

from service.cli.findings import checking
from service.settings import Settings
from service.wiring import auditing, operator


@click.group()
def db() -> None:
    """Upgrade or check the database.

    \b
    Example:
      CASEBRIDGE_DATABASE_URL=postgresql://host/casebridge casebridge db upgrade
    """  # noqa: D301  click reads \b


@db.command()
def upgrade() -> None:
    """Bring the schema to this release, and all resources under its search parameters.

    \b
    Example:
      casebridge db upgrade
    """  # noqa: D301  click reads \b
    made_searchable = operator.upgrade(Settings.from_env())
    click.echo("The database is at this release's schema.")
    if made_searchable:
        click.echo(f"{made_searchable} resources are found by its search parameters now.")


@db.command()
def check() -> None:
    """Exit 1 unless the schema is this release's; warn where the audit could be changed.

    Run it under the service's own role.

    \b
    Example:
      casebridge db check
    """  # noqa: D301  click reads \b
    settings = Settings.from_env()
    with checking():
        operator.check(settings)
    for warning in auditing.warnings(settings):
        click.echo(warning, err=True)
    click.echo("The database is at this release's schema.")
