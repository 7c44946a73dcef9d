"""The queue of discharges on a real broker, into both databases."""

import json
import os
import signal
import subprocess
import sys
import time
from gzip import compress
from pathlib import Path
from zlib import compress as zlib_compress

import pika
import pytest
from click.testing import CliRunner

from service.__main__ import cli
from service.errors import Unavailable
from service.publish.amqp import topology
from service.receive.amqp import consumer as consuming
from service.receive.amqp.taking import DELIVERIES
from service.store.relay.outbox import Outbox
from service.values.access.scope import Scope
from service.wiring import operator
from tests.receive.hospital import KILLED_BEFORE_ITS_ACK, REGISTRY, Hospital, until
from tests.servers import USER
from tests.web.sent import ER7, FHIR, a03, encounter, message, transaction


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
def mercy(environment, mappings):
    mercy = Hospital(environment, mappings)
    yield mercy
    mercy.close()


def test_both_forms_of_one_discharge_come_to_one_case(mercy):
    mercy.send(message(), kind=FHIR)
    mercy.send(a03())
    mercy.send(encounter(), kind="application/fhir+json; charset=utf-8")
    mercy.send(transaction(), kind=FHIR, exchange=topology.DISCHARGES)
    mercy.consume()
    entries = mercy.kept(4)
    assert [(entry.state, entry.inbound.way, entry.partner) for entry in entries] == [
        ("accepted", "amqp", "mercy")
    ] * 4
    (case,) = mercy.cases()
    assert (case.body["status"], case.source) == ("planned", "mercy")
    mercy.drained()


def test_messages_are_taken_in_the_order_in_which_they_came(mercy):
    mercy.send(*(a03(f"M{number}", visit=f"V-{number}") for number in range(20)))
    mercy.consume()
    kept = mercy.kept(20)
    names = [one.inbound.raw.split(b"|")[9] for one in sorted(kept, key=lambda one: one.arrived)]
    assert names == [b"M%d" % number for number in range(20)]


def test_the_same_message_id_again_is_the_same_message(mercy):
    other = message(id_="m2", id="other")
    mercy.send(message(), kind=FHIR, message_id="k-1")
    mercy.send(message(), kind=FHIR, message_id="k-1")
    mercy.send(other, kind=FHIR, message_id="k-1")
    mercy.consume()
    first, second = mercy.kept(2)
    mercy.drained()
    assert len(mercy.entries()) == 2
    assert [first.flagged, second.flagged] == [False, True]


@pytest.mark.parametrize(
    ("body", "kind", "user", "reason"),
    [
        (a03(), ER7, None, "user-id: No partner is registered for this AMQP user"),
        (b"\x00\xff" * 100, ER7, USER, "There is no MSH here"),
        (a03().replace(b"ADT^A03", b"ORU^R01"), ER7, USER, "MSH-9: Only ADT messages are taken"),
        (a03(), "text/plain", USER, "content-type: Send x-application/hl7-v2+er7"),
        (b"{", FHIR, USER, "Not JSON"),
        (b'{"resourceType":"Patient"}', FHIR, USER, "resourceType: Send a Bundle or an Encounter"),
        (transaction("batch"), FHIR, USER, "Bundle.type: A message, a transaction or an Encounter"),
        (encounter(status=["x"]), FHIR, USER, "Encounter.status"),
        (message(type="message", entry=[]), FHIR, USER, "MessageHeader"),
        (b"x" * 6_000_000, ER7, USER, "send at most 5000000"),
        (b"BHS|^~\\&\r" + a03() + b"BTS|2\r", ER7, USER, "BTS-1: BTS-1 announces 2 messages, 1 came."),
    ],
)
def test_what_cannot_be_kept_is_put_aside_with_its_reason_and_its_bytes(mercy, body, kind, user, reason):
    mercy.send(body, kind=kind, user_id=user, message_id="x-1", headers={"theirs": "kept"})
    mercy.send(a03("AFTER"))
    mercy.consume()
    properties, raw = mercy.dead()
    assert raw == (body if isinstance(body, bytes) else json.dumps(body).encode())
    assert reason in properties.headers["casebridge-reason"][0]
    assert properties.headers["casebridge-user"] == (user or "")
    assert properties.headers["theirs"] == "kept"
    assert (properties.message_id, properties.content_type) == ("x-1", kind)
    until(lambda: any(b"AFTER" in entry.inbound.raw for entry in mercy.entries()), "it holds the next up")
    mercy.drained()


@pytest.mark.parametrize(
    ("body", "coding"),
    [(compress(a03()), None), (compress(a03()), "gzip"), (zlib_compress(a03()), "Deflate")],
)
def test_what_is_compressed_is_put_aside_and_its_sender_told_why(mercy, body, coding):
    mercy.send(body, content_encoding=coding)
    mercy.consume()
    properties, raw = mercy.dead()
    assert raw == body
    (reason,) = properties.headers["casebridge-reason"]
    assert reason.startswith("content-encoding: It is compressed (")
    assert "send it as it is" in reason


