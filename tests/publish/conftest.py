"""A filled outbox, a broker, and relays between them."""

import pytest

from service.publish.amqp import rabbit
from service.publish.relay import Relay
from tests.publish.made import Broker, Office, unrecorded


@pytest.fixture
def office(sqlite_url):
    office = Office(sqlite_url)
    yield office
    office.engine.dispose()


@pytest.fixture
def broker(amqp_url):
    return Broker(amqp_url)


@pytest.fixture
def relay_to(office):
    """Make a relay of the office's outbox to a broker, for these partners."""
    made = []

    def make(url, *partners):
        made.append(Relay(office.outbox, rabbit.Rabbit(url, partners), partners, unrecorded))
        return made[-1]

    yield make
    for broker in made:
        broker.close()
