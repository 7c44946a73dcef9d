"""The queue of commands on a real broker, into both databases."""

import json
import os
import re
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pika
import pytest
from click.testing import CliRunner

from service.__main__ import cli
from service.errors import Unavailable
from service.flows.case.documents import Documents
from service.publish.amqp import topology
from service.values.access.scope import Scope
from service.values.limits import InputLimits
from service.wiring import processes, rooms
from tests.receive.case_system import DEAD, JSON, MERGE, CaseSystem, until
from tests.servers import USER
from tests.web.sent import ER7, a03

REGISTRY = f"""partners:
  - name: cms
    kind: case-system
    intake: {{amqp_users: [{USER}], amqp_replies: [cms.answers]}}
  - {{name: other, kind: case-system}}
"""
PROBLEM = "application/problem+json"
RIVER = {"identifiers": [{"system": "urn:example:clients", "value": "R-1"}], "names": [{"given": ["River"]}]}
CASE = {"client": "river", "status": "active", "care_model": "clinical"}
KILLED_BEFORE_ITS_ACK = """
import os, signal, threading
from service.access import registry
from service.flows.case.documents import Documents
from service.settings import Settings
from service.store.store import SqlStore
from service.wiring import compiled, processes, rooms

settings = Settings.from_env()
engine = rooms.database(settings)
projection = rooms.projecting(settings, compiled.catalogues(settings))
partners = tuple(registry.load(settings.partners).values())
documents = Documents(SqlStore(engine), projection, rooms.now)
consumer = processes.commanded(settings, engine, settings.amqp_url, partners, documents)
take = consumer._take

def dying(delivery):
    take(delivery)
    os.kill(os.getpid(), signal.SIGKILL)

consumer._take = dying
consumer.run(threading.Event())
"""


@pytest.fixture
def environment(tmp_path, database_url, amqp_url):
    (tmp_path / "partners.yaml").write_text(REGISTRY, encoding="utf-8")
    return {
        "CASEBRIDGE_AUTH": "off",
        "CASEBRIDGE_DATABASE_URL": database_url,
        "CASEBRIDGE_AMQP_URL": amqp_url,
        "CASEBRIDGE_PARTNERS": str(tmp_path / "partners.yaml"),
    }


@pytest.fixture
def cms(environment, mappings):
    cms = CaseSystem(environment, mappings)
    yield cms
    cms.close()


@pytest.fixture
def answers(cms):
    """The queue of answers that the registry names; gives (correlation-id, content type, headers, body)."""
    with cms.channel() as channel:
        channel.queue_declare("cms.answers", durable=True)
        channel.queue_purge("cms.answers")

    def next_answer():
        properties, body = cms.got("cms.answers")
        return properties.correlation_id, properties.content_type, properties.headers, json.loads(body)

    yield next_answer
    with cms.channel() as channel:
        channel.queue_delete("cms.answers")


def test_clients_and_cases_are_put_and_patched_in_turn_answered_and_on_record(cms, answers):
    asked = {"reply_to": "cms.answers"}
    cms.send("put-client", "river", RIVER, message_id="m-1", correlation_id="c-1", **asked)
    cms.send("put-case", "c1", CASE, message_id="m-2", headers={"If-None-Match": "*"}, **asked)
    cms.send("put-case", "c1", {**CASE, "status": "onhold"}, message_id="m-3", headers={"If-Match": 'W/"1"'})
    headers = {"if-match": 'W/"2"'}
    cms.send("patch-case", "c1", {"care_model": "intensive"}, message_id="m-4", headers=headers, **asked)
    headers = {"If-Match": "*"}
    cms.send("patch-client", "river", {"names": [{"given": ["Rio"]}]}, message_id="m-5", headers=headers)
    cms.consume()
    answered = [answers() for _ in range(3)]
    cms.drained()
    (client,), (case,) = cms.all("client"), cms.all("case")
    assert [(about, kind, headers["casebridge-status"]) for about, kind, headers, _ in answered] == [
        ("c-1", JSON, 201),
        ("m-2", JSON, 201),
        ("m-4", JSON, 200),
    ]
    assert [headers["ETag"] for _, _, headers, _ in answered] == ['W/"1"', 'W/"1"', 'W/"3"']
    assert answered[2][2]["Casebridge-Id"] == case.uuid
    assert (answered[2][3]["status"], answered[2][3]["care_model"]) == ("onhold", "intensive")
    assert (case.source, case.source_id, case.revision, case.own) == ("cms", "c1", 3, answered[2][3])
    assert (client.revision, client.own["names"][0]["given"]) == (2, ["Rio"])
    assert [entry[:3] for entry in cms.recorded()] == [
        ("cms", "update", 201),
        ("cms", "update", 201),
        ("cms", "update", 200),
        ("cms", "patch", 200),
        ("cms", "patch", 200),
    ]


