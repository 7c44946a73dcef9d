"""casebridge replies: answers to messages sent with `async`, that their senders' endpoints did not take."""

import click

from service.settings import Settings
from service.wiring import operator


@click.group()
def replies() -> None:
    """List the answers that are owed to partners' endpoints, or have them sent again.

    \b
    Example:
      casebridge replies list
    """  # noqa: D301  click reads \b


@replies.command("list")
def list_() -> None:
    """Print what is owed, one a line: the inbox entry it answers, partner, state, tries, next try, reason.

    One that is `failed` was tried for more than two days and is tried no more by itself.

    \b
    Example:
      casebridge replies list
    """  # noqa: D301  click reads \b
    with operator.replying(Settings.from_env()) as story:
        for reply in story.undelivered_replies():
            due = reply.due.isoformat(timespec="seconds") if reply.state == "pending" else "-"
            click.echo(
                "  ".join(
                    [reply.entry, reply.partner, reply.state, str(reply.tries), due, reply.reason or "-"]
                )
            )


@replies.command()
@click.argument("entries", metavar="[ENTRY]...", nargs=-1)
@click.option("--all", "everything", is_flag=True, help="Every one that is owed.")
def retry(entries: tuple[str, ...], everything: bool) -> None:
    """Have `casebridge worker` send replies now, as if they had not been tried; exit 1 when one is not owed.

    \b
    Example:
      casebridge replies retry 2f1c0b9e-8d5a-4f7e-9f63-0d4f6f1f2a11
    """  # noqa: D301  click reads \b
    if everything == bool(entries):
        raise click.UsageError("Name entries, as `casebridge replies list` prints them, or --all.")
    with operator.replying(Settings.from_env()) as story:
        chosen = [reply.entry for reply in story.undelivered_replies()] if everything else list(entries)
        story.retry(chosen)
    click.echo(f"{len(chosen)} will be sent.")