def test_a_character_set_in_the_encoding_does_no_harm(mercy):
    mercy.send(a03(), content_encoding="utf-8")
    mercy.consume()
    mercy.kept(1)


def test_what_was_put_aside_is_taken_in_once_its_reason_is_gone(mercy, environment, monkeypatch):
    registry = Path(environment["CASEBRIDGE_PARTNERS"])
    registry.write_text(REGISTRY.replace(f"[{USER}]", "[nobody]"), encoding="utf-8")
    mercy.partners = tuple(operator.partners(mercy.settings))
    mercy.send(a03("M1"), b"broken", message_id="x-1")
    # whoever has no user-id may say what it likes in the headers
    mercy.send(a03("M2", visit="V-2"), user_id=None, headers={"casebridge-user": USER, "x-death": []})
    mercy.consume()
    dead = "casebridge.discharges.dead"
    until(lambda: topology.depths(mercy.url, [dead])[dead] == 3, "not all are put aside")
    registry.write_text(REGISTRY, encoding="utf-8")
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    done = CliRunner().invoke(cli, ["discharges", "redrive"])
    assert (done.stdout.splitlines()[-1], done.exit_code) == ("1 kept, 2 put aside again.", 1)
    (entry,) = mercy.entries()
    assert (entry.partner, b"M1" in entry.inbound.raw) == ("mercy", True)
    left = [mercy.dead()[0].headers for _ in range(2)]
    assert [headers["casebridge-user"] for headers in left] == [USER, ""]
    assert "There is no MSH here" in left[0]["casebridge-reason"][0]
    assert "No partner is registered" in left[1]["casebridge-reason"][0]
    done = CliRunner().invoke(cli, ["discharges", "redrive"])
    assert (done.stdout, done.exit_code) == ("0 kept, 0 put aside again.\n", 0)


def test_the_broker_takes_nobodys_word_for_who_they_are(mercy):
    with pytest.raises(pika.exceptions.ChannelClosedByBroker, match="user_id"):
        mercy.send(a03(), user_id="somebody-else")


def test_what_waits_in_quarantine_is_kept_and_not_put_aside(mercy):
    mercy.send(a03(person=""))
    mercy.consume()
    (entry,) = mercy.kept(1)
    assert (entry.state, entry.reason) == ("quarantined", "no-patient")
    mercy.drained()


@pytest.mark.parametrize("queue", ["mercy.answers", ""])
def test_who_wants_an_answer_gets_it(mercy, queue):
    with pika.BlockingConnection(pika.URLParameters(mercy.url)) as connection:
        channel = connection.channel()
        name = channel.queue_declare(queue, exclusive=True).method.queue
        mercy.consume()
        mercy.send(a03(), reply_to=name, correlation_id="c-1")
        mercy.send(message(), kind=FHIR, reply_to=name, message_id="k-2")
        mercy.send(a03("BAD").replace(b"|P|2.5", b"|P|9.9"), reply_to=name)
        answers = [
            (
                properties.correlation_id,
                properties.content_type,
                properties.headers["casebridge-status"],
                body,
            )
            for _, properties, body in (next(channel.consume(name, auto_ack=True)) for _ in range(3))
        ]
    assert [answer[:3] for answer in answers] == [("c-1", ER7, 200), ("k-2", FHIR, 200), (None, ER7, 422)]
    assert b"MSA|AA|MSG-1" in answers[0][3]
    assert json.loads(answers[1][3])["entry"][0]["resource"]["response"]["code"] == "ok"
    assert b"MSA|AR|BAD" in answers[2][3]


def test_an_answer_goes_to_no_queue_of_others(mercy):
    with pika.BlockingConnection(pika.URLParameters(mercy.url)) as connection:
        channel = connection.channel()
        channel.queue_declare("harbor", exclusive=True)
        mercy.consume()
        mercy.send(a03(), reply_to="harbor")
        mercy.send(a03("M2"), reply_to="casebridge.discharges")
        mercy.kept(2)
        mercy.drained()
        assert channel.basic_get("harbor") == (None, None, None)


