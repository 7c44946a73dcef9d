"""`casebridge partners apply` declares, tells what is otherwise, and deletes only what it is told to."""

import json
import time

import pika
import pytest

from service.access import registry
from service.publish.amqp import topology
from service.publish.amqp.rabbit import Rabbit
from service.publish.relay import Relay
from tests.cli.command import casebridge
from tests.publish.made import Broker, Office, message, unrecorded
from tests.servers import USER

QUEUE = "  - {{name: {0}, kind: engineer, queues: [{{name: {0}.changes, bindings: [{{pattern: '#'}}]}}]}}\n"


class Broom:
    """An operator with a registry file, a broker and a database."""

    def __init__(self, url, folder, database_url):
        self.broker, self._path = Broker(url), folder / "partners.yaml"
        self._env = {
            "CASEBRIDGE_AMQP_URL": url,
            "CASEBRIDGE_PARTNERS": str(self._path),
            "CASEBRIDGE_DATABASE_URL": database_url,
        }

    def register(self, *names):
        self._path.write_text("partners:\n" + "".join(map(QUEUE.format, names)), encoding="utf-8")

    def partners(self):
        return registry.load(self._path).values()

    def apply(self, *words, code=0):
        done = casebridge("partners", "apply", *words, **self._env)
        assert done.returncode == code, done
        return done.stdout

    def is_there(self, queue):
        return topology.depths(self.broker.url, [queue])[queue] is not None

    def put(self, queue):
        self.broker.do(lambda channel: channel.basic_publish("", queue, b"{}"))


@pytest.fixture
def broom(amqp_url, tmp_path, sqlite_url):
    return Broom(amqp_url, tmp_path, sqlite_url)


def test_what_is_missing_is_declared_and_there_is_nothing_to_do_the_next_time(broom):
    broom.register("harbor")
    assert broom.apply() == "harbor.changes: was not there.\nAll is as it should be.\n"
    assert broom.is_there("harbor.changes")
    assert broom.is_there("harbor.changes.dead")
    broom.put("harbor.changes")
    assert broom.apply() == "All is as it should be.\n"
    assert broom.apply("--yes") == "All is as it should be.\n"
    assert len(broom.broker.drain("harbor.changes")) == 1


def test_what_is_otherwise_is_told(broom):
    broom.register("harbor", "clinic")
    broom.broker.do(lambda channel: channel.queue_declare("harbor.changes", durable=True))
    said = broom.apply(code=1).splitlines()
    assert said[0].startswith("harbor.changes: is there with other properties")
    assert said[1:] == ["clinic.changes: was not there."]


def test_what_no_partner_has_any_more_is_deleted_when_somebody_says_yes(broom, sqlite_url):
    broom.register("harbor", "clinic")
    broom.apply()
    broom.put("clinic.changes")
    broom.put("clinic.changes.dead")
    broom.register("harbor")
    # nobody remembers a queue that got all there is
    assert broom.apply() == "All is as it should be.\n"
    said = broom.apply("--remove", "clinic.changes", code=1)
    assert said == "clinic.changes: left over; --yes deletes it: 1 messages in it, 1 put aside.\n"
    assert broom.is_there("clinic.changes")
    said = broom.apply("--remove", "clinic.changes", "--yes")
    assert said.splitlines()[0] == "clinic.changes: deleted: 1 messages in it, 1 put aside."
    assert not broom.is_there("clinic.changes")
    assert not broom.is_there("clinic.changes.dead")
    assert broom.is_there("harbor.changes")


def test_a_queue_that_is_owed_something_is_remembered_and_forgotten_with_it(broom, sqlite_url):
    broom.register("harbor", "clinic")
    broom.apply()
    office = Office(sqlite_url)
    office.emit(message())
    ((_, position),) = enumerate(m.position for m in office.outbox.take(0, 10))
    office.outbox.owe([(position, "clinic.changes")])
    broom.register("harbor")
    assert "left over" in broom.apply(code=1)
    broom.apply("--yes")
    assert not broom.is_there("clinic.changes")
    assert office.outbox.queues() == set()
    office.engine.dispose()


@pytest.mark.parametrize(
    "name", ["harbor.changes", "harbor.changes.dead", "casebridge.discharges", "casebridge.cases.dead"]
)
def test_what_is_in_use_is_not_removed(broom, name):
    broom.register("harbor")
    broom.apply()
    broom.apply("--remove", name, "--yes", code=1)
    assert broom.is_there(name)


def test_what_is_printed_is_what_is_declared_for_a_user_who_may_not(
    broom, rabbitmq_server, tmp_path, sqlite_url
):
    if not hasattr(rabbitmq_server, "control"):
        pytest.skip("an outside broker: nobody imports definitions there")
    broom.register("harbor")
    path = rabbitmq_server._write("printed.json", broom.apply("--print"))
    assert not broom.is_there("harbor.changes")
    rabbitmq_server.control("import_definitions", str(path))
    # with full rights nothing is found to be otherwise
    assert topology.declare(broom.broker.url, broom.partners()) == []
    name = f"narrow-{time.time_ns()}"
    rabbitmq_server.control("add_user", name, "secret")
    vhost = broom.broker.url.rpartition("/")[2]
    rabbitmq_server.control("set_permissions", "-p", vhost, name, "^$", ".*", ".*")
    url = broom.broker.url.replace(f"{USER}:casebridge", f"{name}:secret")
    with (
        pika.BlockingConnection(pika.URLParameters(url)) as connection,
        pytest.raises(pika.exceptions.AMQPError),
    ):
        connection.channel().queue_declare("other", durable=True)
    assert topology.declare(url, broom.partners()) == []
    topology.declare_inbound(url, topology.DISCHARGES)
    office = Office(sqlite_url)
    relay = Relay(office.outbox, Rabbit(url, broom.partners()), broom.partners(), unrecorded)
    office.emit(message(body=b'{"told":1}'))
    relay.run_once()
    relay.close()
    office.engine.dispose()
    assert [json.loads(body) for _, _, body in broom.broker.drain("harbor.changes")] == [{"told": 1}]
