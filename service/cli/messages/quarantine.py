"""casebridge quarantine: what hospitals sent and could not be used yet, and what is done about it."""

import sys
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import get_args

import click

from service.cli.progress import progress
from service.flows.discharge.quarantine import BODIES, ENTRIES, WAITING, Quarantine
from service.receive.discharge.messages import PLACES, issues_at_sender
from service.settings import Settings
from service.values.inbound.inbox import Entry, EntryState
from service.wiring import operator

STATES = (*get_args(EntryState), "all")


@click.group()
def quarantine() -> None:
    """List, mend, replay or discard what could not be used; nothing is ever thrown away by itself.

    \b
    Example:
      casebridge quarantine list
    """  # noqa: D301  click reads \b


@quarantine.command("list")
@click.option("--state", type=click.Choice(STATES), default="quarantined", show_default=True)
@click.option("--partner", help="Only what this partner sent.")
def list_(state: str, partner: str | None) -> None:
    """Print the entries as they arrived, one a line: id, arrival, partner, way, state, reason, tries.

    \b
    Example:
      casebridge quarantine list --partner general
    """  # noqa: D301  click reads \b
    with operator.open_quarantine(Settings.from_env()) as entries:
        for entry in _all(entries, state, partner):
            arrived = entry.arrived.isoformat(timespec="seconds")
            words = [entry.id, arrived, entry.partner, entry.inbound.way, entry.state, entry.reason or "-"]
            click.echo("  ".join([*words, str(entry.tries)]))


@quarantine.command()
@click.argument("id_", metavar="ID")
@click.option("--body", is_flag=True, help="Print the bytes too, as they came: they are personal data.")
def show(id_: str, body: bool) -> None:
    """Print what is known of an entry: why it was not used, and where.

    \b
    Example:
      casebridge quarantine show 2f1c0b9e-8d5a-4f7e-9f63-0d4f6f1f2a11
    """  # noqa: D301  click reads \b
    with operator.open_quarantine(Settings.from_env()) as entries:
        entry = entries.show(id_)
        issues = _issues(entry)
    if body:
        sys.stdout.buffer.write(entry.inbound.raw)
        return
    for name, value in (
        ("id", entry.id),
        ("partner", entry.partner),
        ("arrived", entry.arrived.isoformat(timespec="seconds")),
        ("came as", f"{entry.inbound.media_type} by {entry.inbound.way}"),
        ("state", entry.state),
        ("reason", entry.reason),
        ("replay of", entry.replay_of),
        ("tries", entry.tries),
        ("next try", entry.due.isoformat(timespec="seconds") if entry.due else None),
        ("edited", "yes" if entry.edited is not None else None),
    ):
        if value not in (None, ""):
            click.echo(f"{name:9} {value}")
    for issue in issues:
        click.echo(issue)


@quarantine.command()
@click.argument("id_", metavar="ID")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
def edit(id_: str, file: Path) -> None:
    """Put the bytes of FILE in the place of the entry's, for its replay; those that came are kept beside.

    \b
    Example:
      casebridge quarantine show 2f1c0b9e-8d5a-4f7e-9f63-0d4f6f1f2a11 --body > message.hl7
      casebridge quarantine edit 2f1c0b9e-8d5a-4f7e-9f63-0d4f6f1f2a11 message.hl7
    """  # noqa: D301  click reads \b
    with operator.open_quarantine(Settings.from_env()) as entries:
        entries.edit(id_, file.read_bytes())
    click.echo("The entry is edited; replay it.")


