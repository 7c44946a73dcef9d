"""Subscribers with endpoints of their own, and the worker's part, done when a test says so."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from service.wiring.access.registered import registered
from service.wiring.subscribing import notifications
from tests.web import smart
from tests.web.subscriptions.subscribing import Receiver, create, subscription

REGISTRY = """
partners:
  - {name: cms, kind: case-system}
  - name: northern
    kind: insurer
    identifiers: [{system: "urn:example:payers", value: northern}]
    private_hosts: [127.0.0.1]
  - name: southern
    kind: insurer
    identifiers: [{system: "urn:example:payers", value: southern}]
    private_hosts: [127.0.0.1]
  - {name: mercy, kind: hospital, private_hosts: [127.0.0.1]}
"""


@pytest.fixture
def registry(tmp_path):
    path = tmp_path / "partners.yaml"
    path.write_text(REGISTRY, encoding="utf-8")
    return path


@pytest.fixture
def settings(settings, tmp_path):
    return replace(settings, secret_file=smart.secret(tmp_path))


@pytest.fixture
def receiver():
    receiver = Receiver()
    yield receiver
    receiver.close()


class Clock:
    """The time, which a test sets forward."""

    def __init__(self):
        self.ahead = timedelta()

    def __call__(self):
        return datetime.now(UTC) + self.ahead


@pytest.fixture
def clock():
    return Clock()


class Worker:
    """The worker's part: it numbers what is committed, looks for events and sends what is due."""

    def __init__(self, house, settings, engine, clock):
        self.house = house
        self.loop = notifications(settings, engine, registered(settings, engine), clock)

    def work(self, times=3):
        self.house.outbox.number()
        for _ in range(times):
            self.loop.turn()
            # what is under way is waited for
            self.loop.close()


@pytest.fixture
def worker(house, settings, engine, clock):
    return Worker(house, settings, engine, clock)


@pytest.fixture
def subscribed(rivers_house, worker, receiver):
    """River's story, and what subscribes to it, with the handshake taken."""
    worker.house.outbox.number()

    def subscribe(*filters, partner="northern", **more):
        made = create(rivers_house, subscription(*filters, **{"endpoint": receiver.url, **more}), partner)
        assert made.status_code == 201, made.json
        worker.work(1)
        return made.json

    return subscribe
