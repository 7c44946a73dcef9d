"""`casebridge events replay` has a queue told again what its bindings cover and its partner may see."""

from datetime import UTC, datetime

import pytest

from service.access import registry as registries
from service.publish.amqp.rabbit import Rabbit
from service.publish.relay import Relay
from service.store.relay import positions
from tests.cli.command import casebridge
from tests.publish.made import Broker, Office, message, unrecorded

REGISTRY = """
partners:
  - name: harbor
    kind: engineer
    queues:
      - {name: harbor, bindings: [{pattern: "careplan.*"}, {pattern: "case.*"}]}
      - {name: other, bindings: [{pattern: "#"}]}
"""
KEYS = ("careplan.updated", "goal.created", "case.closed")


class Desk:
    """An operator, an outbox, a broker and a relay that goes on."""

    def __init__(self, database_url, url, folder):
        (folder / "partners.yaml").write_text(REGISTRY, encoding="utf-8")
        self.office, self.broker, self.now = Office(database_url), Broker(url), 0.0
        self._env = {
            "CASEBRIDGE_DATABASE_URL": database_url,
            "CASEBRIDGE_PARTNERS": str(folder / "partners.yaml"),
        }
        partners = registries.load(folder / "partners.yaml").values()
        broker = Rabbit(url, partners)
        self.relay = Relay(self.office.outbox, broker, partners, unrecorded, clock=lambda: self.now)

    def emit(self, sequence):
        self.office.emit(*(message(f"case/{n}", sequence, KEYS[n]) for n in range(3)))

    def publish(self):
        # it looks what else there is to do now and then
        self.now += 60
        self.relay.run_once()

    def replay(self, *words, code=0):
        done = casebridge("events", "replay", *words, **self._env)
        assert done.returncode == code, done
        return done.stdout

    def keys(self, queue):
        return [
            (method.routing_key, properties.message_id) for properties, method, _ in self.broker.drain(queue)
        ]


@pytest.fixture
def desk(database_url, amqp_url, tmp_path):
    desk = Desk(database_url, amqp_url, tmp_path)
    yield desk
    desk.relay.close()
    desk.office.engine.dispose()


def test_a_queue_is_told_again_and_no_other(desk):
    desk.emit(1)
    desk.publish()
    first = desk.keys("harbor")
    desk.broker.drain("other")
    # what is still to be published comes anyway
    desk.emit(2)
    desk.office.outbox.number()
    assert desk.replay("--to-queue", "harbor") == "2 messages are told again.\n"
    desk.publish()
    assert sorted(keys := desk.keys("harbor")) != sorted(first)
    assert [key for key in keys if key in first] == first
    assert len(keys) == 4
    assert len(desk.keys("other")) == 3
    assert desk.office.outbox.queues() == {"harbor"}
    assert desk.office.outbox.debts() == {}
    # and goes on as before
    desk.emit(3)
    desk.publish()
    assert [key for key, _ in desk.keys("harbor")] == ["careplan.updated", "case.closed"]


@pytest.mark.parametrize(
    ("words", "keys"),
    [
        (("--type", "CarePlan"), ["careplan.updated"]),
        (("--type", "case"), ["case.closed"]),
        (("--type", "Goal"), []),
        (("--since", "2000-01-01T00:00Z"), ["careplan.updated", "case.closed"]),
    ],
)
def test_some_of_it_is_chosen(desk, words, keys):
    desk.emit(1)
    desk.publish()
    desk.broker.drain("harbor")
    assert desk.replay("--to-queue", "harbor", *words) == f"{len(keys)} messages are told again.\n"
    desk.publish()
    assert [key for key, _ in desk.keys("harbor")] == keys


def test_what_was_numbered_before_an_instant_is_not_told(desk, monkeypatch):
    monkeypatch.setattr(positions, "TICK_SECONDS", 0.0)
    desk.emit(1)
    for _ in range(2):
        # the second time it is written down how far it was
        desk.publish()
    since = datetime.now(UTC).isoformat()
    desk.emit(2)
    desk.publish()
    desk.broker.drain("harbor")
    assert desk.replay("--to-queue", "harbor", "--since", since) == "2 messages are told again.\n"
    assert desk.replay("--to-queue", "harbor") == "4 messages are told again.\n"


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("--to-queue", "nobodys"), 1),
        (("--to-queue", "harbor", "--case", "none"), 1),
        (("--to-queue", "harbor", "--since", "yesterday"), 2),
        ((), 2),
    ],
)
def test_what_is_not_there_is_told(desk, words, code):
    desk.replay(*words, code=code)