@quarantine.command()
@click.argument("ids", metavar="ID", nargs=-1)
@click.option("--all", "everything", is_flag=True, help="Every entry in quarantine.")
@click.option("--partner", help="With --all: only what this partner sent.")
def replay(ids: tuple[str, ...], everything: bool, partner: str | None) -> None:
    """Use entries now; exit 1 when one of them still cannot be used, and say why.

    \b
    Example:
      casebridge quarantine replay --all --partner general
    """  # noqa: D301  click reads \b
    if bool(ids) == everything:
        raise click.UsageError("Give ids, or --all.")
    left = 0
    with operator.open_quarantine(Settings.from_env()) as entries:
        chosen = list(ids) or [entry.id for entry in _all(entries, "quarantined", partner)]
        for id_ in progress(chosen, len(chosen), "Replaying"):
            outcome = entries.replay(id_)
            left += outcome.state == "quarantined"
            click.echo(f"{id_}  {outcome.state}  {outcome.reason or outcome.entry}")
            for issue in _issues(replace(entries.show(id_), issues=outcome.issues)):
                click.echo(f"  {issue}")
    sys.exit(1 if left else 0)


@quarantine.command()
@click.argument("ids", metavar="ID", nargs=-1, required=True)
def discard(ids: tuple[str, ...]) -> None:
    """Say that entries will not be used; their bytes stay until their retention is over.

    \b
    Example:
      casebridge quarantine discard 2f1c0b9e-8d5a-4f7e-9f63-0d4f6f1f2a11
    """  # noqa: D301  click reads \b
    with operator.open_quarantine(Settings.from_env()) as entries:
        for id_ in ids:
            entries.discard(id_)
            click.echo(f"{id_}  discarded")


@quarantine.command()
@click.argument("ids", metavar="ID", nargs=-1, required=True)
def stop(ids: tuple[str, ...]) -> None:
    """Try entries no more by themselves; they stay in quarantine.

    \b
    Example:
      casebridge quarantine stop 2f1c0b9e-8d5a-4f7e-9f63-0d4f6f1f2a11
    """  # noqa: D301  click reads \b
    with operator.open_quarantine(Settings.from_env()) as entries:
        for id_ in ids:
            entries.stop(id_)
            click.echo(f"{id_}  waits for a replay")


@quarantine.command()
@click.option("--bodies", default=BODIES, show_default=True, help="After how many days bytes are deleted.")
@click.option("--entries", default=ENTRIES, show_default=True, help="After how many days all is deleted.")
@click.option(
    "--quarantined", default=WAITING, show_default=True, help="After how many days quarantine ends unused."
)
def prune(bodies: int, entries: int, quarantined: int) -> None:
    """Delete old bytes, and later all that is known of a message.

    What has waited in quarantine for too long is discarded, its bytes are deleted: list it before. A message
    whose entry is deleted is used again when it is sent again.

    \b
    Example:
      casebridge quarantine prune --bodies 30 --entries 365
    """  # noqa: D301  click reads \b
    if entries < bodies:
        raise click.UsageError("--entries is at least as long as --bodies: entries go with their bytes.")
    done = {"bodies": 0, "entries": 0, "quarantined": 0}
    after = (timedelta(bodies), timedelta(entries), timedelta(quarantined))
    with operator.open_quarantine(Settings.from_env()) as work:
        for what in progress(_each(work.prune(*after)), work.prunable(*after), "Deleting"):
            done[what] += 1
    click.echo(f"{done['bodies']} bodies and {done['entries']} entries deleted.")
    click.echo(f"{done['quarantined']} that waited in quarantine discarded.")


def _issues(entry: Entry) -> list[str]:
    """Return why an entry was not used, each issue with its place in what was sent."""
    issues = issues_at_sender(entry.issues, PLACES.get(entry.inbound.form, {}))
    return [f"{issue.where}: {issue.what}" if issue.where else issue.what for issue in issues]


def _each(steps: Iterator[tuple[str, int]]) -> Iterator[str]:
    for what, count in steps:
        yield from [what] * count


def _all(entries: Quarantine, state: str, partner: str | None) -> Iterator[Entry]:
    after = None
    chosen: EntryState | None = None if state == "all" else state  # type: ignore[assignment]
    while page := entries.find(partner=partner, state=chosen, after=after, count=500):
        yield from page
        after = page[-1].id
