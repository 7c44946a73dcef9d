"""casebridge token: what a client of SMART Backend Services does, as a command."""

from pathlib import Path
from typing import Any

import click

from service.cli.access import smart_client
from service.errors import Rejected
from service.settings import Settings
from service.wire.json import parse


@click.command()
@click.argument("name")
@click.option(
    "--key",
    "path",
    required=True,
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="The file of the partner's private key, a JWK.",
)
@click.option("--scope", help="SMART scopes, separated by spaces; all that may be had otherwise.")
@click.option(
    "--emergency",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="Break the glass: a JSON file with `reason`, and `system` and `value` of a number of the person.",
)
@click.option("--url", help="The address of the service; CASEBRIDGE_BASE_URL otherwise.")
def token(name: str, path: Path, scope: str | None, emergency: Path | None, url: str | None) -> None:
    """Get an access token by a partner's key, and print it.

    What was granted is told on standard error. The token is good for five minutes.

    \b
    Example:
      casebridge token northern --key keys/northern.jwk.json --scope system/CarePlan.rs
    """  # noqa: D301  click reads \b
    jwk = parse(path.read_bytes())
    if not isinstance(jwk, dict) or not {"kty", "kid", "d"} <= jwk.keys():
        raise Rejected("Not a private key as a JWK with a `kid`.", where=str(path))
    base = (url or Settings.from_env().base_url).rstrip("/")
    granted = smart_client.token(base, name, jwk, scope, _extensions(emergency))
    click.echo(f"granted: {granted['scope']}", err=True)
    click.echo(granted["access_token"])


def _extensions(emergency: Path | None) -> dict[str, Any] | None:
    """Return what an assertion says of an emergency, by a file: others could read an argument."""
    if emergency is None:
        return None
    said = parse(emergency.read_bytes())
    names = ("reason", "system", "value")
    if not isinstance(said, dict) or not all(isinstance(said.get(name), str) for name in names):
        raise Rejected("Not an object with the texts reason, system and value.", where=str(emergency))
    return smart_client.emergency(*(said[name] for name in names))
