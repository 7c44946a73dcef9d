"""casebridge partners: who may ask, and which queues they have."""

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

import click

from service.cli.findings import checking
from service.errors import Misconfigured
from service.settings import Settings
from service.values.access.scope import Partner
from service.wiring import compiled, declaring, operator
from service.wiring.access import registering

DRIFTS: Final = {
    "missing": "was not there.",
    "otherwise": "is there with other properties; delete it at the broker, and it is declared anew.",
    "unreachable": "nothing that is published reaches it.",
}
FILE: Final = click.Path(path_type=Path, exists=True, dir_okay=False)
FOLDER: Final = click.Path(path_type=Path, file_okay=False)
SOON: Final = "Running processes know within seconds."
AFTER_RESTART: Final = (
    "Running processes know it once they are started again: no partner had the overlays of its intake."
)
GENERATE: Final[Callable[[Any], Any]] = click.option(
    "--generate-key", "folder", type=FOLDER, help="The folder that its new private key is written into."
)


@click.group()
def partners() -> None:
    """Register, list, check, rotate or revoke partners, with those of CASEBRIDGE_PARTNERS.

    \b
    Example:
      CASEBRIDGE_PARTNERS=partners.yaml casebridge partners check
    """  # noqa: D301  click reads \b


@partners.command()
def check() -> None:
    """Read the registry strictly, and find the overlays it names; exit 1 and name the place of each mistake.

    Both the file and the database are read. Of a partner that both name, the file's entry is used.

    \b
    Example:
      CASEBRIDGE_PARTNERS=partners.yaml casebridge partners check
    """  # noqa: D301  click reads \b
    settings = Settings.from_env()
    with checking():
        registry = registering.checked(settings)
        compiled.check_stacks(settings, registry.partners.values())
        for name in registry.shadowed:
            click.echo(f"{name}: the file names it, so what was registered by command is not used.")
        unusable = [
            replace(issue, where=f"{name}: {issue.where}")
            for name, why in registry.unusable.items()
            for issue in why.issues
        ]
        if unusable:
            raise Misconfigured("What was registered by command cannot be used.", issues=unusable)
    click.echo(f"{len(registry.partners)} partners, all as they should be.")


@partners.command()
@click.argument("name")
@click.option("--kind", required=True, type=click.Choice(registering.KINDS), help="What it may do.")
@GENERATE
@click.option(
    "--identifier",
    "identifiers",
    nargs=2,
    multiple=True,
    metavar="SYSTEM VALUE",
    help="By which documents name it: an insurer's members have it as their payer.",
)
@click.option("--entry", "path", type=FILE, help="The rest of its entry, as in the registry file: YAML.")
def add(
    name: str, kind: str, folder: Path | None, identifiers: tuple[tuple[str, str], ...], path: Path | None
) -> None:
    """Register a partner in the database: running processes know it within seconds.

    Its key is a new one, of which the private part goes into FOLDER/NAME.jwk.json, for its owner alone; or
    `keys` or `jwks_url` of the entry name it. The entry may name a view of the registry file. Overlays in its
    `intake` that no partner has yet are used, and the partner known, once the processes are started again.

    \b
    Example:
      casebridge partners add northern --kind insurer --generate-key keys \\
        --identifier urn:example:payers northern
      casebridge partners add mercy --kind hospital --entry mercy.yaml
    """  # noqa: D301  click reads \b
    settings = Settings.from_env()
    named = {"name": name, "kind": kind}
    entry = {**named, **(registering.entry_of(path) if path is not None else {}), **named}
    if identifiers:
        entry["identifiers"] = [{"system": system, "value": value} for system, value in identifiers]
    added = registering.add_partner(settings, entry, folder)
    click.echo(f"{name} is registered." + (f" Its private key is in {added.key}." if added.key else ""))
    click.echo(AFTER_RESTART if added.waits else SOON)


@partners.command()
@click.argument("name")
@GENERATE
@click.option("--keys", "path", type=FILE, help="The file of a JWK Set with its new public keys, instead.")
@click.option("--overlap", default=24, show_default=True, help="For how many hours its old keys are taken.")
def rotate(name: str, folder: Path | None, path: Path | None, overlap: int) -> None:
    """Let a partner that was registered by command sign with another key; the old one is taken for a while.

    \b
    Example:
      casebridge partners rotate northern --generate-key keys --overlap 48
    """  # noqa: D301  click reads \b
    settings, hours = Settings.from_env(), timedelta(hours=overlap)
    if (folder is None) == (path is None):
        raise click.UsageError("Name --generate-key or --keys.")
    if folder is not None:
        click.echo(f"Its new private key is in {registering.rotate_key(settings, name, folder, hours)}.")
    elif path is not None:
        registering.rotate_to(settings, name, path, hours)
    click.echo(f"{name} has another key; what it had is taken for {overlap} hours more. {SOON}")


