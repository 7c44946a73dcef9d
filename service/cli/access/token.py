"""casebridge token: what a client of SMART Backend Services does, as a command."""

from pathlib import Path

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
@click.option("--url", help="The address of the service; CASEBRIDGE_BASE_URL otherwise.")
def token(name: str, path: Path, scope: str | None, url: str | None) -> None:
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
    granted = smart_client.token(base, name, jwk, scope)
    click.echo(f"granted: {granted['scope']}", err=True)
    click.echo(granted["access_token"])