@pytest.mark.parametrize(
    ("headers", "reason"),
    [
        ({"If-Match": 'W/"7"'}, "The document is at version 1 now: GET it"),
        ({}, "The document exists: send If-Match"),
        ({"If-Match": "seven"}, "If-Match: Send If-Match as you got the ETag"),
        ({"If-Match": 7}, "If-Match: A text of at most 255 characters"),
        ({"If-None-Match": "*"}, "The document is at version 1 now"),
        ({"If-None-Match": "*", "If-Match": "*"}, "If-None-Match: Send If-None-Match: * to create, or"),
    ],
)
def test_a_condition_that_is_not_so_is_put_aside_with_the_reason_and_answered(cms, answers, headers, reason):
    cms.send("put-client", "river", RIVER, message_id="m-1")
    changed = {**RIVER, "names": [{"given": ["Rio"]}]}
    cms.send("put-client", "river", changed, message_id="m-2", headers=headers, reply_to="cms.answers")
    cms.consume()
    properties, body = cms.got(DEAD)
    assert properties.headers["casebridge-reason"][0].startswith(reason)
    assert (properties.message_id, properties.type, json.loads(body)) == ("m-2", "put-client", changed)
    about, kind, own_headers, problem = answers()
    assert (about, kind, own_headers["casebridge-status"]) == ("m-2", PROBLEM, problem["status"])
    assert problem["status"] == {"The document exists": 428, "The document is at": 412}.get(
        reason.partition(":")[0].partition(" version")[0], 400
    )
    assert cms.all("client")[0].revision == 1


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"type_": "delete-client"}, "type: Send one of put-client, patch-client, put-case, patch-case."),
        ({"type_": None}, "type: Send one of"),
        ({"kind": MERGE}, "content-type: Send application/json."),
        ({"kind": "text/plain"}, "content-type: Send application/json."),
        ({"message_id": None}, "message-id: Give each message a name"),
        ({"message_id": "a\0b"}, "message-id: Give each message a name"),
        ({"ref": None}, "ref: Name the document"),
        ({"ref": "no/id"}, "id: Not an id"),
        ({"body": b"{"}, "Not JSON"),
        ({"body": b"[]"}, "/"),
        ({"body": b"\xff\x00"}, ""),
        ({"body": b"[" * 100_000}, ""),
        ({"body": b" " * (InputLimits().content_bytes + 1)}, "send at most"),
        ({"body": {**RIVER, "wrong": 1}}, "/wrong"),
        ({"type_": "put-case", "body": CASE}, "/client: No client of yours has this id"),
        ({"type_": "patch-case", "ref": "c9", "body": {}}, "There is no such case."),
        ({"user_id": None}, "user-id: No partner is registered for this AMQP user"),
        ({"content_encoding": "gzip"}, "content-encoding: It is compressed (gzip)"),
    ],
)
def test_what_cannot_be_done_is_put_aside_with_its_reason_and_the_next_is_done(cms, changes, reason):
    usual = {"type_": "put-client", "ref": "river", "body": RIVER, "message_id": "m-1"}
    cms.send(**{**usual, **changes})
    cms.send("put-client", "after", {"names": [{"given": ["After"]}]}, message_id="m-2")
    cms.consume()
    assert reason in cms.reason()
    until(lambda: [client.source_id for client in cms.all("client")] == ["after"], "the next is held up")
    cms.drained()


