"""casebridge events: follow the messages without a broker."""

import json
import time

import click
import requests


@click.group()
def events() -> None:
    """Follow the feed of messages. Example: casebridge events tail."""


@events.command()
@click.option("--url", default="http://127.0.0.1:8080", show_default=True, help="Where the service answers.")
@click.option("--after", default=0, show_default=True, help="The position to start after.")
@click.option("--follow/--no-follow", default=True, show_default=True, help="Wait for more at the end.")
def tail(url: str, after: int, follow: bool) -> None:
    """Print messages in the order of their positions, one JSON object a line.

    \b
    Example:
      casebridge events tail --after 120
    """  # noqa: D301  click reads \b
    while True:
        answer = requests.get(f"{url}/events", params={"after": after}, timeout=30)
        answer.raise_for_status()
        for message in answer.json():
            click.echo(json.dumps(message, ensure_ascii=False))
        seen = int(answer.headers["Casebridge-Position"])
        if seen == after:
            if not follow:
                return
            time.sleep(1)
        after = seen
