"""casebridge mappings: what the mappings say, before it happens."""

import sys
from collections.abc import Iterator

import click

from service.cli.findings import checking
from service.cli.mappings import preview, remap, spec
from service.flows.discharge.codes import SYSTEMS
from service.mapping.author import golden
from service.mapping.catalogue import Catalogue
from service.mapping.files.findings import nearest
from service.settings import Settings
from service.values.access.scope import DEFAULT
from service.wiring import compiled


@click.group()
def mappings() -> None:
    """Check and try the mappings. Example: casebridge mappings check."""


@mappings.command()
def check() -> None:
    """Load and compile all mappings, of each view and with each overlay; name each mistake's place.

    \b
    Example:
      CASEBRIDGE_MAPPINGS=./mappings casebridge mappings check
    """  # noqa: D301  click reads \b
    settings = Settings.from_env()
    with checking():
        views, overlays = compiled.catalogues(settings), compiled.each_overlay(settings)
        inbounds, documents = compiled.inbounds(settings), compiled.compositions(settings, views)
    click.echo(f"mappings of {settings.mappings.resolve()}")
    for mapping in (*views[DEFAULT].mappings, *inbounds[None].mappings, *documents[DEFAULT].mappings):
        click.echo(f"{mapping.file}:{mapping.line}  {mapping.name}  from {mapping.source}")
    by_layer = [(f"view {name}", catalogue) for name, catalogue in views.items()]
    by_layer += [(f"view {name}, documents", catalogue) for name, catalogue in documents.items()]
    for name, (outbound, inbound, composed) in overlays.items():
        by_layer += [(f"overlay {name}", outbound), (f"overlay {name}, inbound", inbound)]
        by_layer.append((f"overlay {name}, documents", composed))
    for stack, catalogue in inbounds.items():
        by_layer += [
            ("inbound" if stack is None else f"inbound with {', '.join(stack) or 'no overlay'}", catalogue)
        ]
    for name, catalogue in by_layer:
        click.echo(f"{name}: {len(catalogue.mappings)} mappings, version {catalogue.version[:12]}")
    for name, catalogue in by_layer:
        for line in spec.held_back(catalogue):
            click.echo(f"{name}: {line}")
    for line in dict.fromkeys(_strays(by_layer)):
        click.echo(line)


@mappings.command()
@click.argument("pairs", nargs=-1)
@click.option("--ignore", multiple=True, metavar="PATH", help="An element whose differences do not count.")
@click.option("--update", is_flag=True, help="Write what is made now as what is expected from now on.")
def test(pairs: tuple[str, ...], ignore: tuple[str, ...], update: bool) -> None:
    """Run the golden pairs: each difference as `expected != made`, and whatever is not valid R4.

    A pair is a folder under golden/ with in.json and out.json; PAIRS names some of them, or a folder of them.

    \b
    Example:
      casebridge mappings test
      casebridge mappings test us-core --ignore meta
    """  # noqa: D301  click reads \b
    wrong = run = 0
    results = compiled.golden_results(Settings.from_env(), pairs, ignore)
    with checking():
        for result in results:
            run += 1
            if update and result.resources and result.differences:
                golden.update(result)
                click.echo(f"{result.pair.name}: out.json written, {len(result.differences)} differences")
            lines = [*([] if update and result.resources else result.differences), *result.issues]
            for line in lines:
                click.echo(f"{result.pair.name}: {line}")
            wrong += bool(lines)
    click.echo(f"{run} golden pair{'' if run == 1 else 's'}, {wrong} wrong")
    sys.exit(1 if wrong else 0)


def _strays(by_layer: list[tuple[str, Catalogue]]) -> Iterator[str]:
    """Remark on what may be meant and may be a slip: tables no mapping names, targets almost alike."""
    # the names of coding systems are asked for before the mappings run
    asked = {SYSTEMS, *(name for _, catalogue in by_layer for name in catalogue.asked)}
    for where, catalogue in by_layer:
        for name, one, other in catalogue.terminology.alike():
            yield f"{where}: `{name}` has codes of {one} and of {other}; are both meant?"
        known_names = asked | catalogue.terminology.led_to(asked)
        for name in sorted({*catalogue.codesystems, *catalogue.concept_maps} - known_names):
            close = nearest(name, sorted(asked))
            meant = f"; did you mean `{close}`?" if close else ""
            yield f"{where}: no mapping names the code system or concept map `{name}`{meant}"


mappings.add_command(preview.preview)
mappings.add_command(preview.explain)
mappings.add_command(spec.spec)
mappings.add_command(spec.coverage)
mappings.add_command(spec.fields)
mappings.add_command(remap.plan)
mappings.add_command(remap.apply)
