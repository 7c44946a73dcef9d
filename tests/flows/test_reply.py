"""Answers that senders do not wait for reach their endpoints, whatever is down meanwhile."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from click.testing import CliRunner
from sqlalchemy import select

from service.__main__ import cli
from service.access import registry
from service.deliver.endpoint import Endpoint
from service.errors import NotFound
from service.flows.discharge import reply
from service.flows.discharge.reply import Replies
from service.settings import Settings
from service.store.store import SqlStore
from service.store.tables import delivery
from service.wire.fhir.check.validate import validate
from service.wire.http import post
from service.wiring import rooms, serving
from tests.server_process import free_port
from tests.web.sent import FHIR, message, outcomes

NOW = datetime(2026, 3, 1, tzinfo=UTC)
# for a worker to start on a machine that has other work
SECONDS = 240


class Hospital:
    """A hospital's endpoint on a port of its own, that can go down and come back."""

    def __init__(self):
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}/fhir/$process-message"
        self.taken, self.statuses, self.asked = [], [], threading.Event()
        self.open = threading.Event()
        self.open.set()
        self._server = None

    def up(self):
        hospital = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                hospital.asked.set()
                hospital.open.wait(SECONDS)
                status = hospital.statuses.pop(0) if hospital.statuses else 200
                if status == 200:
                    hospital.taken.append((self.path, self.headers["Content-Type"], body))
                self.send_response(status)
                self.send_header("Content-Length", "0")
                if status == 307:
                    self.send_header("Location", "/elsewhere")
                self.end_headers()

            def log_message(self, *_):
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", self.port), Handler)
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()

    def down(self):
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()
            self._server = None


class Clock:
    """A clock that a test sets forward."""

    def __init__(self):
        self.at = NOW

    def __call__(self):
        return self.at


@pytest.fixture
def hospital():
    hospital = Hospital()
    hospital.up()
    yield hospital
    hospital.open.set()
    hospital.down()


@pytest.fixture
def environment(tmp_path, database_url, hospital):
    path = tmp_path / "partners.yaml"
    intake = f"{{endpoints: ['{hospital.url}', '{hospital.url}?second']}}"
    mercy = f"{{name: mercy, kind: hospital, private_hosts: [127.0.0.1], intake: {intake}}}"
    path.write_text(f"partners: [{mercy}]", encoding="utf-8")
    return {
        "CASEBRIDGE_AUTH": "off",
        "CASEBRIDGE_DATABASE_URL": database_url,
        "CASEBRIDGE_PARTNERS": str(path),
    }


@pytest.fixture
def settings(environment):
    return Settings.from_env(environment)


@pytest.fixture
def engine(settings):
    engine = rooms.database(settings)
    yield engine
    engine.dispose()


@pytest.fixture
def client(settings, engine, mappings, clock):
    return serving.application(settings, engine, mappings, clock).test_client()


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def replies(settings, engine, clock):
    store = SqlStore(engine)
    return Replies(store, Endpoint(post), registry.load(settings.partners), clock)


def send(client, sent, **query):
    asked = {"async": "true", **query}
    return client.post(
        "/fhir/$process-message",
        query_string=asked,
        data=json.dumps(sent),
        content_type=FHIR,
        headers={"Casebridge-Partner": "mercy"},
    )


def from_endpoint(endpoint, id_="m1"):
    sent = message(id_)
    sent["entry"][0]["resource"]["source"]["endpoint"] = endpoint
    return sent


def states(engine):
    with engine.connect() as connection:
        return connection.execute(select(delivery.c.state)).scalars().all()


def test_it_is_kept_before_it_is_promised_and_answered_later(client, engine, replies, hospital):
    answered = send(client, from_endpoint(hospital.url))
    assert answered.status_code == 202, answered.data
    assert answered.json["resourceType"] == "OperationOutcome"
    assert len(client.get("/api/cases").json["items"]) == 1
    assert hospital.taken == []
    assert replies.next()
    ((path, kind, answer),) = hospital.taken
    assert (path, kind) == ("/fhir/$process-message", FHIR)
    assert validate(answer) == []
    assert answer["entry"][0]["resource"]["response"]["identifier"] == "m1"
    assert answer["entry"][0]["resource"]["response"]["code"] == "ok"
    assert states(engine) == ["delivered"]
    assert not replies.next()


def test_the_response_url_is_where_it_goes(client, replies, hospital):
    answer = send(client, message(), **{"response-url": f"{hospital.url}?second"})
    assert answer.status_code == 202
    replies.next()
    assert [path for path, _, _ in hospital.taken] == ["/fhir/$process-message?second"]


@pytest.mark.parametrize("query", [{}, {"response-url": "https://attacker.example/collect"}])
def test_nothing_is_done_for_who_wants_the_answer_elsewhere(client, engine, hospital, query):
    answer = send(client, message() if not query else from_endpoint(hospital.url), **query)
    assert answer.status_code == 422
    ((severity, code, place, text),) = outcomes(answer)
    assert (severity, code) == ("error", "invalid")
    assert place == ("response-url" if query else "MessageHeader.source.endpoint")
    assert "intake/endpoints" in text
    assert "attacker" not in text
    assert states(engine) == []
    assert client.get("/api/cases").json["items"] == []


@pytest.mark.parametrize("place", ["header", "parameter"])
def test_parameters_may_say_that_the_answer_comes_later_and_where_to(client, replies, hospital, place):
    to = {"name": "response-url", "valueUrl": f"{hospital.url}?second"}
    held = {"name": "content", "resource": message() if place == "parameter" else from_endpoint(hospital.url)}
    waits = [{"name": "async", "valueBoolean": True}, *([to] if place == "parameter" else [])]
    answer = client.post(
        "/fhir/$process-message",
        json={"resourceType": "Parameters", "parameter": [*waits, held]},
        headers={"Casebridge-Partner": "mercy"},
    )
    assert answer.status_code == 202, answer.data
    assert replies.next()
    query = "?second" if place == "parameter" else ""
    assert [path for path, _, _ in hospital.taken] == [f"/fhir/$process-message{query}"]


