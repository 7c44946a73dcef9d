"""A case system at the broker, and a consumer of its commands."""

import json
import threading
import time
from contextlib import contextmanager

import pika

from service.flows.case.documents import Documents
from service.publish.amqp import topology
from service.settings import Settings
from service.store.audit.reading import SqlAuditReading
from service.store.store import SqlStore
from service.values.access.scope import Scope
from service.values.audit import AuditQuery
from service.wiring import operator, processes, rooms
from tests.servers import USER

JSON, MERGE = "application/json", "application/merge-patch+json"
DEAD = "casebridge.cases.dead"
SECONDS = 240


class CaseSystem:
    """The case system cms at the broker, and a consumer of its commands."""

    def __init__(self, environment, mappings):
        self.environment, self.settings = environment, Settings.from_env(environment)
        self.url = self.settings.amqp_url
        operator.upgrade(self.settings)
        self.engine = rooms.database(self.settings)
        self.store = SqlStore(self.engine)
        self.partners = tuple(operator.partners(self.settings))
        self.documents = Documents(self.store, rooms.projecting(self.settings, mappings), rooms.now)
        topology.declare(self.url, self.partners)
        self.stop, self.thread = threading.Event(), None

    def consume(self):
        consumer = processes.commanded(self.settings, self.engine, self.url, self.partners, self.documents)
        self.thread = threading.Thread(target=consumer.run, args=(self.stop,))
        self.thread.start()

    def close(self):
        self.stop.set()
        if self.thread is not None:
            self.thread.join(30)
            assert not self.thread.is_alive()
        self.engine.dispose()

    @contextmanager
    def channel(self):
        with pika.BlockingConnection(pika.URLParameters(self.url)) as connection:
            channel = connection.channel()
            channel.confirm_delivery()
            yield channel

    def send(self, type_, ref, body, *, message_id, user_id=USER, kind=None, headers=None, **about):
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        kind = kind or (MERGE if type_ and type_.startswith("patch") else JSON)
        named = {"ref": ref, **(headers or {})} if ref is not None else headers
        about |= {"type": type_, "message_id": message_id, "user_id": user_id, "delivery_mode": 2}
        properties = pika.BasicProperties(kind, headers=named, **about)
        with self.channel() as channel:
            channel.basic_publish(topology.CASES, "", raw, properties, mandatory=True)

    def got(self, queue):
        """Take one message off a queue: its properties and body."""

        def look():
            with self.channel() as channel:
                method, properties, body = channel.basic_get(queue, auto_ack=True)
                return (properties, body) if method is not None else None

        return until(look, f"nothing comes to {queue}")

    def reason(self):
        """Take one dead letter, and return its first reason."""
        return self.got(DEAD)[0].headers["casebridge-reason"][0]

    def drained(self):
        names = ("casebridge.cases", DEAD)
        until(lambda: list(topology.depths(self.url, names).values()) == [0, 0], "messages are left")

    def all(self, kind):
        return self.store.documents(Scope(everything=True), kind)

    def recorded(self):
        """Return what is on record, the oldest first."""
        entries = SqlAuditReading(self.engine).entries(AuditQuery())
        return [(entry.partner, entry.interaction, entry.status, entry.text) for entry in reversed(entries)]


def until(look, otherwise):
    """Wait for something and return it."""
    deadline = time.monotonic() + SECONDS
    while not (thing := look()):
        assert time.monotonic() < deadline, otherwise
        time.sleep(0.05)
    return thing
