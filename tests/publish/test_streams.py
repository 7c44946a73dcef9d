"""A stream keeps what is read: whoever attaches at an offset reads on from there, as often as it likes."""

import contextlib
import json
import os
import sqlite3
from pathlib import Path

import pika
import pytest

from service.access import registry
from service.publish.amqp import topology
from service.publish.ports import Drift
from service.values.access.scope import Binding, Partner, Queue, Retention
from tests.cli.command import casebridge
from tests.faults.house import Kept
from tests.publish.made import Paced, message, until

CONSUMER = Path(__file__).parents[2] / "contracts" / "consumers" / "stream.py"
REGISTRY = """
partners:
  - name: harbor
    kind: engineer
    queues:
      - {name: harbor, bindings: [{pattern: "#"}], queue_type: stream, max_age: 7D, max_bytes: 200000000}
"""


def streaming(max_age="7D", max_bytes=200_000_000):
    retention = Retention(max_age, max_bytes)
    return Partner("harbor", "engineer", queues=(Queue("harbor", (Binding("#"),), stream=retention),))


def read(broker, offset, count):
    """Attach at an offset, and return so many messages: their offsets and ids."""
    found = []

    def take(channel, method, properties, _):
        found.append((properties.headers["x-stream-offset"], properties.message_id))
        channel.basic_ack(method.delivery_tag)

    with pika.BlockingConnection(pika.URLParameters(broker.url)) as connection:
        channel = connection.channel()
        channel.basic_qos(prefetch_count=1)
        channel.basic_consume("harbor", take, arguments={"x-stream-offset": offset})
        while len(found) < count:
            connection.process_data_events(1)
    return found


def test_whoever_attaches_at_an_offset_reads_on_from_there_as_often_as_it_likes(office, broker):
    sent = [message(f"case/{number % 3}", 1 + number // 3) for number in range(30)]
    paced = Paced(office, broker.url, streaming())
    paced.send(*sent)
    first = read(broker, "first", 30)
    assert sorted(id_ for _, id_ in first) == sorted(each.id for each in sent)
    for owner in ("case/0", "case/1", "case/2"):
        mine = [each.id for each in sent if each.owner == owner]
        assert [id_ for _, id_ in first if id_ in mine] == mine
    assert read(broker, first[20][0], 10) == first[20:]
    assert read(broker, "first", 30) == first

    # one that follows is found by who reads on, and the stream is as it was after another leader
    paced.relay.close()
    after, again = message("case/0", 11), Paced(office, broker.url, streaming())
    again.send(after)
    again.relay.close()
    assert [id_ for _, id_ in read(broker, first[-1][0] + 1, 1)] == [after.id]
    assert set(office.states().values()) == {"published"}


def test_a_stream_that_is_deleted_is_declared_again_and_gets_what_it_is_owed(office, broker):
    sent = [message(sequence=number) for number in (1, 2, 3)]
    paced = Paced(office, broker.url, streaming())
    paced.send(sent[0])
    broker.do(lambda channel: channel.queue_delete("harbor"))
    paced.send(*sent[1:])
    assert office.outbox.debts() == {"harbor": 2}
    paced.wait()
    paced.relay.close()
    assert [id_ for _, id_ in read(broker, "first", 2)] == [each.id for each in sent[1:]]
    assert office.outbox.debts() == {}


@pytest.mark.parametrize(
    "before",
    [
        (streaming("6D"),),
        (streaming(max_bytes=None),),
        (Partner("harbor", "engineer", queues=(Queue("harbor", (Binding("#"),)),)),),
    ],
    ids=["another age", "no size", "a quorum queue"],
)
def test_what_is_kept_otherwise_is_told(broker, before):
    topology.declare(broker.url, before)
    assert Drift("harbor", "otherwise") in topology.declare(broker.url, (streaming(),))
    assert topology.declare(broker.url, before) == []


def test_it_is_declared_and_removed_by_command_and_has_no_dead_letters(broker, sqlite_url, tmp_path):
    path = tmp_path / "partners.yaml"
    path.write_text(REGISTRY, encoding="utf-8")
    assert registry.load(path)["harbor"].queues == streaming().queues
    env = {"CASEBRIDGE_AMQP_URL": broker.url, "CASEBRIDGE_DATABASE_URL": sqlite_url}

    def run(*words, code=0):
        done = casebridge(*words, **env, CASEBRIDGE_PARTNERS=str(path))
        assert done.returncode == code, done
        return done.stdout

    printed = json.loads(run("partners", "apply", "--print"))
    declared = {queue["name"]: queue["arguments"] for queue in printed["queues"]}
    assert declared["harbor"]["x-queue-type"] == "stream"
    assert "harbor.dead" not in declared
    assert all(binding["destination"] in declared for binding in printed["bindings"])
    assert run("partners", "apply") == "harbor: was not there.\nAll is as it should be.\n"
    assert run("partners", "apply") == "All is as it should be.\n"
    assert topology.depths(broker.url, ["harbor.dead"]) == {"harbor.dead": None}
    assert run("events", "dead") == ""
    run("events", "redrive", "harbor", code=1)
    path.write_text("partners: []", encoding="utf-8")
    assert "harbor: deleted" in run("partners", "apply", "--remove", "harbor", "--yes")
    assert topology.depths(broker.url, ["harbor"]) == {"harbor": None}


def test_its_consumer_takes_each_change_once_and_goes_on_where_it_was(office, broker, tmp_path):
    paced = Paced(office, broker.url, streaming())
    sent = [message(f"case/{number % 3}", 1 + number // 3, body=told(number)) for number in range(300)]
    paced.send(*sent[:150])
    words = [str(CONSUMER), broker.url, "harbor", "http://127.0.0.1:9", str(tmp_path / "changes.db")]
    consumer = Kept(words, {**os.environ}, tmp_path / "consumer.log")
    try:
        until(lambda: len(applied(tmp_path)) > 50)
        consumer.kill9()
        paced.send(*sent[150:])
        until(lambda: len(applied(tmp_path)) >= 300)
        consumer.kill9()
        # it knows nothing any more but its place: what is before that does not come again
        with sqlite3.connect(tmp_path / "changes.db") as database:
            database.execute("DELETE FROM owner")
        later = message("case/9", body=told(300))
        paced.send(later)
        until(lambda: applied(tmp_path)[-1] == 300)
    finally:
        consumer.close()
        paced.relay.close()
    numbers = applied(tmp_path)
    assert sorted(numbers) == list(range(301))
    for rest in range(3):
        assert [n for n in numbers[:-1] if n % 3 == rest] == list(range(rest, 300, 3))


def told(number):
    """A message as its consumer reads it."""
    owner, sequence = (f"case/{number % 3}", 1 + number // 3) if number < 300 else ("case/9", 1)
    named = {"id": str(number), "type": "t", "subject": "s", "source": "x", "partitionkey": owner}
    return json.dumps({**named, "sequence": f"{sequence:020}"}).encode()


def applied(folder):
    """What was applied, in that order."""
    path = folder / "changes.db"
    with contextlib.suppress(sqlite3.OperationalError), contextlib.closing(sqlite3.connect(path)) as database:
        return [int(id_) for (id_,) in database.execute("SELECT id FROM change ORDER BY number")]
    return [-1]
