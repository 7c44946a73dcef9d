"""The two who call: a case system that changes cases over HTTP, an engineer who reads a queue."""

import json
import threading
import time
from dataclasses import dataclass, field

import pika
import requests
from pika.adapters.utils.connection_workflow import AMQPConnectorException
from pika.exceptions import AMQPError

from tests.flows import river

TITLE = "change "


def case(client: str, number: int) -> dict:
    """The case as it is after its change `number`."""
    plan = {**river.CASE["plan"], "title": f"{TITLE}{number}"}
    if number % 5 == 4:
        plan["goals"] = [{**river.CASE["plan"]["goals"][0], "description": f"Walk {number} m"}]
    return {**river.CASE, "client": client, "identifiers": [], "plan": plan}


def number_of(document: dict) -> int:
    """The change after which a case looks so."""
    return int(document["plan"]["title"].removeprefix(TITLE))


class CaseSystem:
    """Changes each of its cases from 0 to `last`, and goes on after every failure as HTTP asks it to.

    An answer that did not come tells nothing, so it GETs and compares before it PUTs again.
    """

    def __init__(self, url: str, cases: list[str], last: int) -> None:
        self._url, self.cases, self._last = url, cases, last
        self._session = requests.Session()
        self._etags: dict[str, str | None] = {}
        self.done = 0
        self.answered: dict[tuple[str, int], str] = {}
        self.statuses: dict[str, int] = {}
        self._thread = threading.Thread(target=self._run)
        self.start, self.join = self._thread.start, self._thread.join

    def _run(self) -> None:
        for case_ in self.cases:
            client = {**river.CLIENT, "identifiers": []}
            self._until_stored(f"clients/{case_}", client, lambda document: "names" in document)
        for number in range(self._last + 1):
            for case_ in self.cases:
                document = case(case_, number)
                wanted = document["plan"]["title"]
                etag = self._until_stored(
                    f"cases/{case_}",
                    document,
                    lambda document, wanted=wanted: document["plan"]["title"] == wanted,
                )
                self.done += number > 0
                if etag is not None:
                    self.answered[case_, number] = etag

    def _until_stored(self, path: str, document: dict, same) -> str | None:
        """PUT until it is stored; return the ETag when a PUT was answered so, None when a GET showed it."""
        while True:
            etag = self._etags.get(path)
            answer = self._ask("PUT", path, json=document, headers={"If-Match": etag} if etag else {})
            if answer is not None and answer.status_code in {200, 201}:
                self._etags[path] = answer.headers["ETag"]
                return answer.headers["ETag"]
            seen = self._look(path)
            if seen is not None and same(seen):
                return None

    def _look(self, path: str) -> dict | None:
        """GET until there is an answer; None while there is no such document."""
        while True:
            answer = self._ask("GET", path)
            if answer is not None and answer.status_code == 200:
                self._etags[path] = answer.headers["ETag"]
                return answer.json()
            if answer is not None and answer.status_code == 404:
                self._etags[path] = None
                return None
            time.sleep(0.05)

    def _ask(self, method: str, path: str, **options) -> requests.Response | None:
        try:
            answer = self._session.request(method, f"{self._url}/api/{path}", timeout=10, **options)
        except requests.RequestException:
            self._count(f"{method} none")
            return None
        self._count(f"{method} {answer.status_code}")
        return answer

    def _count(self, what: str) -> None:
        self.statuses[what] = self.statuses.get(what, 0) + 1


@dataclass
class Engineer:
    """Reads a queue, acknowledges what it has written down, connects again when it is cut off."""

    url: str
    queue: str
    messages: list[dict] = field(default_factory=list)
    seen: set[str] = field(default_factory=set)
    connected: threading.Event = field(default_factory=threading.Event)
    _stop: threading.Event = field(default_factory=threading.Event)

    def start(self) -> None:
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def stop(self) -> None:
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                self._read()
            except (AMQPError, AMQPConnectorException, OSError):
                self._stop.wait(0.1)

    def _read(self) -> None:
        with pika.BlockingConnection(pika.URLParameters(self.url)) as connection:
            channel = connection.channel()
            channel.basic_qos(prefetch_count=200)
            channel.queue_declare(self.queue, passive=True)
            self.connected.set()
            for method, properties, body in channel.consume(self.queue, inactivity_timeout=0.2):
                if self._stop.is_set():
                    return
                if method is not None:
                    message = json.loads(body)
                    assert message["id"] == properties.message_id
                    self.messages.append(message)
                    self.seen.add(message["id"])
                    channel.basic_ack(method.delivery_tag)
