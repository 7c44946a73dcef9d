"""River's case, loaded into a server for people to try things on."""

import time

import click
import requests

from service.cli.demo.story import OPENED, House, kind, load, wait_until_up

PATIENCE = 20
TRY = """River is loaded. Open {url}/docs, or try:
  curl {url}/fhir/CarePlan
  curl -H 'Accept-Language: da' {url}/fhir/CareTeam
  curl {url}/api/cases/c1
  curl {url}/events
  curl {url}/fhir/metadata
Ctrl-C ends it."""


def load_when_up(url: str) -> None:
    """Load River into a server that is starting, and say what to try once its messages can be read."""
    house = House(url)
    wait_until_up(house)
    in_feed = True
    if requests.get(f"{url}/api/cases/c1", timeout=10).status_code == 404:
        load(house)
        in_feed = _is_told(url)
    click.echo(TRY.format(url=url))
    if not in_feed:
        click.echo(f"{url}/events has none of its messages yet: `casebridge worker` numbers them.")


def _is_told(url: str) -> bool:
    """Whether the last of River's first messages comes into the feed before long."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        answer = requests.get(f"{url}/events", params={"count": 1000}, timeout=10)
        if answer.ok and OPENED[-1] in map(kind, answer.json()):
            return True
        time.sleep(0.1)
    return False
