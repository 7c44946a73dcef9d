"""The hospital mercy at the broker."""

import json
import threading
import time

import pika

from service.publish.amqp import topology
from service.settings import Settings
from service.store.store import SqlStore
from service.values.access.scope import Scope
from service.wiring import operator, processes, rooms
from tests.servers import USER
from tests.web.sent import ER7

REGISTRY = f"""partners:
  - {{name: cms, kind: case-system}}
  - name: mercy
    kind: hospital
    intake: {{amqp_users: [{USER}], amqp_replies: [mercy.answers]}}
"""
KILLED_BEFORE_ITS_ACK = """
import os, signal, threading
from service.wiring import compiled, operator, processes, rooms
from service.receive.amqp.consumer import Consumer
from service.settings import Settings
from service.access import registry
from service.store.store import SqlStore

settings = Settings.from_env()
store = SqlStore(rooms.database(settings))
taken = rooms.receiving(settings, store, rooms.projecting(settings, compiled.catalogues(settings)))
partners = tuple(registry.load(settings.partners).values())
consumer = processes.consuming(settings, settings.amqp_url, partners, taken)
take = consumer._take

def dying(delivery):
    take(delivery)
    os.kill(os.getpid(), signal.SIGKILL)

consumer._take = dying
consumer.run(threading.Event())
"""
SECONDS = 240


def until(look, otherwise):
    """Wait for something and return it."""
    deadline = time.monotonic() + SECONDS
    while not (thing := look()):
        assert time.monotonic() < deadline, otherwise
        time.sleep(0.05)
    return thing


class Hospital:
    """The hospital mercy at the broker, an operator who looks into its queues, and a consumer for them."""

    def __init__(self, environment, mappings):
        self.environment = environment
        self.settings = Settings.from_env(environment)
        self.url = self.settings.amqp_url
        operator.upgrade(self.settings)
        self.engine = rooms.database(self.settings)
        self.store = SqlStore(self.engine)
        self.partners = tuple(operator.partners(self.settings))
        self.taken = rooms.receiving(self.settings, self.store, rooms.projecting(self.settings, mappings))
        topology.declare(self.url, self.partners)
        self.stop, self.thread = threading.Event(), None

    def consume(self):
        consumer = processes.consuming(self.settings, self.url, self.partners, self.taken)
        self.thread = threading.Thread(target=consumer.run, args=(self.stop,))
        self.thread.start()
        return consumer

    def close(self):
        self.stop.set()
        if self.thread is not None:
            self.thread.join(30)
            assert not self.thread.is_alive()
        self.engine.dispose()

    def send(self, *bodies, kind=ER7, user_id=USER, exchange="", **properties):
        with pika.BlockingConnection(pika.URLParameters(self.url)) as connection:
            channel = connection.channel()
            channel.confirm_delivery()
            for body in bodies:
                raw = body if isinstance(body, bytes) else json.dumps(body).encode()
                properties_ = pika.BasicProperties(kind, user_id=user_id, delivery_mode=2, **properties)
                channel.basic_publish(exchange, topology.DISCHARGES, raw, properties_, mandatory=True)

    def got(self, queue):
        """Take one message off a queue: its properties and body."""

        def look():
            with pika.BlockingConnection(pika.URLParameters(self.url)) as connection:
                method, properties, body = connection.channel().basic_get(queue, auto_ack=True)
                return (properties, body) if method is not None else None

        return until(look, f"nothing comes to {queue}")

    def dead(self):
        return self.got("casebridge.discharges.dead")

    def cases(self):
        return self.store.documents(Scope(everything=True), "case")

    def summaries(self):
        return self.store.look(
            lambda unit: unit.inbox.entries(partner=None, state=None, after=None, count=100)
        )

    def entries(self):
        return [
            self.store.look(lambda unit, id_=summary.id: unit.inbox.entry(id_))
            for summary in self.summaries()
        ]

    def kept(self, count):
        until(lambda: len(self.summaries()) >= count, "it was not kept")
        return self.entries()

    def drained(self):
        names = ("casebridge.discharges", "casebridge.discharges.dead")
        return until(lambda: list(topology.depths(self.url, names).values()) == [0, 0], "messages are left")
