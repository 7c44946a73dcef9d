"""casebridge keys: what access tokens are signed with."""

import click

from service.settings import Settings
from service.wiring.access import signing


@click.group()
def keys() -> None:
    """List or rotate the keys that access tokens are signed with.

    \b
    Example:
      casebridge keys list
    """  # noqa: D301  click reads \b


@keys.command("list")
def list_() -> None:
    """Print our signing keys, the newest first, one a line: number, kid, made, and since when it is retired.

    \b
    Example:
      casebridge keys list
    """  # noqa: D301  click reads \b
    for key in signing.signing_keys(Settings.from_env()):
        made = key.created.isoformat(timespec="seconds")
        state = f"retired {key.retired.isoformat(timespec='seconds')}" if key.retired else "signs"
        click.echo(f"{key.number}  {key.kid}  {made}  {state}")


@keys.command()
def rotate() -> None:
    """Sign with a new key from now on.

    The one before is published for ten minutes more, until nothing that it signed is good any longer. Running
    processes sign with the new one within half a minute.

    \b
    Example:
      casebridge keys rotate
    """  # noqa: D301  click reads \b
    key = signing.rotate_signing_key(Settings.from_env())
    click.echo(f"{key.kid} signs from now on.")
