"""What partners could not take, and what could not be kept, is put back or deleted by command."""

import time

import pika
import pytest
from click.testing import CliRunner

from service.__main__ import cli
from service.access import registry
from service.publish.amqp import topology

REGISTRY = """
partners:
  - name: engineer
    kind: engineer
    queues: [{name: changes, bindings: [{pattern: "#", full_resource: true}]}]
"""
PERSONAL = b'{"data":{"resource":{"name":"Canaryname"}}}'


def run(*words, code=0):
    done = CliRunner().invoke(cli, [*words])
    assert done.exit_code == code, done.output
    return done.stdout


class Broker:
    """A channel, as partners have one."""

    def __init__(self, channel):
        self.channel = channel

    def send(self, queue, *ids):
        for id_ in ids:
            properties = pika.BasicProperties(message_id=id_, delivery_mode=2, headers={"theirs": "kept"})
            self.channel.basic_publish("", queue, PERSONAL, properties, mandatory=True)

    def taken(self, queue, count):
        """Wait for so many messages, without acknowledging them."""
        deliveries, give_up = [], time.monotonic() + 240
        while len(deliveries) < count:
            method, properties, body = self.channel.basic_get(queue)
            if method is not None:
                deliveries.append((method.delivery_tag, properties, body))
            assert time.monotonic() < give_up
        return deliveries

    def reject(self, queue, count):
        """Refuse messages, as a consumer does that cannot use them."""
        for tag, _, _ in self.taken(queue, count):
            self.channel.basic_reject(tag, requeue=False)

    def held(self, queue, count):
        """Wait until a queue has so many messages."""
        give_up = time.monotonic() + 240
        while (depth := self.channel.queue_declare(queue, passive=True).method.message_count) != count:
            assert time.monotonic() < give_up, depth
            time.sleep(0.05)


@pytest.fixture
def broker(amqp_url, tmp_path, monkeypatch):
    path = tmp_path / "partners.yaml"
    path.write_text(REGISTRY, encoding="utf-8")
    monkeypatch.setenv("CASEBRIDGE_AMQP_URL", amqp_url)
    monkeypatch.setenv("CASEBRIDGE_PARTNERS", str(path))
    monkeypatch.setenv("CASEBRIDGE_AUTH", "off")
    topology.declare(amqp_url, registry.load(path).values())
    with pika.BlockingConnection(pika.URLParameters(amqp_url)) as connection:
        channel = connection.channel()
        channel.confirm_delivery()
        yield Broker(channel)


def test_what_a_partner_could_not_take_is_put_back_in_order_with_its_ids(broker):
    broker.send("changes", "m-1", "m-2", "m-3")
    broker.reject("changes", 3)
    broker.held("changes.dead", 3)
    assert run("events", "dead") == "changes  3\n"
    assert "3 put back" in run("events", "redrive", "changes")
    assert run("events", "dead") == "changes  0\n"
    deliveries = broker.taken("changes", 3)
    assert [properties.message_id for _, properties, _ in deliveries] == ["m-1", "m-2", "m-3"]
    assert {body for _, _, body in deliveries} == {PERSONAL}
    for _, properties, _ in deliveries:
        assert properties.headers["theirs"] == "kept"
        assert "x-death" not in properties.headers


def test_what_was_put_aside_is_nowhere_once_it_is_purged(broker):
    broker.send("changes", "m-1", "m-2")
    broker.reject("changes", 2)
    broker.held("changes.dead", 2)
    broker.send("casebridge.discharges.dead", "d-1")
    run("events", "purge", "changes", code=1)
    broker.held("changes.dead", 2)
    assert run("events", "purge", "changes", "--yes") == "2 deleted.\n"
    assert run("discharges", "purge", "--yes") == "1 deleted.\n"
    for queue in ("changes", "changes.dead", "casebridge.discharges", "casebridge.discharges.dead"):
        broker.held(queue, 0)


def test_what_a_queue_no_longer_takes_stays_put_aside(broker):
    broker.send("changes", "m-1")
    broker.reject("changes", 1)
    broker.held("changes.dead", 1)
    broker.channel.queue_delete("changes")
    run("events", "redrive", "changes", code=1)
    broker.held("changes.dead", 1)


@pytest.mark.parametrize("words", [("redrive", "other"), ("purge", "other", "--yes")])
def test_another_queue_than_a_partners_is_let_alone(broker, words):
    broker.channel.queue_declare("other.dead")
    broker.send("other.dead", "m-1")
    run("events", *words, code=1)
    broker.held("other.dead", 1)