@partners.command()
@click.argument("name")
def revoke(name: str) -> None:
    """Let a partner that was registered by command in no more, whatever tokens it has; what it sent stays.

    Its queues at the broker are told nothing more. They, and its user there, are taken away at the broker.

    \b
    Example:
      casebridge partners revoke northern
    """  # noqa: D301  click reads \b
    registering.revoke_partner(Settings.from_env(), name)
    click.echo(f"{name} is revoked. {SOON}")


@partners.command()
@click.argument("name")
def show(name: str) -> None:
    """Print what is registered of a partner, where, what it may ask for, and which of its queues are behind.

    \b
    Example:
      casebridge partners show northern
    """  # noqa: D301  click reads \b
    settings = Settings.from_env()
    shown = registering.shown(settings, name)
    click.echo(registering.as_yaml(shown.entry), nl=False)
    click.echo(f"# from: {shown.source}\n# may ask for: {shown.scopes}")
    for standing in declaring.standing(settings, name):
        click.echo(f"# queue {standing.queue.name}: {_how(standing)}")


@partners.command()
def export() -> None:
    """Print the whole registry as a file that CASEBRIDGE_PARTNERS can name: what it names, and the database.

    \b
    Example:
      casebridge partners export > partners.yaml
    """  # noqa: D301  click reads \b
    click.echo(registering.exported(Settings.from_env()), nl=False)


@partners.command()
@click.option(
    "--print",
    "only_print",
    is_flag=True,
    help="Print it as definitions that a broker imports, and declare nothing.",
)
@click.option(
    "--remove", "named", multiple=True, metavar="QUEUE", help="A queue that no partner has any more."
)
@click.option("--yes", is_flag=True, help="Delete what is left over, with the messages in it.")
def apply(only_print: bool, named: tuple[str, ...], yes: bool) -> None:
    """Declare partners' queues at the broker, and tell what was otherwise; exit 1 while something is.

    The worker declares them by itself, twice a minute. This tells at once, and finds queues that were told
    of changes once and that no partner has now; of those that --remove names it tells too. Where our user may
    declare nothing, import what --print prints.

    \b
    Example:
      casebridge partners apply
      casebridge partners apply --remove northtown.old --yes
      casebridge partners apply --print > definitions.json
    """  # noqa: D301  click reads \b
    settings = Settings.from_env()
    if only_print:
        click.echo(json.dumps(declaring.definitions(settings), indent=2))
        return
    over = declaring.left_over(settings, named)
    drifts = declaring.declared(settings)
    for drift in drifts:
        click.echo(f"{drift.queue}: {DRIFTS[drift.what]}")
    for queue in over:
        if yes:
            declaring.remove(settings, queue.queue)
        what = "deleted" if yes else "left over; --yes deletes it"
        click.echo(f"{queue.queue}: {what}: {queue.messages} messages in it, {queue.dead} put aside.")
    if any(drift.what != "missing" for drift in drifts) or (over and not yes):
        raise click.exceptions.Exit(1)
    click.echo("All is as it should be.")


@partners.command("list")
def list_() -> None:
    """Print the partners, one a line: name, kind, view, and their queues with what these are bound to.

    \b
    Example:
      CASEBRIDGE_PARTNERS=partners.yaml casebridge partners list
    """  # noqa: D301  click reads \b
    for partner in operator.partners(Settings.from_env()):
        click.echo(_line(partner))


def _how(standing: declaring.Standing) -> str:
    owed = f"owed {standing.owed} messages"
    if standing.held is None:
        return owed
    since = standing.held.since.isoformat(timespec="seconds")
    until = f"until half of its limit, {standing.queue.depth_limit}, is left"
    return f"unbound since {since} with {standing.held.depth} messages in it, {until}; {owed}"


def _line(partner: Partner) -> str:
    queues = (f"{queue.name}({','.join(b.pattern for b in queue.bindings)})" for queue in partner.queues)
    revoked = ["revoked"] if partner.revoked else []
    return "  ".join([partner.name, partner.kind, partner.view, *revoked, *queues])