def test_what_can_never_be_used_is_refused_at_once(client, engine, hospital):
    sent = from_endpoint(hospital.url)
    sent["entry"][1]["resource"]["status"] = ["finished"]
    answer = send(client, sent)
    assert (answer.status_code, answer.json["resourceType"]) == (422, "OperationOutcome")
    assert states(engine) == []
    assert send(client, message(), **{"async": "perhaps"}).status_code == 400


def test_an_endpoint_that_is_down_gets_it_when_it_is_back(client, engine, replies, hospital, clock):
    hospital.down()
    for id_ in ("m1", "m2"):
        assert send(client, from_endpoint(hospital.url, id_)).status_code == 202
    assert replies.next()
    assert not replies.next(), "what is owed to the same address waits too"
    waited = []
    for tries in range(2, 6):
        clock.at += timedelta(seconds=2 * reply.BACKOFF.longest)
        before = clock.at
        assert replies.next()
        assert not replies.next()
        with engine.connect() as connection:
            due = connection.execute(select(delivery.c.due)).scalars().all()
        waited.append(max(instant.replace(tzinfo=UTC) for instant in due) - before)
        assert timedelta(seconds=2**tries) <= waited[-1] <= timedelta(seconds=2 * 2**tries)
    assert hospital.taken == []
    hospital.up()
    hospital.statuses = [503, 307]
    for _ in range(6):
        clock.at += timedelta(hours=1)
        replies.next()
    answered = [bundle["entry"][0]["resource"]["response"]["identifier"] for _, _, bundle in hospital.taken]
    assert sorted(answered) == ["m1", "m2"]
    assert states(engine) == ["delivered", "delivered"]


def test_an_operator_sees_what_was_given_up_and_has_it_sent(
    client, replies, hospital, clock, environment, monkeypatch
):
    def command(*words):
        return CliRunner().invoke(cli, ["replies", *words])

    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    hospital.down()
    assert send(client, from_endpoint(hospital.url)).status_code == 202
    for _ in range(reply.TRIES):
        assert replies.next()
        clock.at += timedelta(hours=2)
    assert not replies.next()
    (line,) = command("list").output.splitlines()
    entry, *fields = line.split("  ")
    assert fields[:4] == ["mercy", "failed", str(reply.TRIES), "-"]
    assert command("retry").exit_code == 2
    assert command("retry", entry, "--all").exit_code == 2
    assert isinstance(command("retry", entry, "another").exception, NotFound)
    assert "failed" in command("list").output
    hospital.up()
    assert command("retry", entry).output == "1 will be sent.\n"
    clock.at = datetime.now(UTC)
    assert replies.next()
    assert len(hospital.taken) == 1
    assert (command("list").output, command("retry", "--all").output) == ("", "0 will be sent.\n")


def test_the_same_message_again_is_answered_by_the_same_message_again(client, replies, hospital):
    for _ in range(2):
        assert send(client, from_endpoint(hospital.url)).status_code == 202
        replies.next()
    first, second = (body for _, _, body in hospital.taken)
    assert first == second


def test_what_was_erased_is_not_sent(client, engine, replies, hospital):
    assert send(client, from_endpoint(hospital.url)).status_code == 202
    (case,) = client.get("/api/cases").json["items"]
    client.delete(f"/api/cases/{case['uuid']}", headers={"If-Match": "*"})
    assert replies.next()
    assert hospital.taken == []
    assert states(engine) == ["failed"]


def test_an_address_that_is_no_longer_registered_gets_nothing(client, engine, replies, hospital):
    assert send(client, from_endpoint(hospital.url)).status_code == 202
    later = Replies(replies.store, replies.send, {}, replies.clock)
    assert later.next()
    assert hospital.taken == []
    assert states(engine) == ["pending"]


def test_it_is_given_up_at_last(client, engine, replies, hospital, clock):
    hospital.down()
    assert send(client, from_endpoint(hospital.url)).status_code == 202
    for _ in range(reply.TRIES):
        clock.at += timedelta(hours=2)
        assert replies.next()
    assert states(engine) == ["failed"]
    assert not replies.next()


def test_a_worker_killed_while_it_sends_leaves_it_to_the_next(client, engine, environment, hospital):
    hospital.open.clear()
    assert send(client, from_endpoint(hospital.url)).status_code == 202
    with running(environment) as worker:
        assert hospital.asked.wait(SECONDS)
        worker.kill()
    assert states(engine) == ["pending"]
    hospital.open.set()
    with engine.begin() as connection:
        connection.execute(delivery.update().values(due=NOW))
    before = len(hospital.taken)
    with running(environment) as worker:
        until = time.monotonic() + SECONDS
        while states(engine) != ["delivered"]:
            assert worker.poll() is None, "the worker ended"
            assert time.monotonic() < until, "it was not delivered"
            time.sleep(0.05)
    assert states(engine) == ["delivered"]
    assert len(hospital.taken) > before


class running:  # noqa: N801  reads as the block it opens
    """A worker process, ended at the end."""

    def __init__(self, environment):
        self._environment = {**os.environ, **environment}

    def __enter__(self):
        self._process = subprocess.Popen(
            [sys.executable, "-m", "service", "worker"], env=self._environment, stderr=subprocess.DEVNULL
        )
        return self._process

    def __exit__(self, *_):
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)
        self._process.wait(SECONDS)
