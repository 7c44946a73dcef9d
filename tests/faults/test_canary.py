"""A person with unmistakable values goes through every route and door, and is told to nobody else.

Not in a log line of a process, a metric, a header, an error, a message without the resource, or what another
partner is answered; and it is in no queue of ours once it is erased.
"""

import contextlib
import itertools
import json
import re
import socket
import subprocess
import sys
import time

import pika
import pytest
import requests

from service.publish.amqp import topology
from service.receive.mllp.framing import frame_of
from service.store.tables import metadata
from tests.contracts.answered import described
from tests.faults.house import Everybody, until
from tests.front.test_hostile import ROUTES
from tests.servers import USER
from tests.web.sent import ER7, FHIR, a03, encounter, entry, message, parts, transaction

NUMBER = "CANARY-4711"
CANARIES = ("CANARY", "Kanarienvogel", "Canaryname", "canary@nest.example")
TELECOM = [{"system": "email", "value": "canary@nest.example"}]
REGISTRY = """partners:
  - {name: cms, kind: case-system}
  - {name: other, kind: case-system}
  - {name: northern, kind: insurer, identifiers: [{system: "urn:example:payers", value: northern}]}
  - {name: lakeside, kind: hospital, intake: {case_system: other}}
  - name: harbor
    kind: engineer
    queues: [{name: harbor, bindings: [{pattern: "#"}]}]
  - name: mercy
    kind: hospital
    intake:
      identifying: ["urn:example:persons"]
      case_system: cms
      senders: [{application: ADT, facility: MERCY, addresses: [127.0.0.1]}]
      amqp_users: [{USER}]
""".replace("{USER}", USER)
FOREIGN = ("other", "northern", "lakeside", "harbor", "stranger")


class Nest(Everybody):
    """All processes, with the registry of this page."""

    def __init__(self, folder, database_url, amqp_url):
        self.amqp_url = amqp_url
        super().__init__(folder, database_url, amqp_url, REGISTRY)
        self.await_server()
        self.answers = []
        self.metrics = {"serve": self.url.rpartition(":")[2]}

    def ask(self, method, path, partner, **options):
        """Ask, and note what was answered to whom."""
        headers = {"Casebridge-Partner": partner} if partner else {}
        headers |= options.pop("headers", {})
        answer = requests.request(method, self.url + path, headers=headers, timeout=60, **options)
        self.answers.append((partner, method, answer))
        return answer

    def publish(self, body, kind):
        with self.channel() as channel:
            properties = pika.BasicProperties(kind, user_id=USER, delivery_mode=2)
            channel.basic_publish("", topology.DISCHARGES, body, properties, mandatory=True)

    @contextlib.contextmanager
    def channel(self):
        with pika.BlockingConnection(pika.URLParameters(self.amqp_url)) as connection:
            yield connection.channel()

    def waiting(self, queue):
        """How many messages are in a queue."""
        with self.channel() as channel:
            return channel.queue_declare(queue, passive=True).method.message_count

    def run(self, *words):
        """A command of the operator's; one that finds a fault exits 1."""
        subprocess.run(
            [sys.executable, "-m", "service", *words], env=self._env, check=False, capture_output=True
        )

    def where_it_is(self):
        """The tables in which something of the person is, by column."""
        columns = set()
        for table in metadata.tables:
            for row in self.rows(f"SELECT * FROM {table}"):
                for name, value in row._mapping.items():
                    raw = bytes(value) if isinstance(value, memoryview | bytes) else str(value).encode()
                    columns |= {f"{table}.{name}"} if canaries_in(raw.decode("utf-8", "replace")) else set()
        return sorted(columns)

    def queued(self, queue):
        """All that is in a queue: as it is written on the wire, but for frames."""
        with self.channel() as channel:
            while (got := channel.basic_get(queue, auto_ack=True))[0] is not None:
                yield repr(got[:2]) + got[2].decode("utf-8", "replace")


@pytest.fixture
def nest(tmp_path, killable_postgres, killable_rabbitmq):
    name = f"casebridge_canary_{time.time_ns()}"
    nest = Nest(tmp_path, killable_postgres.create_database(name), killable_rabbitmq.create_vhost())
    yield nest
    nest.close()
    killable_postgres.drop_database(name)


def canaries_in(text):
    return [canary for canary in CANARIES if canary in text]


def renamed(value):
    """What the examples send, of this person."""
    return json.loads(json.dumps(value).replace("R-1", NUMBER).replace("Rider", "Canaryname"))


def er7(number):
    raw = a03(f"MSG-{number}", person=NUMBER, visit=f"CANARY-V{number}")
    return raw.replace(b"Rider^River", b"Canaryname^Kanarienvogel")


def by_every_door(nest):
    """Bring the person in, well and badly."""
    client = {
        "names": [{"family": "Canaryname", "given": ["Kanarienvogel"]}],
        "identifiers": [{"system": "urn:example:persons", "value": NUMBER}],
        "telecom": TELECOM,
    }
    case = {"client": "bird", "status": "active", "plan": {"title": "Kanarienvogel's", "status": "active"}}
    assert nest.ask("PUT", "/api/clients/bird", "cms", json=client).status_code == 201
    assert nest.ask("PUT", "/api/cases/nest", "cms", json=case).status_code == 201
    stay, patient, brain = renamed(parts())
    requested = [
        entry(resource, method="POST", url=resource["resourceType"]) for resource in (stay, patient, brain)
    ]
    for path, body in (
        ("/fhir/Encounter", renamed(encounter())),
        ("/fhir/$process-message", renamed(message("m1"))),
        ("/fhir", {**transaction(), "entry": requested}),
        ("/fhir", {**transaction(), "type": "batch", "entry": requested}),
    ):
        for sent in (body, {**body, "canary": "CANARY"}):
            nest.ask("POST", path, "mercy", data=json.dumps(sent), headers={"Content-Type": FHIR})
    for raw in (er7(1), er7(2).replace(b"PID|", b"PIX|"), er7(3)[:-40], b"CANARY"):
        nest.ask("POST", "/hl7v2", "mercy", data=raw, headers={"Content-Type": ER7})
    over_mllp(nest)
    for body, kind in (
        (er7(7), ER7),
        (json.dumps(renamed(encounter())).encode(), FHIR),
        (b'{"CANARY"', FHIR),
        (er7(8), "text/CANARY"),
    ):
        nest.publish(body, kind)


