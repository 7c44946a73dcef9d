"""The reference consumer applies each change once and in order, whatever is killed, redelivered or lost."""

import contextlib
import json
import os
import random
import sqlite3
import time
from collections import defaultdict
from pathlib import Path

import pika
import pytest

from service.publish.copies.coverage import matches
from tests.faults import checks
from tests.faults.callers import CaseSystem
from tests.faults.house import House, Kept, until

CHANGES = 60
CONSUMER = Path(__file__).parents[2] / "contracts" / "consumers" / "reference.py"
# sequences have gaps in its queue
PATTERNS = ("careplan.*", "case.*", "patient.*")
# what nobody is bound for is passed
PENDING = checks.PENDING.replace("'published')", "'published', 'unrouted')")
REGISTRY = f"""partners:
  - name: harbor
    kind: engineer
    queues:
      - {{name: harbor, bindings: {[{"pattern": pattern} for pattern in PATTERNS]}}}
"""


@pytest.fixture
def house(tmp_path, killable_postgres, killable_rabbitmq):
    name = f"casebridge_consumed_{time.time_ns()}"
    url = killable_postgres.create_database(name)
    house = House(tmp_path, url, killable_rabbitmq.create_vhost(), REGISTRY)
    yield house
    house.close()
    killable_postgres.drop_database(name)


@pytest.fixture
def consumer(house, tmp_path):
    """The reference consumer, started again whenever it ends."""
    words = [str(CONSUMER), house.amqp_url, "harbor", house.url, str(tmp_path / "changes.db")]
    log = tmp_path / "consumer.log"
    consumer = Kept(words, {**os.environ, "CASEBRIDGE_PARTNER": "harbor"}, log)
    yield consumer
    consumer.close()
    print(log.read_text(encoding="utf-8")[-3000:])


def ask(house, action):
    with pika.BlockingConnection(pika.URLParameters(house.amqp_url)) as connection:
        return action(connection.channel())


def waiting(house):
    return ask(house, lambda channel: channel.queue_declare("harbor", passive=True).method.message_count)


def has_readers(house):
    with contextlib.suppress(pika.exceptions.AMQPError):
        return ask(house, lambda channel: channel.queue_declare("harbor", passive=True).method.consumer_count)
    return 0


def applied(folder):
    """What was applied, in that order."""
    with contextlib.closing(sqlite3.connect(folder / "changes.db")) as database:
        return [
            json.loads(text) for (text,) in database.execute("SELECT message FROM change ORDER BY number")
        ]


def test_each_change_is_applied_once_and_in_order(house, consumer, killable_rabbitmq, tmp_path):
    seed = int(os.environ.get("CASEBRIDGE_FAULTS_SEED", time.time_ns() % 1_000_000))
    print(f"CASEBRIDGE_FAULTS_SEED={seed}")
    chance = random.Random(seed)
    house.prepare()
    until(lambda: has_readers(house), "the queue is not read")
    system = CaseSystem(house.url, [f"case-{number}" for number in range(6)], CHANGES)
    system.start()
    for moment in sorted(chance.sample(range(10, 200), 5)):
        until(lambda moment=moment: system.done >= moment, "the changes do not go on")
        # in the middle of whatever it does: what it had not acknowledged comes again
        consumer.kill9()
        until(lambda: has_readers(house), "the queue is not read")
    house.kill_relay()
    killable_rabbitmq.kill9()
    killable_rabbitmq.start()
    until(lambda: has_readers(house), "the queue is not read", 90)
    # it stands still while somebody empties its queue, and is not cut off: only the header tells it
    consumer.pause()
    until(lambda: waiting(house) > 10, "nothing is relayed")
    ask(house, lambda channel: channel.queue_purge("harbor"))
    consumer.wake()
    system.join()
    until(lambda: not house.rows(PENDING), "messages were not published")
    sent = [json.loads(bytes(body)) for (body,) in house.rows("SELECT body FROM outbox")]
    wanted = {event["id"] for event in sent if is_covered(event)}
    assert len(wanted) > 6 * CHANGES
    until(lambda: {event["id"] for event in applied(tmp_path)} >= wanted, "changes were lost", 60)
    events = applied(tmp_path)
    assert len({event["id"] for event in events}) == len(events)
    sequences = defaultdict(list)
    for event in events:
        sequences[event["partitionkey"]].append(event["sequence"])
    assert all(numbers == sorted(numbers) for numbers in sequences.values())
    assert {event["id"]: event for event in events}.items() <= {event["id"]: event for event in sent}.items()


def is_covered(message):
    key = message["type"].removeprefix("org.casebridge.").removesuffix(".v1")
    return any(matches(pattern, key) for pattern in PATTERNS)
