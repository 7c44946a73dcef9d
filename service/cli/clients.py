"""casebridge clients: who may have been taken for somebody else; no names are shown."""

import sys
from collections.abc import Sequence
from typing import NoReturn

import click

from service.cases.identity.suspects import KINDS as SUSPECTS
from service.cases.identity.suspects import Suspect
from service.cli.progress import progress
from service.settings import Settings
from service.wiring import operator


@click.group()
def clients() -> None:
    """Find clients that may be two persons, or two that may be one, and part who was joined wrongly.

    \b
    Example:
      casebridge clients suspects
    """  # noqa: D301  click reads \b


@clients.command()
def suspects() -> None:
    """List who is to be looked at, one a line: why, the client's id or both, the systems of the numbers.

    It changes nothing and shows no number. Numbers found their persons by other rules before: run it once
    after an upgrade. Two clients that are one are merged by their hospital (A40); one that is two is parted
    by `casebridge clients part`. It exits 1 when there is somebody.

    \b
    Example:
      casebridge clients suspects
    """  # noqa: D301  click reads \b
    with operator.suspecting(Settings.from_env()) as story:
        everybody = list(story.clients())
        suspected = [
            suspect
            for client in progress(everybody, len(everybody), "Looking")
            for suspect in story.of(client)
        ]
        suspected += story.pairs()
    _print_suspects(suspected)


@clients.command("rename-systems")
@click.option("--dry-run", is_flag=True, help="Only tell how many clients it would change.")
def rename_systems(dry_run: bool) -> None:
    """Give stored numbers of hospitals the systems that messages give them today; messages follow.

    Before, the system of a number without a registered authority ended in its type: `…:WARDS:MR` is `…:WARDS`
    now, and `…:WARDS:AN` is `…:WARDS#AN`. Until this was run such a number is still found by its former name.
    It joins nobody: a number that two clients would have stays as it is, and both are listed as by
    `casebridge clients suspects`; it exits 1 then. It may be stopped and run again.

    \b
    Example:
      casebridge clients rename-systems --dry-run
    """  # noqa: D301  click reads \b
    with operator.renaming_systems(Settings.from_env()) as (clients, rename):
        if dry_run:
            click.echo(f"{len(clients)} clients have a number under a system of before.")
            return
        renaming = progress(clients, len(clients), "Renaming")
        suspected = {suspect for client in renaming for suspect in rename(client)}
    click.echo(f"{len(clients)} clients had a number under a system of before.")
    _print_suspects(sorted(suspected, key=lambda suspect: suspect.clients))


def _print_suspects(suspected: Sequence[Suspect]) -> NoReturn:
    for suspect in suspected:
        click.echo(f"{suspect.kind:16} {' '.join(suspect.clients)}  {' '.join(suspect.systems)}".rstrip())
    for kind in dict.fromkeys(suspect.kind for suspect in suspected):
        click.echo(f"{kind}: {SUSPECTS[kind]}", err=True)
    sys.exit(1 if suspected else 0)


@clients.command()
@click.argument("client")
@click.option("--identifier", "numbers", nargs=2, multiple=True, required=True, metavar="SYSTEM VALUE",
              help="A number that is somebody else's; may be given again.")  # fmt: skip
@click.option("--visit", "visits", nargs=2, multiple=True, metavar="SYSTEM VALUE",
              help="A stay that is theirs; may be given again.")  # fmt: skip
def part(client: str, numbers: tuple[tuple[str, str], ...], visits: tuple[tuple[str, str], ...]) -> None:
    """Make somebody new of numbers and stays that are not those of CLIENT; messages follow as of any change.

    Diagnoses, doctors and proposals go with their stays. Name, address and the like stay with CLIENT until a
    message says otherwise: look at both, and have the hospital send A31 of each.

    \b
    Example:
      casebridge clients part 2f1c0b9e-8d5a-4f7e-9f63-0d4f6f1f2a11 --identifier urn:example:mercy M-78 \\
        --visit urn:example:mercy V-10
    """  # noqa: D301  click reads \b
    old, new = operator.part_client(Settings.from_env(), client, numbers, visits)
    click.echo(f"client {old.uuid} is at revision {old.revision}; who was parted from it is {new.uuid}")