def test_a_message_that_comes_again_is_done_once_and_answered_as_then(cms, answers):
    for _ in range(2):
        cms.send("put-client", "river", RIVER, message_id="m-1", reply_to="cms.answers")
    changed, headers = {"names": [{"given": ["Rio"]}]}, {"If-Match": 'W/"1"'}
    cms.send("patch-client", "river", changed, message_id="m-2", headers=headers)
    cms.send("put-client", "river", RIVER, message_id="m-1", reply_to="cms.answers")
    cms.send("patch-client", "river", changed, message_id="m-2", headers=headers, reply_to="cms.answers")
    cms.consume()
    answered = [answers() for _ in range(4)]
    assert answered[0] == answered[1] == answered[2]
    assert (answered[0][2]["casebridge-status"], answered[0][2]["ETag"]) == (201, 'W/"1"')
    assert (answered[3][2]["casebridge-status"], answered[3][2]["ETag"]) == (200, 'W/"2"')
    (client,) = cms.all("client")
    assert client.revision == 2
    cms.drained()


def test_a_message_id_that_said_something_else_before_is_put_aside(cms):
    cms.send("put-client", "river", RIVER, message_id="m-1")
    cms.send("put-client", "brook", {"names": [{"given": ["Brook"]}]}, message_id="m-1")
    cms.consume()
    assert cms.reason().startswith("message-id: Another message had this message-id")
    assert [client.source_id for client in cms.all("client")] == ["river"]


def test_what_was_erased_does_not_come_back_by_a_message_that_comes_again(cms):
    cms.send("put-client", "river", RIVER, message_id="m-1")
    cms.consume()
    until(lambda: cms.all("client"), "it is not put")
    cms.documents.erase(Scope(everything=True), "cms", "client", "river")
    cms.send("put-client", "river", RIVER, message_id="m-1")
    assert cms.reason() == "There is no such client; it was erased."
    assert cms.all("client") == []


def test_a_case_of_another_is_as_if_it_were_not_there_and_that_is_on_record(cms):
    own = Scope(source="other")
    client = cms.documents.put(own, "other", "client", "brook", {"names": [{"given": ["Brook"]}]}, None)
    case = cms.documents.put(own, "other", "case", "b1", {**CASE, "client": "brook"}, None).document
    cms.send("patch-case", case.uuid, {"status": "onhold"}, message_id="m-1", headers={"If-Match": "*"})
    cms.send("put-case", "c1", {**CASE, "client": client.document.uuid}, message_id="m-2")
    cms.consume()
    assert cms.reason() == "There is no such case."
    assert cms.reason().startswith("/client: No client of yours has this id")
    (left,) = cms.all("case")
    assert (left.revision, left.source) == (1, "other")
    assert cms.recorded() == [("cms", "patch", 404, f"/api/cases/{case.uuid}")]


@pytest.mark.parametrize("entry", ["kind: hospital", "kind: case-system\n    scopes: [casebridge/preview]"])
def test_who_has_no_right_to_documents_is_refused_and_that_is_on_record(
    environment, mappings, tmp_path, entry
):
    (tmp_path / "partners.yaml").write_text(REGISTRY.replace("kind: case-system", entry, 1), encoding="utf-8")
    cms = CaseSystem(environment, mappings)
    try:
        cms.send("put-client", "river", RIVER, message_id="m-1")
        cms.consume()
        assert cms.reason() == "This partner has no right to documents."
        assert cms.all("client") == []
        assert cms.recorded() == [("cms", "update", 403, "/api/clients/river")]
    finally:
        cms.close()


