"""casebridge audit: what is on record, whether it was changed, and how long it stays."""

import click

from service.cli.progress import progress
from service.settings import Settings
from service.wire.fhir.audit_event import AuditEvents
from service.wire.json import dump
from service.wiring import auditing


@click.group()
def audit() -> None:
    """Export, verify or prune the audit, the record of every disclosure.

    \b
    Example:
      casebridge audit verify
    """  # noqa: D301  click reads \b


@audit.command()
@click.option("--after", type=click.IntRange(0), default=0, help="Go on after this position.")
def export(after: int) -> None:
    """Print what is sealed as AuditEvents, one a line (NDJSON), in the order of sealing: personal data.

    At the end it tells the position to go on after.

    \b
    Example:
      casebridge audit export --after 0 > audit.ndjson
    """  # noqa: D301  click reads \b
    settings = Settings.from_env()
    events, last = AuditEvents(settings.base_url), after
    with auditing.sealing(settings) as seals:
        total = max(seals.last_position() - after, 0)
        for position, entry in progress(seals.entries_after(after), total, "Exporting"):
            for _, event in events.of(entry):
                click.echo(dump(event))
            last = position
    click.echo(f"Go on with --after {last}.", err=True)


@audit.command()
def verify() -> None:
    """Compare the audit with its seals; exit 1 and name the first that does not hold, and why.

    It prints the number and the digest of the last seal. Keep them elsewhere: whoever may change the
    database could make all seals anew, but not the one that you have seen.

    \b
    Example:
      casebridge audit verify
    """  # noqa: D301  click reads \b
    with auditing.sealing(Settings.from_env()) as seals:
        for broken in progress(seals.verify(), seals.count(), "Verifying"):
            if broken is not None:
                click.echo(f"Seal {broken.seal} does not hold: {broken.why}.", err=True)
                raise click.exceptions.Exit(1)
        (number, chain), since = seals.head(), seals.kept_since()
    click.echo(f"All {number} seals hold; the last is {number}:{chain}.")
    if since is not None:
        click.echo(f"What was recorded before {since} was let go.")


@audit.command()
def prune() -> None:
    """Let go what is older than CASEBRIDGE_AUDIT_DAYS, in whole months; on PostgreSQL make the next months.

    The worker does so by itself each hour where its role owns the audit. Where it may only add to it, run
    this under the owner, once a month at least.

    \b
    Example:
      CASEBRIDGE_AUDIT_DAYS=3653 casebridge audit prune
    """  # noqa: D301  click reads \b
    with auditing.retaining(Settings.from_env()) as retention:
        made, before = retention.make_ahead(), retention.before()
        if made:
            click.echo(f"{made} partitions made.")
        if before is None:
            click.echo("CASEBRIDGE_AUDIT_DAYS is 0: all of the audit stays.")
            return
        deleted = sum(progress(retention.let_go(), 0, "Letting go"))
    click.echo(f"Nothing from before {before} is left; {deleted} rows were deleted one by one.")
