"""Whatever operators do to queues, exchanges, bindings and policies, no queue waits for another's repair.

A seeded walk: at each stop, every message that a queue lacks is on record as owed to it and an alarm was
raised, a queue that nobody has hurt or filled lacks none, and each got its owners' messages in order. In the
end, when all is mended, nobody lacks anything.
"""

import contextlib
import os
import random
import time
from collections import defaultdict

import pika
import pytest
from prometheus_client import REGISTRY

from service.errors import Unavailable
from service.publish.amqp import topology
from service.publish.amqp.rabbit import Rabbit
from service.publish.catchup import BACKOFF
from service.publish.copies.coverage import matches
from service.publish.flights import Landed
from service.publish.relay import REPAIR_SECONDS, Relay
from service.values.access.scope import Binding, Partner, Queue
from tests.publish.made import Broker, Office, message, partner, unrecorded
from tests.store.made import NUMBERED

PARTNERS = (
    partner("harbor", plain=("#",)),
    partner("clinic", plain=("careplan.*",), full=("goal.#",)),
    partner("north", plain=("#",), view="lean"),
    # nobody reads it but at stops, so that it is full again and again
    Partner("south", "engineer", queues=(Queue("south", (Binding("#"),), depth_limit=40),)),
)
SLOW_READER = "south"
VIEWS = {partner.name: partner.view for partner in PARTNERS}
BINDINGS = {partner.name: partner.queues[0].bindings for partner in PARTNERS}
KEYS = ("careplan.updated", "goal.created", "case.closed")
OWED = f"""
SELECT queue, message FROM owed JOIN ({NUMBERED}) AS numbered ON place = owed.position WHERE state = 'owed'
"""
NARROW = {"x-max-length": 1, "x-overflow": "reject-publish"}


class Walk:
    """Operators at a broker, case systems at an outbox, engineers at queues, a relay; and what must hold."""

    def __init__(self, office, server, chance):
        url = server.create_vhost()
        self.office, self.broker, self.chance = office, Broker(url), chance
        self.control, self.vhost = server.control, url.rpartition("/")[2]
        self.now = 0.0
        self.sent = []
        self.last = defaultdict(int)
        self.got = {queue: {} for queue in VIEWS}
        self.hurt = set()
        self.tight = set()
        self.before = alarms()
        self.relay = self.new_relay()

    def new_relay(self):
        return Relay(
            self.office.outbox,
            Rabbit(self.broker.url, PARTNERS),
            PARTNERS,
            unrecorded,
            clock=lambda: self.now,
        )

    def emit(self):
        """Cases change."""
        for _ in range(self.chance.randint(1, 40)):
            owner, view = (
                f"case/{self.chance.randrange(5)}",
                self.chance.choice(("default", "default", "lean")),
            )
            self.last[owner, view] += 1
            key = self.chance.choice(KEYS)
            self.sent.append(message(owner, self.last[owner, view], key, view=view))
            self.office.emit(self.sent[-1])

    def some_turns(self):
        """The relay is in the middle of something when the next thing happens."""
        with contextlib.suppress(Unavailable):
            for _ in range(self.chance.randint(1, 4)):
                self.relay._turn()

    def another_leads(self):
        """What the leader had not marked is forgotten, as when it is killed."""
        if self.relay._publisher is not None:
            self.relay._publisher.close()
        self.relay._landed, self.relay._publisher = Landed(self.relay._beside), None
        self.relay.close()
        self.relay = self.new_relay()

    def time_passes(self):
        """As long as a pause, or a moment."""
        self.now += self.chance.choice((0.3, 2.0, BACKOFF.longest))

    def tighten(self, queue):
        """A policy makes it full soon."""
        limit = f'{{"max-length":{self.chance.randint(1, 5)}}}'
        self.control("set_policy", "-p", self.vhost, queue, f"^{queue}$", limit, "--apply-to", "queues")
        self.hurt.add(queue)
        self.tight.add(queue)

    def loosen(self, queue):
        """The policy is taken back."""
        if queue in self.tight:
            self.tight.remove(queue)
            self.control("clear_policy", "-p", self.vhost, queue)

    def delete(self, queue):
        """Read empty before, for what is in it goes with it."""
        self.hurt.add(queue)
        self.go()
        self.read(queue)
        self.broker.do(lambda channel: channel.queue_delete(queue))

    def replace(self, queue):
        """Made anew by hand, as a classic queue. One that drops what is too much is for its owner to mend."""
        self.delete(queue)
        refusing = {"x-overflow": "reject-publish"}
        self.broker.do(lambda channel: channel.queue_declare(queue, durable=True, arguments=refusing))

    def unbind(self, queue):
        """Its exchange leads nowhere."""
        self.hurt.add(queue)
        with contextlib.suppress(pika.exceptions.ChannelClosedByBroker):
            self.broker.do(lambda channel: channel.queue_unbind(queue, topology.own_exchange(queue)))

    def delete_exchange(self, queue):
        """A publish to it ends the channel that all share."""
        self.hurt.add(queue)
        self.broker.do(lambda channel: channel.exchange_delete(topology.own_exchange(queue)))

    def delete_open(self, _queue):
        """Nobody who is registered needs it."""
        self.broker.do(lambda channel: channel.exchange_delete(topology.EVENTS))

    def crowd_open(self, _queue):
        """A stranger's queue refuses what comes by the open exchange."""
        with contextlib.suppress(pika.exceptions.ChannelClosedByBroker):
            self.broker.do(lambda channel: channel.queue_declare("narrow", durable=True, arguments=NARROW))
            self.broker.do(lambda channel: channel.queue_bind("narrow", topology.EVENTS, "#"))

    def read(self, queue):
        """An engineer takes what is in it; first copies are kept in the order in which they came."""
        with contextlib.suppress(pika.exceptions.ChannelClosedByBroker):
            for properties, _, _ in self.broker.drain(queue):
                self.got[queue].setdefault(properties.message_id)

    def go(self):
        """The relay does what it can do now, and goes on when the broker cuts it off, as its thread does."""
        for _ in range(20):
            try:
                self.relay.run_once()
            except Unavailable:
                self.relay.close()
            else:
                return
        raise AssertionError("the relay does not come to rest")

    def stop_and_look(self):
        """Nothing is lacked silently, and nothing by those who are well."""
        self.go()
        with self.office.engine.connect() as connection:
            owed = set(connection.exec_driver_sql(OWED).all())
        for queue in VIEWS:
            self.read(queue)
            wanted = [sent for sent in self.sent if covers(queue, sent)]
            lacked = {sent.id for sent in wanted} - self.got[queue].keys()
            assert lacked <= {id_ for name, id_ in owed if name == queue}, (
                f"{queue} lacks what it is not owed"
            )
            assert not lacked or alarms()[queue] > self.before[queue], f"no alarm for {queue}"
            assert not lacked or queue in {SLOW_READER, *self.hurt}, (
                f"{queue} is well and lacks {len(lacked)}"
            )
            self.in_order(queue, wanted)

    def in_order(self, queue, wanted):
        """Each owner's messages, those that came, are its first ones in their order."""
        owners = defaultdict(list)
        for sent in wanted:
            owners[sent.owner].append(sent.id)
        by_id = {sent.id: sent.owner for sent in wanted}
        came = defaultdict(list)
        for id_ in self.got[queue]:
            came[by_id[id_]].append(id_)
        for owner, ids in came.items():
            assert ids == owners[owner][: len(ids)], f"{queue} got {owner} out of order"

    def mend(self):
        """Operators leave it alone, engineers read: all is there in the end."""
        for queue in VIEWS:
            self.loosen(queue)
        self.broker.do(lambda channel: channel.queue_delete("narrow"))
        for _ in range(60):
            for queue in VIEWS:
                self.read(queue)
            self.now += max(BACKOFF.longest, REPAIR_SECONDS) + 1
            self.go()
            if not self.office.outbox.debts():
                break
        self.hurt.clear()
        self.stop_and_look()
        assert self.office.outbox.debts() == {}
        assert set(self.office.states().values()) == {"published"}
        # what came last is read
        self.now += 1
        self.go()
        assert self.office.outbox.held() == {}


