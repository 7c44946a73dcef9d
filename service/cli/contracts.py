"""casebridge contracts: what partners can rely on, written down."""

from pathlib import Path

import click

from service.settings import Settings
from service.wire.contracts.published import generate
from service.wiring import compiled, doors

FOLDER = click.Path(file_okay=False, path_type=Path)


@click.group()
def contracts() -> None:
    """Write or check the contracts: JSON Schemas, OpenAPI, AsyncAPI.

    \b
    Example:
      casebridge contracts write
    """  # noqa: D301  click reads \b


@contracts.command()
@click.argument("folder", type=FOLDER, default="contracts")
def write(folder: Path) -> None:
    """Write the contracts into FOLDER, contracts/ unless named.

    \b
    Example:
      casebridge contracts write
    """  # noqa: D301  click reads \b
    wanted = _files()
    generate.write(folder, wanted)
    click.echo(f"{len(wanted)} files are written into {folder}.")


@contracts.command()
@click.argument("folder", type=FOLDER, default="contracts")
def check(folder: Path) -> None:
    """Exit 1 unless FOLDER, contracts/ unless named, says what the service does.

    \b
    Example:
      casebridge contracts check
    """  # noqa: D301  click reads \b
    wanted = _files()
    stale = generate.stale(folder, wanted)
    for name in stale:
        remedy = "run `casebridge contracts write`" if name in wanted else "no contract any more; delete it"
        click.echo(f"{folder / name}: stale; {remedy}", err=True)
    if stale:
        raise click.exceptions.Exit(1)
    click.echo(f"{len(wanted)} files in {folder} are as they should be.")


def _files() -> dict[str, str]:
    settings = Settings.from_env()
    return doors.contracts(settings, compiled.catalogues(settings)).files()