def test_a_worker_killed_between_commit_and_ack_makes_no_second_case(mercy):
    mercy.send(a03(), a03("M2", visit="V-2"))
    words = [sys.executable, "-c", KILLED_BEFORE_ITS_ACK]
    killed = subprocess.run(words, env={**os.environ, **mercy.environment}, timeout=120, check=False)
    assert killed.returncode == -signal.SIGKILL
    assert len(mercy.entries()) == 1
    mercy.consume()
    mercy.kept(2)
    mercy.drained()
    assert len(mercy.entries()) == 2
    (case,) = mercy.cases()
    assert len(case.received["stays"]) == 2


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_what_fails_again_and_again_while_others_could_be_kept_holds_nobody_up(mercy, monkeypatch):
    monkeypatch.setattr(consuming, "TRIES", 2)
    receive = mercy.taken.receive

    class Failing:
        def receive(self, partner, received, render):
            if b"POISON" in received.raw:
                raise Unavailable("The database does not take it.")
            return receive(partner, received, render)

    mercy.taken = Failing()
    mercy.send(a03("POISON"), a03("AFTER"))
    mercy.consume()
    properties, _ = mercy.dead()
    assert properties.headers["casebridge-reason"] == ["The database does not take it."]
    (entry,) = mercy.kept(1)
    assert b"AFTER" in entry.inbound.raw


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_workers_that_are_killed_leave_what_they_had_to_the_others_in_order(mercy):
    names = [b"M%d" % number for number in range(60)]
    mercy.send(*(a03(name.decode(), visit=f"V-{name.decode()}") for name in names))
    words, environment = [sys.executable, "-m", "service", "worker"], {**os.environ, **mercy.environment}
    workers = [subprocess.Popen(words, env=environment) for _ in range(2)]
    try:
        for number in range(4):
            mercy.kept(10 * (number + 1))
            workers[number % 2].kill()
            workers[number % 2].wait()
            workers[number % 2] = subprocess.Popen(words, env=environment)
        kept = sorted(mercy.kept(60), key=lambda one: one.arrived)
        mercy.drained()
    finally:
        for worker in workers:
            worker.kill()
            worker.wait()
    assert [one.inbound.raw.split(b"|")[9] for one in kept] == names
    (case,) = mercy.cases()
    assert len(case.received["stays"]) == 60


def test_the_process_takes_discharges_in_and_ends_in_good_order(mercy):
    mercy.send(a03())
    words = [sys.executable, "-m", "service", "worker"]
    with subprocess.Popen(words, env={**os.environ, **mercy.environment}) as worker:
        try:
            (entry,) = mercy.kept(1)
            mercy.drained()
        finally:
            worker.send_signal(signal.SIGTERM)
            assert worker.wait(120) == 0
    assert entry.state == "accepted"


@pytest.fixture
def on_servers_of_their_own(tmp_path, killable_postgres, killable_rabbitmq, mappings):
    (tmp_path / "partners.yaml").write_text(REGISTRY, encoding="utf-8")
    name = f"casebridge_amqp_{time.time_ns()}"
    mercy = Hospital(
        {
            "CASEBRIDGE_AUTH": "off",
            "CASEBRIDGE_DATABASE_URL": killable_postgres.create_database(name),
            "CASEBRIDGE_AMQP_URL": killable_rabbitmq.create_vhost(),
            "CASEBRIDGE_PARTNERS": str(tmp_path / "partners.yaml"),
        },
        mappings,
    )
    time.sleep(1.5)  # a quorum queue is on disk only then
    yield mercy
    mercy.close()
    killable_postgres.drop_database(name)


def test_a_broker_that_falls_keeps_what_it_took_and_is_found_again(
    on_servers_of_their_own, killable_rabbitmq
):
    mercy = on_servers_of_their_own
    mercy.send(a03("BEFORE"))
    killable_rabbitmq.kill9()
    killable_rabbitmq.start()
    mercy.consume()
    mercy.kept(1)
    killable_rabbitmq.restart()
    mercy.send(a03("AFTER", visit="V-2"))
    assert {one.inbound.raw.split(b"|")[9] for one in mercy.kept(2)} == {b"BEFORE", b"AFTER"}
    mercy.drained()


def test_while_the_database_is_away_messages_wait_in_order(on_servers_of_their_own, killable_postgres):
    mercy = on_servers_of_their_own
    mercy.consume()
    before = DELIVERIES.labels("retried")._value.get()
    killable_postgres.stop()
    mercy.send(*(a03(f"M{number}", visit=f"V-{number}") for number in range(3)))
    until(lambda: DELIVERIES.labels("retried")._value.get() > before, "nothing was tried again")
    killable_postgres.start()
    kept = sorted(mercy.kept(3), key=lambda one: one.arrived)
    assert [one.inbound.raw.split(b"|")[9] for one in kept] == [b"M0", b"M1", b"M2"]
    mercy.drained()


TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


@pytest.mark.parametrize(
    ("headers", "goes_on"), [({"traceparent": TRACE}, True), ({"traceparent": 7}, False)]
)
def test_what_follows_of_a_delivery_is_told_in_its_trace(mercy, headers, goes_on):
    """A header that is no traceparent is replaced, and the delivery is used."""
    mercy.send(a03(), headers=headers)
    mercy.consume()
    mercy.kept(1)
    outbox = Outbox(mercy.engine)
    outbox.number()
    messages = [json.loads(row.body) for row in mercy.store.events(Scope(everything=True), 0, 100)]
    traces = {message["traceparent"] for message in messages}
    assert len(traces) == 1
    assert (traces == {TRACE}) == goes_on
