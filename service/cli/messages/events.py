"""casebridge events: follow the messages without a broker, let go what is stuck, delete what is old."""

import json
import sys
import time
from collections.abc import Callable, Collection
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import click
import requests

from service.cli.progress import progress
from service.settings import Settings
from service.wiring import operator, parking
from service.wiring.replaying import replaying

WAIT_SECONDS: Final = 30
LONGEST_REASON: Final = 400
LAST: Final = 2**63 - 1


def _reason(_context: click.Context, _option: click.Parameter, text: str) -> str:
    if not 0 < len(text.strip()) <= LONGEST_REASON:
        raise click.BadParameter(f"say why, in 1 to {LONGEST_REASON} characters")
    return text.strip()


POSITIONS: Final[Callable[[Any], Any]] = click.argument(
    "positions", nargs=-1, type=click.IntRange(1, LAST), metavar="[POSITION]..."
)
REASON: Final[Callable[[Any], Any]] = click.option(
    "--reason", required=True, metavar="TEXT", callback=_reason, help="Why, for the audit. Name no person."
)


@click.group()
def events() -> None:
    """Follow the feed of messages; see to the outbox. Example: casebridge events tail."""


@events.command()
@click.option("--url", default="http://127.0.0.1:8080", show_default=True, help="Where the service answers.")
@click.option("--partner", default="local", show_default=True, help="Whose view is followed.")
@click.option("--after", type=int, help="The position to start after; without it, all that is kept.")
@click.option("--follow/--no-follow", default=True, show_default=True, help="Wait for more at the end.")
@click.option("--type", "types", multiple=True, metavar="TYPE", help="Of this type, e.g. CarePlan, or case.")
@click.option("--event", "happenings", multiple=True, metavar="EVENT", help="That tell this, e.g. updated.")
@click.option("--case", metavar="ID", help="Of one case, by the id that `casebridge cases list` prints.")
def tail(
    url: str,
    partner: str,
    after: int | None,
    follow: bool,
    types: tuple[str, ...],
    happenings: tuple[str, ...],
    case: str | None,
) -> None:
    """Print messages in the order of their positions, one JSON object a line, as they come.

    Of several types or events, those of any of them.

    \b
    Example:
      casebridge events tail --after 120
      casebridge events tail --type CarePlan --type CareTeam --event updated
      casebridge events tail --partner engineer --no-follow
    """  # noqa: D301  click reads \b
    asked = {"wait": WAIT_SECONDS} if follow else {}
    who, owner = {"Casebridge-Partner": partner}, f"case/{case}" if case is not None else None
    whats, happened = ({name.lower() for name in names} for names in (types, happenings))
    while True:
        try:
            answer = requests.get(
                f"{url}/events", params={"after": after, **asked}, headers=who, timeout=2 * WAIT_SECONDS
            )
        except requests.RequestException as exc:
            raise click.ClickException(f"{url} does not answer ({type(exc).__name__}).") from exc
        if not answer.ok:
            raise click.ClickException(f"{url}/events answered {answer.status_code}: {answer.text}")
        for message in answer.json():
            if owner in {None, message["partitionkey"]} and _tells(message["type"], whats, happened):
                click.echo(json.dumps(message, ensure_ascii=False))
        seen = int(answer.headers["Casebridge-Position"])
        if seen == after:
            if not follow:
                return
            # where too many wait already, it is answered at once
            time.sleep(1)
        after = seen


def _tells(type_: str, whats: Collection[str], happenings: Collection[str]) -> bool:
    """Tell whether a type, `org.casebridge.careplan.updated.v1`, is one of those that are asked for."""
    what, happened = type_.split(".")[2:4]
    return (not whats or what in whats) and (not happenings or happened in happenings)


@events.command()
def parked() -> None:
    """Print the messages that could not be published, one a line: position, routing key, reason.

    Each stops the later messages of its owner until it is tried again (`retry`) or left out (`skip`).

    \b
    Example:
      casebridge events parked
    """  # noqa: D301  click reads \b
    with operator.outbox(Settings.from_env()) as outbox:
        for message in outbox.parked_messages():
            click.echo(f"{message.position}  {message.routing_key}  {message.reason}")


@events.command()
@POSITIONS
@click.option("--all", "everything", is_flag=True, help="All that is parked.")
@REASON
def retry(positions: tuple[int, ...], everything: bool, reason: str) -> None:
    """Have parked messages published after all, once what stops them is gone; exit 1 when one is not parked.

    The audit says so, with the reason.

    \b
    Example:
      casebridge events retry 1207 --reason "the broker takes 16 MiB now"
    """  # noqa: D301  click reads \b
    if everything == bool(positions):
        raise click.UsageError("Name positions, as `casebridge events parked` prints them, or --all.")
    settings = Settings.from_env()
    if everything:
        with operator.outbox(settings) as outbox:
            positions = tuple(message.position for message in outbox.parked_messages())
    click.echo(f"{parking.retry(settings, positions, reason)} tried again.")