def over_mllp(nest):
    """Send three frames, each on a connection of its own; the last is no message."""
    for raw in (er7(4), er7(5).replace(b"PID|", b"PIX|"), b"CANARY" * 10):
        until(lambda raw=raw: was_answered(nest, raw), "MLLP does not answer")


def was_answered(nest, raw):
    """Whether the process is up, and has answered or hung up."""
    try:
        with socket.create_connection(("127.0.0.1", nest.mllp_port), 60) as sender:
            sender.sendall(frame_of(raw))
            while (more := sender.recv(65_536)) and not more.endswith(b"\x1c\r"):
                pass
    except ConnectionRefusedError:
        return False
    return True


def at_every_route(nest):
    """Ask at every route, with the person in each place of it, as whose it is and as everybody else."""
    kinds = {(method, path): kind for method, path, kind in ROUTES}
    queries = itertools.cycle(["?family=Canaryname&identifier=x|CANARY-4711", "?_count=CANARY-4711", ""])
    for path, operations in described()["paths"].items():
        for method, partner in itertools.product(
            operations, ("cms", "mercy", "northern", "harbor", "stranger")
        ):
            kind = kinds.get((method.upper(), path))
            headers = {"If-Match": "CANARY", "Idempotency-Key": "CANARY-1"}
            where = re.sub(r"\{\w+\}", "CANARY-4711", path) + next(queries)
            body = b'{"CANARY": "Canaryname", "resourceType": "CANARY"}' if kind else None
            headers |= {"Content-Type": kind} if kind else {}
            nest.ask(method.upper(), where, partner, data=body, headers=headers)


def as_others(nest):
    """Ask for all that there is of the person, as everybody else."""
    entries = [
        entry["resource"]
        for type_ in ("Patient", "EpisodeOfCare", "CarePlan", "CareTeam", "Encounter")
        for entry in nest.ask("GET", f"/fhir/{type_}", "cms").json().get("entry", [])
    ]
    assert len(entries) >= 4
    paths = [f"/fhir/{entry['resourceType']}/{entry['id']}" for entry in entries]
    paths += [f"{path}/_history{version}" for path in paths for version in ("", "/1")]
    paths += [f"/fhir/{entry['resourceType']}?_id={entry['id']}" for entry in entries]
    items = nest.ask("GET", "/api/clients", "cms").json()["items"]
    paths += ["/api/clients", "/api/cases", "/events", "/api/quarantine?state=all"]
    paths += [f"/api/{kind}/{item['uuid']}" for kind in ("clients", "cases") for item in items]
    for path, partner in itertools.product(paths, FOREIGN):
        nest.ask("GET", path, partner)


def leaks(nest):
    """Each place where the person is told and may not be, as (place, what)."""
    for partner, method, answer in nest.answers:
        asked = f"{partner} {method} {answer.request.path_url} {answer.status_code}"
        if leaked := canaries_in(str(answer.headers)):
            yield f"a header of {asked}", leaked
        # who may ask for the person; an error tells nobody
        is_own = partner in {"cms", "mercy"} and answer.status_code < 300
        # a search says what it was asked for
        text = re.sub(r'"link":\[[^]]*\]', "", answer.text)
        if not is_own and (leaked := canaries_in(text)):
            yield f"an answer of {asked}", leaked
    if leaked := canaries_in(nest.log.read_text(encoding="utf-8")):
        yield "the log", leaked
    for name, port in nest.metrics.items():
        if leaked := canaries_in(requests.get(f"http://127.0.0.1:{port}/metrics", timeout=60).text):
            yield f"the metrics of {name}", leaked


def test_nobody_is_told_of_a_person_but_who_may_be(nest):
    by_every_door(nest)
    as_others(nest)
    at_every_route(nest)

    def feed():
        return requests.get(f"{nest.url}/events?count=1000", timeout=60).json()

    until(lambda: nest.waiting(topology.DISCHARGES) == 0, "discharges wait", 120)
    until(lambda: nest.waiting("harbor") == len(feed()) > 10, "messages wait", 120)
    assert list(leaks(nest)) == []
    assert [body for body in nest.queued("harbor") if canaries_in(body)] == []
    assert not canaries_in(json.dumps(feed()))
    erase(nest)
    assert nest.where_it_is() == []
    assert [body for body in nest.queued(f"{topology.DISCHARGES}.dead") if canaries_in(body)] == []


def erase(nest):
    """Erase the person as an operator does, by docs/erasure.md."""
    nest.run("discharges", "redrive")
    for kind in ("cases", "clients"):
        for item in nest.ask("GET", f"/api/{kind}?_count=500", None).json()["items"]:
            if kind == "cases" or canaries_in(json.dumps(item)):
                assert nest.ask("DELETE", f"/api/{kind}/{item['uuid']}", None).status_code in {204, 404}
    nest.run("discharges", "purge", "--yes")
