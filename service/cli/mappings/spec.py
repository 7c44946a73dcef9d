"""casebridge mappings spec and coverage: the mappings as pages to read, and which fields reach FHIR."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import click

from service.flows.authoring.fields import pages as tables
from service.mapping.author.specification import coverage as covered
from service.mapping.author.specification import pages, returned_fields
from service.mapping.catalogue import Catalogue
from service.mapping.files.findings import nearest
from service.mapping.layers.stack import overlays
from service.mapping.target.supported import Unclaimed
from service.settings import Settings
from service.wire.json import dump
from service.wiring import compiled


def _known_overlays(
    _context: click.Context, _option: click.Parameter, names: tuple[str, ...]
) -> tuple[str, ...]:
    """Refuse an overlay that is not there by the option's own name."""
    all_overlays = overlays(Settings.from_env().mappings) if names else []
    for name in names:
        if name not in all_overlays:
            close = nearest(name, all_overlays) or ", ".join(all_overlays)
            raise click.BadParameter(f"there is no overlay `{name}`; did you mean `{close}`?")
    return names


OVERLAY = click.option(
    "--overlay",
    multiple=True,
    metavar="NAME",
    callback=_known_overlays,
    help="An overlay to put on; the lowest first.",
)


@click.command()
@click.option("--out", type=click.Path(file_okay=False, path_type=Path), help="A folder for the pages.")
@OVERLAY
def spec(out: Path | None, overlay: tuple[str, ...]) -> None:
    """Write what the mappings say as Markdown: a page a mapping, the code tables, an index.

    Without --out everything is printed.

    \b
    Example:
      casebridge mappings spec --out build/spec --overlay us-core
    """  # noqa: D301  click reads \b
    settings = _settings(overlay)
    _give(pages(compiled.catalogue(settings), compiled.inbound(settings)), out)


@click.command()
@OVERLAY
@click.option("--json", "as_json", is_flag=True, help="One JSON object: elements by field.")
def coverage(overlay: tuple[str, ...], as_json: bool) -> None:
    """Show which fields of clients, cases and directory entries reach FHIR, and where; and which come back.

    With overlays that claim profiles, also the elements for want of which one is not claimed.

    \b
    Example:
      casebridge mappings coverage --overlay minimum-necessary
    """  # noqa: D301  click reads \b
    settings = _settings(overlay)
    catalogue, back = compiled.catalogue(settings), returned_fields(compiled.inbound(settings))
    fields = covered(catalogue)
    if as_json:
        click.echo(
            dump({"fields": fields, "returned": back, "unclaimed": _unclaimed_as_json(catalogue.unclaimed)})
        )
        return
    for path, targets in fields.items():
        comes = f"  <-  {', '.join(back[path])}" if path in back else ""
        click.echo(f"{path}  ->  {', '.join(targets) or 'nothing'}{comes}")
    for line in held_back(catalogue):
        click.echo(line)
    reached = sum(bool(targets) for targets in fields.values())
    click.echo(f"{reached} of {len(fields)} fields reach a resource")
    click.echo(f"{len(back)} of them come back (<-) when a permitted partner puts them")


@click.command()
@click.option("--out", type=click.Path(file_okay=False, path_type=Path), help="A folder for the tables.")
@OVERLAY
def fields(out: Path | None, overlay: tuple[str, ...]) -> None:
    """Write what each field of ADT messages and each element of FHIR that comes in is used for, or why not.

    These are tables in Markdown, hl7v2.md and fhir-in.md, made of the inbound mappings. Without --out they
    are printed.

    \b
    Example:
      casebridge mappings fields --out docs
    """  # noqa: D301  click reads \b
    _give(tables(compiled.inbound(_settings(overlay))), out)


def _give(pages: dict[str, str], out: Path | None) -> None:
    """Print pages, or write them into a folder and say how many."""
    if out is None:
        click.echo("\n".join(pages.values()), nl=False)
        return
    out.mkdir(parents=True, exist_ok=True)
    for name, text in pages.items():
        (out / name).write_text(text, encoding="utf-8")
    click.echo(f"{len(pages)} pages are written into {out}.")


def held_back(catalogue: Catalogue) -> Iterator[str]:
    """Say which profiles are not claimed, for want of which elements, and where these were taken away."""
    for url, missing in catalogue.unclaimed.items():
        for element in missing:
            yield f"{url} is not claimed: nothing makes {element.element} ({element.mark})"


def _unclaimed_as_json(unclaimed: Unclaimed) -> dict[str, list[dict[str, str]]]:
    return {
        url: [{"element": element.element, "place": str(element.mark)} for element in missing]
        for url, missing in unclaimed.items()
    }


def _settings(overlay: tuple[str, ...]) -> Settings:
    settings = Settings.from_env()
    return replace(settings, overlays=overlay) if overlay else settings
