"""A consumer of messages to begin from: each change once, in order, whatever is killed meanwhile.

It needs pika and requests. What it does with a change stands in `apply`: replace that, and let what you do be
in the same transaction of your database as the place where you are.

    python reference.py amqp://user:password@broker/vhost northtown.changes http://casebridge:8080 changes.db

contracts/README.md tells what it relies on.
"""

# ruff: noqa: INP001 - a script of its own

import json
import os
import sqlite3
import sys
import time
from collections.abc import Iterable
from typing import Any

import pika
import requests
from pika.exceptions import AMQPError

PREVIOUS = "casebridge-previous"
NONE = "0" * 20
PAGE = 500
GONE = 410
TABLES = """
CREATE TABLE IF NOT EXISTS change
  (number INTEGER PRIMARY KEY, id TEXT UNIQUE, type TEXT, subject TEXT, message TEXT);
CREATE TABLE IF NOT EXISTS owner (source TEXT, owner TEXT, sequence TEXT, PRIMARY KEY (source, owner));
CREATE TABLE IF NOT EXISTS place (name TEXT PRIMARY KEY, number INTEGER);
"""


class Consumer:
    """Takes changes of a queue, and of the feed what the queue has lost."""

    def __init__(self, feed: str, headers: dict[str, str], database: str) -> None:
        """Take the address of Casebridge, what shows it who asks, and the file of the database."""
        self._feed = feed
        self._session = requests.Session()
        self._session.headers.update(headers)
        self._database = sqlite3.connect(database, isolation_level=None)
        self._database.executescript(TABLES)

    def apply(self, message: dict[str, Any]) -> None:
        """Do what is to be done with a change; here it is written down."""
        self._database.execute(
            "INSERT INTO change (id, type, subject, message) VALUES (?, ?, ?, ?)",
            (message["id"], message["type"], message["subject"], json.dumps(message)),
        )

    def reload(self) -> None:
        """Read the resources as they are: messages after our place are older than they are kept."""
        print("some messages are no longer kept", file=sys.stderr)  # noqa: T201

    def run(self, url: str, queue: str) -> None:
        """Follow a queue for ever; after each connection that is lost, the next."""
        while True:
            try:
                self._follow(url, queue)
            except (AMQPError, OSError) as lost:
                print(f"again in a second: {type(lost).__name__}", file=sys.stderr)  # noqa: T201
                time.sleep(1)

    def _follow(self, url: str, queue: str) -> None:
        # what was lost while nobody looked, or came before the queue was there
        self._catch_up()
        with pika.BlockingConnection(pika.URLParameters(url)) as connection:
            channel = connection.channel()
            channel.basic_qos(prefetch_count=100)
            for method, properties, body in channel.consume(queue):
                message = json.loads(body)
                if (properties.headers or {}).get(PREVIOUS, NONE) > self._last(message):
                    self._catch_up()
                self._take([message])
                # what is not acknowledged comes again
                channel.basic_ack(method.delivery_tag)

    def _catch_up(self) -> None:
        """Take all that the feed has and we have not."""
        while True:
            asked = {"after": self._place("feed"), "_count": PAGE}
            answer = self._session.get(f"{self._feed}/events", params=asked, timeout=60)
            if answer.status_code == GONE:
                self.reload()
                self._database.execute("DELETE FROM place WHERE name = 'feed'")
                continue
            answer.raise_for_status()
            messages = answer.json()
            if not messages:
                return
            self._take(messages, feed=int(answer.headers["Casebridge-Position"]))

    def _take(self, messages: Iterable[dict[str, Any]], **places: int) -> None:
        """Apply what was not applied before, and remember that, and where we are, in one transaction."""
        self._database.execute("BEGIN IMMEDIATE")
        for message in messages:
            if message["sequence"] > self._last(message):
                self.apply(message)
                named = (message["source"], message["partitionkey"], message["sequence"])
                self._database.execute("INSERT OR REPLACE INTO owner VALUES (?, ?, ?)", named)
        self._database.executemany("INSERT OR REPLACE INTO place VALUES (?, ?)", places.items())
        self._database.execute("COMMIT")

    def _place(self, name: str) -> int | None:
        """Return where we are in the feed, or elsewhere; None before the beginning."""
        row = self._database.execute("SELECT number FROM place WHERE name = ?", (name,)).fetchone()
        return int(row[0]) if row else None

    def _last(self, message: dict[str, Any]) -> str:
        """Return the sequence of the last message of its owner; `source` says since which restore."""
        asked = (message["source"], message["partitionkey"])
        row = self._database.execute(
            "SELECT sequence FROM owner WHERE source = ? AND owner = ?", asked
        ).fetchone()
        return str(row[0]) if row else NONE


def main(consumer: type[Consumer]) -> None:
    """Follow the queue that the command line names."""
    broker, queue, casebridge, file = sys.argv[1:]
    # a token of /oauth2/token, or the header that names a partner where authentication is off
    token, partner = os.environ.get("CASEBRIDGE_TOKEN"), os.environ.get("CASEBRIDGE_PARTNER", "")
    shown = {"Authorization": f"Bearer {token}"} if token else {"Casebridge-Partner": partner}
    consumer(casebridge, shown, file).run(broker, queue)


if __name__ == "__main__":
    main(Consumer)