@events.command()
@POSITIONS
@REASON
def skip(positions: tuple[int, ...], reason: str) -> None:
    """Leave parked messages out for good: their owners go on without them; exit 1 when one is not parked.

    It prints what is left out, and of whose queues. Who gets all of an owner's messages sees a gap in
    `sequence` there, and finds the message in the feed, which keeps it. Nothing tells it again later. The
    audit says so, with the reason.

    \b
    Example:
      casebridge events skip 1207 --reason "a later version tells more"
    """  # noqa: D301  click reads \b
    if not positions:
        raise click.UsageError("Name positions, as `casebridge events parked` prints them.")
    for left_out in parking.skip(Settings.from_env(), positions, reason):
        message = left_out.message
        named = f"{message.position}  {message.routing_key}  {message.owner}, sequence {message.sequence}"
        click.echo(f"{named}: not for {', '.join(left_out.queues) or 'anybody: no queue is bound to it'}")


@events.command()
def owed() -> None:
    """Print the queues that are behind, one a line: how many messages each is owed, and its name.

    Each gets them as soon as it takes them; the worker's log says why it does not (`queue_behind`).

    \b
    Example:
      casebridge events owed
    """  # noqa: D301  click reads \b
    with operator.outbox(Settings.from_env()) as outbox:
        for queue, count in sorted(outbox.debts().items()):
            click.echo(f"{count}  {queue}")


@events.command()
@click.argument("queue")
def forgive(queue: str) -> None:
    """Let a queue go without what it is owed, for nobody reads it any more; exit 1 when it is owed nothing.

    \b
    Example:
      casebridge events forgive northtown.changes
    """  # noqa: D301  click reads \b
    with operator.outbox(Settings.from_env()) as outbox:
        if not outbox.owes(queue):
            click.echo(f"{queue} is owed nothing.", err=True)
            sys.exit(1)
        click.echo(f"{outbox.forgive(queue)} forgiven.")


@events.command()
@click.option(
    "--before", metavar="INSTANT", help="Delete what had been numbered before, e.g. 2026-01-31T00:00Z."
)
@click.option("--keep-days", type=click.IntRange(0), help="Delete what is older than so many days.")
def prune(before: str | None, keep_days: int | None) -> None:
    """Delete old messages that were published, or that nobody was registered for; the others stay.

    The feed then begins later; positions are never given again.

    \b
    Example:
      casebridge events prune --keep-days 90
    """  # noqa: D301  click reads \b
    if (before is None) == (keep_days is None):
        raise click.UsageError("Say --before or --keep-days.")
    instant = (
        datetime.now(UTC) - timedelta(days=keep_days)
        if keep_days is not None
        else _instant(before, "--before")
    )
    with operator.pruning(Settings.from_env(), instant) as (steps, work):
        click.echo(f"{sum(progress(work, steps, 'Deleting'))} messages deleted.")


@events.command()
@click.option("--to-queue", "queue", required=True, help="The queue of a partner.")
@click.option(
    "--since",
    metavar="INSTANT",
    help="What was numbered since, and some seconds before: 2026-01-31T00:00Z; else all.",
)
@click.option("--case", metavar="ID", help="Of one case, by the id that `casebridge cases list` prints.")
@click.option("--type", "type_", metavar="TYPE", help="Of one type, e.g. CarePlan, or case.")
def replay(queue: str, since: str | None, case: str | None, type_: str | None) -> None:
    """Tell a queue again what was published: what its bindings cover, and its partner may see now.

    Of a time, a case, a type, or all that is kept. The worker sends it within seconds. It comes after newer
    messages, with the ids and sequences that it had: who keeps the last sequence of each owner passes it by,
    so let a consumer that wants it forget those.

    \b
    Example:
      casebridge events replay --to-queue northtown.changes --since 2026-01-31T00:00Z --type CarePlan
    """  # noqa: D301  click reads \b
    instant = _instant(since, "--since") if since is not None else None
    with replaying(Settings.from_env(), queue, since=instant, case=case, type_=type_) as (steps, work):
        click.echo(f"{sum(progress(work, steps, 'Telling again'))} messages are told again.")


@events.command()
def dead() -> None:
    """Print what partners could not take: a queue of theirs a line, and how many messages were put aside.

    \b
    Example:
      casebridge events dead
    """  # noqa: D301  click reads \b
    for queue, count in operator.put_aside(Settings.from_env()).items():
        click.echo(f"{queue}  {'not declared' if count is None else count}")


@events.command()
@click.argument("queue")
def redrive(queue: str) -> None:
    """Put what was put aside of a partner's QUEUE back into it, in order, each message with its id.

    They come after what the queue has already: `sequence` tells what is older.

    \b
    Example:
      casebridge events redrive northtown.changes
    """  # noqa: D301  click reads \b
    settings = Settings.from_env()
    waiting = operator.put_aside(settings).get(queue) or 0
    done = list(progress(operator.redrive_queue(settings, queue), waiting, "Putting back"))
    click.echo(f"{len(done)} put back.")


@events.command()
@click.argument("queue")
@click.confirmation_option(prompt="Delete what was put aside for good?")
def purge(queue: str) -> None:
    """Delete what was put aside of a partner's QUEUE: after an erasure, it may hold whole resources.

    \b
    Example:
      casebridge events purge northtown.changes --yes
    """  # noqa: D301  click reads \b
    click.echo(f"{operator.purge_queue(Settings.from_env(), queue)} deleted.")


def _instant(text: str | None, option: str) -> datetime:
    with suppress(ValueError):
        instant = datetime.fromisoformat(text or "")
        if instant.tzinfo is not None:
            return instant
    raise click.BadParameter("write an instant with its offset, e.g. 2026-01-31T00:00Z", param_hint=option)
