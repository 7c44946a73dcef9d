"""A queue past its depth limit is unbound; it gets what it missed, in order and whole, once it is drained."""

import re
from itertools import islice

import pytest
from pika.exceptions import UnroutableError

from service.access import registry
from service.errors import Unavailable
from service.publish.amqp import topology
from service.publish.amqp.rabbit import Rabbit
from service.publish.copies.coverage import Coverage
from service.publish.limits import HELD
from service.publish.relay import Relay
from service.values.access.scope import Binding, Partner, Queue
from tests.cli.command import casebridge
from tests.publish.made import Office, Paced, message, partner, unrecorded

LIMIT = 20
# messages under way may be put in beyond it, one of an owner
OWNERS = 5
CLINIC = partner("clinic")


@pytest.fixture
def office(database_url):
    office = Office(database_url)
    yield office
    office.engine.dispose()


def limited(limit=LIMIT):
    queue = Queue("harbor", (Binding("careplan.*"),), depth_limit=limit)
    return Partner("harbor", "engineer", queues=(queue,))


def story(count, first=0):
    return [message(f"case/{n % OWNERS}", 1 + n // OWNERS) for n in range(first, first + count)]


def ids(broker, queue, most=1_000):
    """Take up to so many off a queue: the ids."""

    def take(channel):
        got = iter(lambda: channel.basic_get(queue, auto_ack=True)[1], None)
        return [properties.message_id for properties in islice(got, most)]

    return broker.do(take)


def is_bound(broker):
    """Whether what is published to the queue's exchange reaches it; it leaves a message there."""

    def publish(channel):
        channel.confirm_delivery()
        try:
            channel.basic_publish(topology.own_exchange("harbor"), "probe", b"{}", mandatory=True)
        except UnroutableError:
            return False
        return True

    return broker.do(publish)


def turn_until_it_rests(relay):
    while not relay.turn():
        pass


def depth(broker):
    return topology.depths(broker.url, ["harbor"])["harbor"]


def drained(paced, broker):
    """What comes of a queue that is read until it is owed nothing, each once."""
    got = ids(broker, "harbor")
    while paced.office.outbox.debts():
        paced.wait(60)
        got += ids(broker, "harbor")
    return list(dict.fromkeys(got))


def in_order(sent, got):
    """Whether all came, each owner's in its order."""
    assert sorted(got) == sorted(each.id for each in sent)
    for owner in {each.owner for each in sent}:
        mine = [each.id for each in sent if each.owner == owner]
        assert [id_ for id_ in got if id_ in mine] == mine
    return True


@pytest.fixture
def full(office, broker):
    """A relay after 100 messages, most of them over the limit of a queue that nobody reads; and these."""
    sent, paced = story(100), Paced(office, broker.url, limited(), CLINIC)
    paced.send(*sent)
    yield paced, sent
    paced.relay.close()


def test_it_is_unbound_and_flagged_and_no_other_waits_for_it(office, broker, full):
    _, sent = full
    assert LIMIT <= depth(broker) <= LIMIT + OWNERS
    assert in_order(sent, ids(broker, "clinic"))
    assert list(office.outbox.held()) == ["harbor"]
    assert HELD.labels("harbor")._value.get() == 1
    assert office.outbox.debts()["harbor"] >= 100 - LIMIT - OWNERS
    assert not is_bound(broker)


def test_it_gets_all_the_rest_in_order_as_it_is_read(office, broker, full):
    paced, sent = full
    first = ids(broker, "harbor", LIMIT // 2 - 1)
    paced.wait(60)
    # more than half is left: nothing is put in
    assert list(office.outbox.held()) == ["harbor"]
    assert depth(broker) <= LIMIT + OWNERS - len(first)
    more = story(20, 100)
    paced.send(*more)
    got = list(dict.fromkeys(first + drained(paced, broker)))
    assert in_order(sent + more, got)
    # what came last may have filled it again
    paced.wait(60)
    assert office.outbox.held() == {}
    assert HELD.labels("harbor")._value.get() == 0
    assert set(office.states().values()) == {"published"}
    assert is_bound(broker)


def test_a_new_leader_holds_it_and_goes_on_where_the_last_one_was(office, broker, full):
    paced, sent = full
    paced.relay.close()
    # as a broker that was away between the flag and the unbinding, or an operator, leaves it
    broker.do(lambda channel: channel.queue_bind("harbor", topology.own_exchange("harbor")))
    before, second = depth(broker), Paced(office, broker.url, limited(), CLINIC)
    more = story(20, 100)
    second.send(*more)
    assert depth(broker) == before
    assert in_order(sent + more, drained(second, broker))
    second.relay.close()


def test_a_queue_that_fills_while_nobody_leads_is_held_at_once(office, broker):
    paced = Paced(office, broker.url, limited())
    paced.relay.run_once()
    paced.relay.close()
    for _ in range(LIMIT):
        broker.do(lambda channel: channel.basic_publish("", "harbor", b"{}"))
    paced = Paced(office, broker.url, limited())
    paced.send(*story(50))
    paced.relay.close()
    assert office.outbox.debts() == {"harbor": 50}
    assert office.outbox.held()["harbor"].depth == LIMIT


def test_a_queue_that_is_deleted_while_it_is_held_is_declared_and_gets_what_it_is_owed(office, broker, full):
    paced, sent = full
    owed = {message.id for message in office.outbox.owed_messages("harbor", 1_000)}
    broker.do(lambda channel: channel.queue_delete("harbor"))
    got = []
    while office.outbox.debts():
        paced.wait(60)
        got += ids(broker, "harbor")
    assert in_order([each for each in sent if each.id in owed], list(dict.fromkeys(got)))
    assert is_bound(broker)


def test_who_has_no_limit_any_more_gets_all_of_it_at_once(office, broker, full):
    paced, sent = full
    paced.relay.close()
    assert not Coverage([limited()]).is_as(Coverage([limited(None)]))
    free = Paced(office, broker.url, limited(None))
    free.wait(60)
    free.relay.close()
    assert (office.outbox.held(), office.outbox.debts()) == ({}, {})
    assert in_order(sent, list(dict.fromkeys(ids(broker, "harbor"))))


def test_a_partner_that_is_gone_while_it_is_held_leaves_no_flag_and_gets_nothing(office, broker, full):
    paced, _ = full
    paced.relay.close()
    before, without = depth(broker), Paced(office, broker.url, CLINIC)
    without.send(*story(5, 100))
    without.wait(60)
    without.relay.close()
    assert office.outbox.held() == {}
    assert depth(broker) == before


def test_a_broker_that_goes_away_between_the_flag_and_the_unbinding_finds_it_unbound_later(office, broker):
    class Leaving(Rabbit):
        """A broker that is away when the queue is to be unbound, once."""

        left = False

        def hold(self, queues):
            if queues and not self.left:
                self.left = True
                raise Unavailable("away")
            super().hold(queues)

    rabbit, partners, sent = Leaving(broker.url, [limited()]), [limited()], story(100)
    office.emit(*sent)
    relay = Relay(office.outbox, rabbit, partners, unrecorded, clock=lambda: 0.0)
    with pytest.raises(Unavailable):
        turn_until_it_rests(relay)
    assert list(office.outbox.held()) == ["harbor"]
    turn_until_it_rests(relay)
    assert LIMIT <= depth(broker) <= LIMIT + OWNERS
    assert office.outbox.debts()["harbor"] >= 100 - LIMIT - OWNERS
    relay.close()
    assert not is_bound(broker)


def test_who_leads_no_more_flags_nothing_and_takes_no_flag_off(office):
    lead = office.outbox.lead()
    office.outbox.hold("harbor", 23)
    with office.engine.begin() as connection:
        connection.exec_driver_sql("UPDATE lease SET fence = fence + 1")
    for late in (lambda: office.outbox.let_go("harbor"), lambda: office.outbox.hold("clinic", 23)):
        with pytest.raises(Unavailable):
            late()
    assert list(office.outbox.held()) == ["harbor"]
    lead.close()


def test_a_leader_that_slept_and_unbinds_late_delays_it_and_loses_nothing(office, broker):
    paced = Paced(office, broker.url, limited())
    paced.send(*(sent := story(10)))
    topology.unbind(broker.url, ["harbor"])
    paced.send(*(more := story(5, 10)))
    assert office.outbox.debts() == {"harbor": 5}
    assert office.outbox.held() == {}
    assert in_order(sent + more, drained(paced, broker))
    paced.relay.close()


def test_an_operator_sees_it_and_binds_nothing(office, broker, tmp_path, database_url):
    path = tmp_path / "partners.yaml"
    path.write_text(
        "partners: [{name: harbor, kind: engineer, queues:"
        f" [{{name: harbor, bindings: [{{pattern: 'careplan.*'}}], depth_limit: {LIMIT}}}]}}]",
        encoding="utf-8",
    )
    assert registry.load(path)["harbor"].queues == limited().queues
    env = {"CASEBRIDGE_DATABASE_URL": database_url, "CASEBRIDGE_AMQP_URL": broker.url}

    def show():
        done = casebridge("partners", "show", "harbor", **env, CASEBRIDGE_PARTNERS=str(path))
        assert done.returncode == 0, done
        return done.stdout

    assert "# queue" not in show()
    office.outbox.hold("harbor", 23)
    office.outbox.hold("harbor", 99)
    assert office.outbox.held()["harbor"].depth == 23
    told = r"# queue harbor: unbound since \S+ with 23 messages in it, until half of its limit, 20, .*owed 0"
    assert re.search(told, show())
    done = casebridge("partners", "apply", **env, CASEBRIDGE_PARTNERS=str(path))
    assert done.returncode == 0, done
    assert not is_bound(broker)
    office.outbox.forget_queue("harbor")
    assert office.outbox.queues() == set()
