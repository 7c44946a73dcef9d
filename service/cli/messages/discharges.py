"""casebridge discharges: what of them nothing reads, and what could not be kept of their queue."""

from datetime import UTC, datetime

import click

from service.cli.messages.dead import add_dead
from service.cli.progress import progress
from service.flows.discharge.counts import Counted, Counts
from service.publish.amqp import topology
from service.settings import Settings
from service.wiring import operator, processes


@click.group()
def discharges() -> None:
    """See what of discharges nothing reads, and to what was put aside of the queue casebridge.discharges.

    \b
    Example:
      casebridge discharges fields
    """  # noqa: D301  click reads \b


add_dead(discharges, topology.DISCHARGES, "kept", processes.redriving)


@discharges.command()
@click.option("--partner", help="Only what this partner sent.")
@click.option("--since", type=click.DateTime(["%Y-%m-%d"]), help="Only what came from this day on (UTC).")
def fields(partner: str | None, since: datetime | None) -> None:
    """Count the fields that came and nothing reads: partner, form, field, messages that had it, of how many.

    What the inbox still has the bytes of is read with the mappings as they are now; nothing is changed, and
    no value is shown. Why a field is not used is told in docs/hl7v2.md and docs/fhir-in.md.

    \b
    Example:
      casebridge discharges fields --partner general --since 2026-01-31
    """  # noqa: D301  click reads \b
    counts = Counts()
    with operator.counting(Settings.from_env()) as story:
        ids = story.countable_entries(partner, since.replace(tzinfo=UTC) if since else None)
        for _ in progress(story.count(ids, counts), len(ids), "Reading"):
            pass
    for line in _table(counts.table()):
        click.echo(line)
    read = sum(counts.messages.values())
    summary = f"{read} message{'' if read == 1 else 's'} read"
    click.echo(f"{summary}, {counts.unread} could not be" if counts.unread else summary, err=True)


def _table(rows: list[Counted]) -> list[str]:
    """Return lines whose columns stand below each other."""
    cells = [
        (counted.partner, counted.form, counted.field, f"{counted.messages} of {counted.of}")
        for counted in rows
    ]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    return [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in cells
    ]
