"""casebridge demo: River's story against a server of its own; exits 1 when a step is not as told."""

import json
import os
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import click

from service.cli.demo.story import Feed, House, Messages, NotAsTold, kind, play, wait_until_up
from service.cli.demo.tokens import Party
from service.wire.json import dump
from service.wiring.operator import take_queue

QUEUE: Final = "casebridge.demo"
WITH_QUEUE: Final = {
    "name": "demo",
    "kind": "engineer",
    "queues": [{"name": QUEUE, "bindings": [{"pattern": "#"}]}],
}


class DemoQueue:
    """Messages as an engineer's queue on RabbitMQ gives them."""

    def __init__(self, url: str) -> None:
        """Take the broker's URL."""
        self._url = url

    def __call__(self, last: str) -> list[str]:
        """Return the types that came, once one of type `last` is among them."""
        types = [kind(json.loads(body)) for body in take_queue(self._url, QUEUE, last)]
        if last not in types:
            raise NotAsTold(f"no {last} in the queue after ten seconds")
        return types


@click.command()
def demo() -> None:
    """Play River's story against a server of its own, on SQLite.

    Each party has a key of its own, and shows the tokens that it gets by it. With CASEBRIDGE_AMQP_URL set,
    engineers read a queue on that broker; otherwise the feed at /events.

    \b
    Example:
      casebridge demo
      CASEBRIDGE_AMQP_URL=amqp://localhost casebridge demo
    """  # noqa: D301  click reads \b
    broker = os.environ.get("CASEBRIDGE_AMQP_URL")
    with tempfile.TemporaryDirectory() as folder, _server(Path(folder), broker) as house:
        messages: Messages = DemoQueue(broker) if broker else Feed(house)
        for line in play(house, messages):
            click.echo(line)
    click.echo("The story went as told.")


@contextmanager
def _server(folder: Path, broker: str | None) -> Iterator[House]:
    """Run a server on a free port with a database of its own."""
    partners = folder / "partners.yaml"
    party = Party()
    partners.write_bytes(dump({"partners": [*party.entries(), *([WITH_QUEUE] if broker else [])]}))
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    mine = {
        "CASEBRIDGE_DATABASE_URL": f"sqlite:///{folder}/demo.db",
        "CASEBRIDGE_AUTH": "smart",
        "CASEBRIDGE_PORT": port,
        "CASEBRIDGE_PARTNERS": str(partners),
        **({"CASEBRIDGE_AMQP_URL": broker} if broker else {}),
    }
    inherited = {key: value for key, value in os.environ.items() if not key.startswith("CASEBRIDGE_")}
    with (folder / "server.log").open("w") as log:
        server = subprocess.Popen(
            [sys.executable, "-m", "service", "serve"], env={**inherited, **mine}, stdout=log, stderr=log
        )
    try:
        house = House(f"http://127.0.0.1:{port}", party.headers)
        wait_until_up(house)
        yield house
    finally:
        server.terminate()
        server.wait(20)
