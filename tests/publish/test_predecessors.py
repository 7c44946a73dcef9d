"""Each copy names the message of its owner that its queue got before, whatever the queue does not get."""

import json
from itertools import count

import pytest

from service.publish.amqp import rabbit
from service.publish.relay import Relay
from service.wire.json import dump
from tests.publish.made import Office, Paced, message, partner, unrecorded

KEYS = ("careplan.updated", "goal.created", "careplan.updated", "case.closed", "careplan.created")
NARROW = partner("harbor", plain=("careplan.*",))
WHOLE = partner("clinic", plain=("#",))


@pytest.fixture
def office(database_url):
    office = Office(database_url)
    yield office
    office.engine.dispose()


class Owners:
    """What happens to two cases: messages whose sequences go on."""

    def __init__(self):
        self._numbers = {owner: count(1) for owner in ("case/1", "case/2")}

    def messages(self, times=1):
        return [
            message(owner, number := next(numbers), key, body=dump({"owner": owner, "sequence": number}))
            for _ in range(times)
            for key in KEYS
            for owner, numbers in self._numbers.items()
        ]


def chains(broker, queue):
    """What came: sequence and predecessor of each message of an owner in the order they came, each once."""
    links = {}
    for properties, _, body in broker.drain(queue):
        event = json.loads(body)
        link = (event["sequence"], int(properties.headers["casebridge-previous"]))
        links.setdefault(event["owner"], {})[link] = None
    # of both owners the same happens
    first, second = map(list, links.values())
    assert first == second
    return first


def test_a_queue_that_gets_some_is_told_what_it_got_before(office, broker):
    owners = Owners()
    for _ in range(2):
        # another leader each time
        paced = Paced(office, broker.url, NARROW, WHOLE)
        paced.send(*owners.messages(), *owners.messages())
        paced.relay.close()
    numbers = [1, 3, 5, 6, 8, 10, 11, 13, 15, 16, 18, 20]
    assert chains(broker, "harbor") == list(zip(numbers, [0, *numbers], strict=False))
    assert chains(broker, "clinic") == [(number, number - 1) for number in range(1, 21)]


def test_what_is_sent_again_names_the_same(office, broker):
    owners = Owners()
    paced = Paced(office, broker.url, NARROW)
    paced.send(*owners.messages())
    first = chains(broker, "harbor")
    office.emit(*owners.messages())
    # it sends what is there, and is killed before it is confirmed
    lost = Relay(office.outbox, rabbit.Rabbit(broker.url, (NARROW,)), (NARROW,), unrecorded)
    paced.relay.close()
    lost._turn()
    lost._exchange(lost._publisher)
    lost._publisher.close()
    lost._lead.close()
    again = Paced(office, broker.url, NARROW)
    again.relay.run_once()
    again.relay.close()
    assert first == [(1, 0), (3, 1), (5, 3)]
    assert chains(broker, "harbor") == [(6, 5), (8, 6), (10, 8)]


def test_a_queue_that_catches_up_is_told_too(office, broker):
    owners = Owners()
    paced = Paced(office, broker.url, NARROW)
    paced.send(*owners.messages())
    broker.do(lambda channel: channel.queue_unbind("harbor", "casebridge.to.harbor"))
    paced.send(*owners.messages())
    paced.wait()
    paced.send(*owners.messages())
    paced.relay.close()
    numbers = [1, 3, 5, 6, 8, 10, 11, 13, 15]
    assert chains(broker, "harbor") == list(zip(numbers, [0, *numbers], strict=False))


def test_the_open_exchange_tells_nothing_of_it(office, broker):
    paced = Paced(office, broker.url)
    paced.relay.run_once()
    broker.do(lambda channel: channel.queue_declare("open", durable=True))
    broker.do(lambda channel: channel.queue_bind("open", "casebridge.events", "#"))
    paced.send(message())
    paced.relay.close()
    ((properties, _, _),) = broker.drain("open")
    assert properties.headers is None
