"""casebridge contracts: what partners can rely on, written down."""

from pathlib import Path

import click

from service import __version__
from service.settings import Settings
from service.wire.contracts.published import baseline, generate
from service.wire.contracts.published.generate import Contracts
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
    wanted = _contracts().files()
    generate.write(folder, wanted)
    click.echo(f"{len(wanted)} files are written into {folder}.")


@contracts.command()
@click.argument("folder", type=FOLDER, default="contracts")
def check(folder: Path) -> None:
    """Exit 1 unless FOLDER, contracts/ unless named, says what the service does, and breaks no release.

    What may change of a released schema, contracts/README.md tells.

    \b
    Example:
      casebridge contracts check
    """  # noqa: D301  click reads \b
    contracts = _contracts()
    wanted = contracts.files()
    stale = generate.stale(folder, wanted)
    for name in stale:
        remedy = "run `casebridge contracts write`" if name in wanted else "no contract any more; delete it"
        click.echo(f"{folder / name}: stale; {remedy}", err=True)
    released = baseline.read(folder)
    breaches = released.breaches(contracts.schemas())
    for breach in breaches:
        click.echo(f"{folder / breach.what}, against {released.release}: {breach.remedy}", err=True)
    if stale or breaches:
        raise click.exceptions.Exit(1)
    click.echo(f"{len(wanted)} files in {folder} are as they should be.")


@contracts.command()
@click.argument("folder", type=FOLDER, default="contracts")
def release(folder: Path) -> None:
    """Have FOLDER, contracts/ unless named, keep the schemas as released, which later ones may not break.

    \b
    Example:
      casebridge contracts release
    """  # noqa: D301  click reads \b
    schemas = _contracts().schemas()
    baseline.write(folder, __version__, schemas)
    click.echo(f"{folder / baseline.FILE} has the {len(schemas)} schemas of {__version__}.")


def _contracts() -> Contracts:
    settings = Settings.from_env()
    return doors.contracts(settings, compiled.catalogues(settings))
