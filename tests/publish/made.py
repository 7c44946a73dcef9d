"""An outbox on a real database, filled as the flows fill it, and the partners' side of a real broker."""

import time
from dataclasses import replace
from datetime import UTC, datetime
from uuid import uuid4

import pika

from service.publish.amqp.rabbit import Rabbit
from service.publish.catchup import BACKOFF
from service.publish.relay import Relay
from service.store.migrations.schema import upgrade
from service.store.relay.outbox import Outbox
from service.store.sql.engine import connect
from service.store.store import SqlStore
from service.values.access.scope import Binding, Partner, Queue
from service.values.kept.resources import OutboxMessage
from service.wire.json import dump
from tests.store.made import NUMBERED, version

STATES = f"""
SELECT message, CASE WHEN state = 'pending' AND place <= (SELECT last FROM counter WHERE name = 'listed')
AND place NOT IN (SELECT position FROM unpublished) THEN 'published' ELSE state END
FROM ({NUMBERED}) AS numbered
"""


class Office:
    """An outbox to fill and look into."""

    def __init__(self, url):
        self.engine = connect(url)
        upgrade(self.engine)
        self.store = SqlStore(self.engine)
        self.outbox = Outbox(self.engine)

    def emit(self, *messages):
        self.store.transact(lambda unit: unit.resources.emit(messages))

    def tell(self, resource, view="default"):
        """Write the first version of a CarePlan in a view, and return the message that tells of it."""
        event = {"data": {"reference": "CarePlan/p1", "versionId": "1", "changed": []}}
        sent = message(body=dump(event), view=view)
        written = replace(version("1", "p1", body=dump(resource), client="river"), view=view)
        self.store.transact(lambda unit: unit.resources.write([written]))
        self.emit(sent)
        return sent

    def states(self):
        with self.engine.connect() as connection:
            return dict(connection.exec_driver_sql(STATES).all())


class Broker:
    """What partners see on the broker."""

    def __init__(self, url):
        self.url = url

    def take(self, queue, seconds=1.0):
        """Everything in a queue until it is quiet for `seconds`: (properties, method, body)."""
        deliveries = []
        with pika.BlockingConnection(pika.URLParameters(self.url)) as connection:
            channel = connection.channel()
            for method, properties, body in channel.consume(queue, auto_ack=True, inactivity_timeout=seconds):
                if method is None:
                    break
                deliveries.append((properties, method, body))
        return deliveries

    def drain(self, queue):
        """What is in a queue now: (properties, method, body)."""

        def taken(channel):
            got = iter(lambda: channel.basic_get(queue, auto_ack=True), (None, None, None))
            return [(properties, method, body) for method, properties, body in got]

        return self.do(taken)

    def do(self, action):
        with pika.BlockingConnection(pika.URLParameters(self.url)) as connection:
            return action(connection.channel())


class Paced:
    """A relay whose clock stands still between the moments that a test chooses."""

    def __init__(self, office, url, *partners):
        self.now = 0.0
        self.office = office
        self.relay = Relay(office.outbox, Rabbit(url, partners), partners, unrecorded, clock=lambda: self.now)

    def send(self, *messages):
        self.office.emit(*messages)
        self.relay.run_once()

    def wait(self, seconds=BACKOFF.longest):
        self.now += seconds
        self.relay.run_once()


def message(owner="case/1", sequence=1, key="careplan.updated", body=b'{"a":1}', view="default"):
    return OutboxMessage(str(uuid4()), view, owner, key, sequence, datetime.now(UTC), body)


def unrecorded(*_):
    """Records nothing of what a queue gets."""


def partner(name="harbor", *, plain=("careplan.*",), full=(), view="default"):
    bindings = (*(Binding(key) for key in plain), *(Binding(key, full_resource=True) for key in full))
    return Partner(name, "engineer", view, queues=(Queue(name, bindings),))


def until(holds, seconds=120.0):
    """Wait until something holds."""
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, "it did not come true in time"
        time.sleep(0.05)