def covers(queue, sent):
    """Whether a queue is to get a message."""
    mine = (matches(binding.pattern, sent.routing_key) for binding in BINDINGS[queue])
    return sent.view == VIEWS[queue] and any(mine)


def alarms():
    """How often each queue was told to have taken nothing, or not to be as it was declared."""
    counted = defaultdict(float)
    for metric in REGISTRY.collect():
        if metric.name in {"casebridge_queue_refusals", "casebridge_queue_drifts"}:
            for sample in metric.samples:
                if sample.name.endswith("_total"):
                    counted[sample.labels["queue"]] += sample.value
    return counted


ORDINARY = [Walk.emit, Walk.emit, Walk.emit, Walk.some_turns, Walk.some_turns, Walk.time_passes]
ORDINARY += [Walk.stop_and_look, Walk.another_leads]
HURTING = [Walk.delete, Walk.replace, Walk.unbind, Walk.delete_exchange, Walk.delete_open, Walk.crowd_open]
# each starts an Erlang machine
SLOW = [Walk.tighten, Walk.tighten, Walk.loosen]


@pytest.fixture
def seed():
    number = int(os.environ.get("CASEBRIDGE_FAULTS_SEED", time.time_ns() % 1_000_000))
    print(f"CASEBRIDGE_FAULTS_SEED={number}")
    return number


@pytest.mark.parametrize(
    ("walks", "hurts"),
    [
        pytest.param(1, 10, id="short"),
        pytest.param(12, 60, id="long", marks=pytest.mark.soak),
    ],
)
def test_what_operators_do_to_a_queue_is_that_queues_alone(tmp_path, killable_rabbitmq, seed, walks, hurts):
    for number in range(walks):
        chance = random.Random(seed + number)
        office = Office(f"sqlite:///{tmp_path}/{number}.db")
        walk = Walk(office, killable_rabbitmq, chance)
        slow = [chance.choice(SLOW) for _ in range(hurts // 4)] + [Walk.tighten]
        fast = [chance.choice(HURTING) for _ in range(hurts - len(slow))]
        steps = chance.sample(slow + fast, len(slow) + len(fast))
        try:
            for step in steps:
                queue = chance.choice(sorted(VIEWS))
                print(step.__name__, queue)
                step(walk, queue)
                for ordinary in chance.choices(ORDINARY, k=4):
                    print(ordinary.__name__)
                    ordinary(walk)
            walk.mend()
        finally:
            walk.relay.close()
            office.engine.dispose()
