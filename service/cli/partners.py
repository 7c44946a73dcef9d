"""casebridge partners: who may ask, and which queues they have."""

import click

from service.cli.findings import checking
from service.settings import Settings
from service.wiring import compiled, operator


@click.group()
def partners() -> None:
    """Check or list the partner registry that CASEBRIDGE_PARTNERS names.

    \b
    Example:
      CASEBRIDGE_PARTNERS=partners.yaml casebridge partners check
    """  # noqa: D301  click reads \b


@partners.command()
def check() -> None:
    """Read the registry strictly, and find the overlays it names; exit 1 and name the place of each mistake.

    \b
    Example:
      CASEBRIDGE_PARTNERS=partners.yaml casebridge partners check
    """  # noqa: D301  click reads \b
    settings = Settings.from_env()
    with checking():
        registry = operator.partners(settings)
        compiled.check_stacks(settings)
    click.echo(f"{len(registry)} partners, all as they should be.")


@partners.command("list")
def list_() -> None:
    """Print the partners, one a line: name, kind, view, and their queues with what these are bound to.

    \b
    Example:
      CASEBRIDGE_PARTNERS=partners.yaml casebridge partners list
    """  # noqa: D301  click reads \b
    for partner in operator.partners(Settings.from_env()):
        queues = (f"{queue.name}({','.join(b.pattern for b in queue.bindings)})" for queue in partner.queues)
        click.echo("  ".join([partner.name, partner.kind, partner.view, *queues]))