def test_a_worker_killed_between_commit_and_ack_does_it_once(cms, answers):
    cms.send("put-client", "river", RIVER, message_id="m-1", reply_to="cms.answers")
    words = [sys.executable, "-c", KILLED_BEFORE_ITS_ACK]
    killed = subprocess.run(words, env={**os.environ, **cms.environment}, timeout=240, check=False)
    assert killed.returncode == -signal.SIGKILL
    (client,) = cms.all("client")
    cms.consume()
    about, _, headers, body = answers()
    assert (about, headers["casebridge-status"], body) == ("m-1", 201, client.own)
    cms.drained()
    assert [document.revision for document in cms.all("client")] == [1]


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_what_cannot_be_kept_now_is_tried_again_and_stays_in_order(cms):
    transact, failures = cms.store.transact, iter((True, True))

    class Failing:
        def __getattr__(self, name):
            return getattr(cms.store, name)

        def transact(self, story):
            if next(failures, False):
                raise Unavailable("The database does not take it.")
            return transact(story)

    cms.documents = Documents(Failing(), cms.documents.projection, rooms.now)
    cms.send("put-client", "river", RIVER, message_id="m-1")
    cms.send("put-case", "c1", CASE, message_id="m-2")
    cms.consume()
    until(lambda: cms.all("case"), "it is not done")
    cms.drained()


def test_what_was_put_aside_is_done_once_its_reason_is_gone(cms, environment, monkeypatch):
    cms.send("put-case", "c1", CASE, message_id="m-1")
    cms.send("put-client", "brook", {"wrong": 1}, message_id="m-2")
    cms.consume()
    until(lambda: topology.depths(cms.url, [DEAD])[DEAD] == 2, "they are not put aside")
    cms.documents.put(Scope(source="cms"), "cms", "client", "river", RIVER, None)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    done = CliRunner().invoke(cli, ["commands", "redrive"])
    assert (done.stdout.splitlines()[-1], done.exit_code) == ("1 done, 1 put aside again.", 1)
    assert [case.source_id for case in cms.all("case")] == ["c1"]
    done = CliRunner().invoke(cli, ["commands", "purge", "--yes"])
    assert (done.stdout, done.exit_code) == ("1 deleted.\n", 0)
    cms.drained()


def test_the_example_of_the_page_runs(cms, capsys):
    page = (Path(__file__).parents[2] / "contracts/README.md").read_text(encoding="utf-8")
    (code,) = re.findall(r"^```python\n(.*?)^```", page, re.DOTALL | re.MULTILINE)
    address = re.compile(r'"amqp://cms:[^"]*"')
    code, count = address.subn(repr(cms.url), code)
    assert count == 1
    cms.consume()
    names = {}
    exec(compile(code.replace('user_id="cms"', f"user_id={USER!r}"), "README.md", "exec"), names)
    names["connection"].close()
    promised = re.search(r"^print\(.*# (.*)$", code, re.MULTILINE)[1]
    assert capsys.readouterr().out.splitlines()[-1] == promised
    (case,) = cms.all("case")
    assert (case.own["status"], case.revision) == ("onhold", 2)


def test_a_case_system_sends_no_discharges(cms):
    reception = rooms.receiving(cms.settings, cms.store, cms.documents.projection)
    consumer = processes.consuming(cms.settings, cms.url, cms.partners, reception)
    thread = threading.Thread(target=consumer.run, args=(cms.stop,))
    thread.start()
    try:
        with cms.channel() as channel:
            about = pika.BasicProperties(ER7, user_id=USER, delivery_mode=2)
            channel.basic_publish(topology.DISCHARGES, "", a03(), about, mandatory=True)
        headers = cms.got("casebridge.discharges.dead")[0].headers
        assert headers["casebridge-reason"] == ["This partner has no right to discharges."]
    finally:
        cms.stop.set()
        thread.join(30)
