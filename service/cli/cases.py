"""casebridge cases: which cases there are and how they stand; never whose they are by name."""

import click

from service.settings import Settings
from service.wire.contracts.documents.case import STATUSES
from service.wiring import operator


@click.group()
def cases() -> None:
    """List or show the cases in the database, or undo a merge, as the operator; no names are shown.

    \b
    Example:
      casebridge cases list --status active
    """  # noqa: D301  click reads \b


@cases.command("list")
@click.option("--status", type=click.Choice(STATUSES), help="Only cases of this status.")
def list_(status: str | None) -> None:
    """Print the cases, one a line: id, status, the client's id, revision.

    \b
    Example:
      casebridge cases list --status active
    """  # noqa: D301  click reads \b
    for document in operator.cases(Settings.from_env(), status):
        click.echo(f"{document.uuid}  {document.own['status']}  {document.client}  {document.revision}")


@cases.command()
@click.argument("id_", metavar="ID")
def show(id_: str) -> None:
    """Print how one case stands and its revisions; ID is the one that `list` prints.

    \b
    Example:
      casebridge cases show 2f1c0b9e-8d5a-4f7e-9f63-0d4f6f1f2a11
    """  # noqa: D301  click reads \b
    case, revisions = operator.case(Settings.from_env(), id_)
    for name, value in (
        ("id", case.uuid),
        ("status", case.own["status"]),
        ("client", case.client),
        ("owned by", case.source),
        ("created", case.created.isoformat(timespec="seconds")),
    ):
        click.echo(f"{name:9} {value}")
    for revision in revisions:
        recorded = revision.recorded.isoformat(timespec="seconds")
        click.echo(f"revision {revision.revision}  {recorded}  {revision.cause}  by {revision.partner}")


@cases.command()
@click.argument("client")
@click.option("--alias", nargs=2, metavar="SYSTEM VALUE", help="Take this identifier off CLIENT instead.")
def unmerge(client: str, alias: tuple[str, str] | None) -> None:
    """Undo a merge that was wrong: CLIENT, merged into another, is active again and its cases return.

    Messages follow as of any change. What was said since the merge stays where it was said, except of those
    cases and their stays.

    Where nobody was known by the number that was merged, who stays only got it as another identifier: name
    them as CLIENT, and the identifier by --alias.

    \b
    Example:
      casebridge cases unmerge 2f1c0b9e-8d5a-4f7e-9f63-0d4f6f1f2a11
      casebridge cases unmerge 2f1c0b9e-8d5a-4f7e-9f63-0d4f6f1f2a11 --alias urn:oid:1.2.246.10.1 M-77
    """  # noqa: D301  click reads \b
    if alias is not None:
        changed = operator.remove_alias(Settings.from_env(), client, alias)
        click.echo(f"client {changed.uuid} has one identifier less, at revision {changed.revision}")
        return
    changed = operator.unmerge_client(Settings.from_env(), client)
    click.echo(f"client {changed.uuid} is one of its own again, at revision {changed.revision}")
