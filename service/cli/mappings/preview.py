"""casebridge mappings preview and explain: what is made of a document, and where an element comes from."""

import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from service.cli.mappings.spec import OVERLAY
from service.flows.authoring.preview import Previewed, lineage
from service.settings import Settings
from service.values.access.scope import DEFAULT
from service.wire.contracts.documents.kinds import KINDS
from service.wire.json import dump, parse, pretty
from service.wiring import compiled, operator

SENT = (b"MSH", b"FHS", b"BHS")
FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
_KINDS = tuple(kind for kind in KINDS if kind != "discharge")


@click.command()
@click.argument("file", type=FILE)
@click.option("--kind", default="case", show_default=True, type=click.Choice(_KINDS), help="What FILE holds.")
@click.option("--client", type=FILE, help="Of a case, the client.")
@OVERLAY
@click.option("--lineage", "as_lines", is_flag=True, help="Where each element comes from, not the resources.")
def preview(file: Path, kind: str, client: Path | None, overlay: tuple[str, ...], as_lines: bool) -> None:
    """Show what the mappings would make of a document, and which of its fields nothing reads.

    FILE is JSON as it is PUT to /api, or the in.json of a golden pair; what hospitals send is tried by golden
    pairs with sent.hl7 or sent.json. Nothing is stored and no database is
    needed: where the document links to another, something is supposed in its place.

    \b
    Example:
      casebridge mappings preview case.json --client client.json --overlay us-core
      casebridge mappings preview client.json --kind client --lineage
    """  # noqa: D301  click reads \b
    settings = Settings.from_env()
    if overlay:
        settings = replace(settings, overlays=overlay)
    of = parse(client.read_bytes()) if client is not None else None
    previewed = compiled.preview(settings, kind, _document(file), of)
    for made_resource in previewed.resources:
        name = f"{made_resource.resource['resourceType']}/{made_resource.resource['id']}"
        click.echo(f"# {name}, made by {made_resource.mapping} at {made_resource.place}")
        if not as_lines:
            click.echo(pretty(made_resource.resource), nl=False)
            continue
        for path, origin in lineage(made_resource):
            sources = ", ".join(origin["sources"]) or "fixed"
            click.echo(f"  {path}  <-  {sources}  ({origin['place']})")
    _remarks(previewed)
    sys.exit(1 if previewed.issues else 0)


@click.command()
@click.argument("path")
@click.option("--id", "id_", required=True, metavar="ID", help="The id of the resource.")
@click.option("--view", default=DEFAULT, show_default=True, help="The view whose resource is explained.")
@click.option(
    "--values/--no-values", default=None, help="Show values: personal data. Else on a terminal only."
)
def explain(path: str, id_: str, view: str, values: bool | None) -> None:
    """Tell where an element of a live resource comes from: field, mapping, line, revision.

    PATH is the type and the element; without indexes it means every such element, without an element all.

    \b
    Example:
      casebridge mappings explain CarePlan.activity[2].reference --id 6f1c0b9e-8d5a-5f7e-9f63-0d4f6f1f2a11
    """  # noqa: D301  click reads \b
    explanation = operator.explain_element(Settings.from_env(), view, path, id_.rpartition("/")[2])
    with_values = sys.stdout.isatty() if values is None else values
    at = explanation.last_updated.isoformat(timespec="seconds")
    owner = f"{explanation.document.kind}/{explanation.document.uuid}"
    version = f"{explanation.reference} version {explanation.version} of {at}"
    click.echo(f"{version}, from {owner} revision {explanation.revision}")
    if not explanation.current:
        click.echo(
            "other mappings made this version; `casebridge mappings plan` tells whether these change it"
        )
    for element in explanation.elements:
        click.echo(f"{element.path}" + (f" = {dump(element.value).decode()}" if with_values else ""))
        click.echo(f"  by {element.origin.mark}  {element.origin.rule}")
        for source, value in element.sources.items():
            click.echo(f"  of {source}" + (f" = {dump(value).decode()}" if with_values else ""))
        for place in element.codes:
            click.echo(f"  code at {place}")
        for condition in element.origin.conditions:
            click.echo(f"  if {condition}")


def _document(file: Path) -> Any:
    """Read a document; of what comes in, tell where it is tried."""
    raw = file.read_bytes()
    document = None if raw.startswith(SENT) else parse(raw)
    if document is None or (isinstance(document, dict) and "resourceType" in document):
        what = (
            "a partner sends this; put it into golden/<overlay>/<pair>/ as sent.hl7 or sent.json, and see"
            " what is made of it with `casebridge mappings test <overlay>/<pair>`"
        )
        raise click.BadParameter(what, param_hint="FILE")
    return document


def _remarks(previewed: Previewed) -> None:
    remarks = [("read by nothing", path) for path in previewed.unread]
    remarks += [("supposed", f"{issue.where}: {issue.what}") for issue in previewed.supposed]
    remarks += [("wrong", f"{issue.where}: {issue.what}") for issue in previewed.issues]
    for kind, what in remarks:
        click.echo(f"# {kind}: {what}")
