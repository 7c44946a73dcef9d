"""casebridge partners: who may ask, and which queues they have."""

from pathlib import Path

import click

from service.cli.findings import checking
from service.settings import Settings
from service.wiring import compiled, operator, registering


@click.group()
def partners() -> None:
    """Check, list or add to the partner registry that CASEBRIDGE_PARTNERS names.

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


@partners.command()
@click.argument("name")
@click.option("--kind", required=True, type=click.Choice(registering.KINDS), help="What it may do.")
@click.option(
    "--generate-key",
    "folder",
    required=True,
    type=click.Path(path_type=Path, file_okay=False),
    help="The folder that the partner's new private key is written into.",
)
def add(name: str, kind: str, folder: Path) -> None:
    """Add a partner with a new key at the end of the registry file; what stands there, stays as it is.

    The public key goes into the file, the private one into FOLDER/NAME.jwk.json, for its owner alone. Running
    processes know the partner once they are started again.

    \b
    Example:
      CASEBRIDGE_PARTNERS=partners.yaml casebridge partners add northern --kind insurer --generate-key keys
    """  # noqa: D301  click reads \b
    path = registering.add_partner(Settings.from_env(), name, kind, folder)
    click.echo(f"{name} is registered. Its private key is in {path}.")


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
