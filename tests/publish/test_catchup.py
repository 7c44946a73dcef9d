"""A queue that does not take its copies keeps back its own copies only, and gets them all in the end."""

import itertools

import pytest
from structlog.testing import capture_logs

from service.publish import catchup
from service.publish.amqp import rabbit, topology
from service.publish.amqp.rabbit import Rabbit
from service.publish.relay import REPAIR_SECONDS, Relay
from service.supervision import Backoff
from tests.publish.made import Broker, Paced, message, partner, unrecorded, until
from tests.publish.test_relay import Running

HARBOR, CLINIC = partner(plain=("#",)), partner("clinic", plain=("#",))


FEW = {"x-queue-type": "quorum", "x-max-length": 60, "x-overflow": "reject-publish"}


@pytest.fixture
def paced(office, broker):
    paced = Paced(office, broker.url, HARBOR, CLINIC)
    paced.relay.run_once()
    yield paced
    paced.relay.close()


def story(count, owners=4, size=0):
    """Messages of several owners in their order."""
    sequences = [itertools.count(1) for _ in range(owners)]
    owner = itertools.cycle(range(owners))
    return [
        message(f"case/{n}", next(sequences[n]), body=b"x" * size or b"{}")
        for n in itertools.islice(owner, count)
    ]


def firsts(broker, queue):
    """Ids in the order in which they first came."""
    return list(dict.fromkeys(properties.message_id for properties, _, _ in broker.drain(queue)))


def in_order(messages, got):
    """Whether all came, each owner's in its order."""
    assert sorted(got) == sorted(sent.id for sent in messages)
    for owner in {sent.owner for sent in messages}:
        mine = [sent.id for sent in messages if sent.owner == owner]
        assert [id_ for id_ in got if id_ in mine] == mine
    return True


def test_a_full_queue_that_is_emptied_gets_the_rest_and_the_other_never_waited(office, broker):
    """A channel that has met a full queue may be nacked for ever."""
    sent = story(200, 20)
    broker.do(lambda channel: channel.queue_declare("harbor", durable=True, arguments=FEW))
    paced = Paced(office, broker.url, HARBOR, CLINIC)
    paced.send(*sent)

    assert in_order(sent, firsts(broker, "clinic"))
    assert 0 < office.outbox.debts()["harbor"] < 200
    assert set(office.states().values()) == {"published", "owed"}

    got = []
    while office.outbox.debts():
        more = firsts(broker, "harbor")
        assert more
        got += more
        paced.wait()
    # what came last may have filled it again
    got += firsts(broker, "harbor")
    after = message("case/0", 100)
    paced.send(after)
    assert in_order([*sent, after], list(dict.fromkeys(got + firsts(broker, "harbor"))))
    assert set(office.states().values()) == {"published"}
    paced.relay.close()


@pytest.mark.parametrize(
    "harm",
    [
        pytest.param(lambda channel: channel.queue_delete("harbor"), id="deleted"),
        pytest.param(lambda channel: channel.queue_unbind("harbor", "casebridge.to.harbor"), id="unbound"),
        pytest.param(
            lambda channel: channel.exchange_delete("casebridge.events"), id="open exchange deleted"
        ),
        pytest.param(
            lambda channel: (
                channel.queue_delete("harbor"),
                channel.queue_declare(
                    "harbor", arguments={"x-max-length": 9, "x-overflow": "reject-publish"}
                ),
            ),
            id="made otherwise and full",
        ),
    ],
)
def test_what_is_harmed_is_mended_and_gets_what_was_sent_meanwhile(office, broker, paced, harm):
    broker.do(harm)
    sent = story(30)
    with Running(paced.relay):
        office.emit(*sent)
        until(lambda: "pending" not in office.states().values())
    assert in_order(sent, firsts(broker, "clinic"))

    harbor = []
    for _ in range(4):
        paced.wait()
        harbor += [id_ for id_ in firsts(broker, "harbor") if id_ not in harbor]
    assert in_order(sent, harbor)
    assert office.outbox.debts() == {}
    assert set(office.states().values()) == {"published"}


def test_a_queue_that_is_lost_unseen_is_found_and_told(broker, paced):
    broker.do(lambda channel: channel.queue_delete("harbor"))
    with capture_logs() as said:
        paced.wait(REPAIR_SECONDS)
    assert topology.depths(broker.url, ["harbor"]) == {"harbor": 0}
    drifted = {"event": "queue_drifted", "queue": "harbor", "what": "missing", "log_level": "error"}
    assert drifted in said


def test_each_refusal_is_told_with_its_queue_and_why_and_the_pauses_grow(broker, paced):
    def refuse(channel):
        channel.queue_delete("harbor")
        channel.queue_declare("harbor", arguments={"x-max-length": 0, "x-overflow": "reject-publish"})
        channel.queue_bind("harbor", "casebridge.to.harbor")

    def refusals():
        return catchup.REFUSALS.labels("harbor", "nacked")._value.get()

    broker.do(refuse)
    with capture_logs() as said:
        paced.send(message())
        for pause in (0.25, 0.5, 1.0):
            count = refusals()
            paced.wait(pause * 0.9)
            assert refusals() == count
            paced.wait(pause * 0.2)
            assert refusals() == count + 1
    behind = [(line["queue"], line["why"], line["tries"]) for line in said if line["event"] == "queue_behind"]
    assert behind == [("harbor", "nacked", number) for number in (1, 2, 3, 4)]


def test_a_new_leader_knows_what_is_owed(office, broker, paced):
    sent = story(30)
    broker.do(lambda channel: channel.queue_unbind("harbor", "casebridge.to.harbor"))
    paced.send(*sent[:20])
    assert office.outbox.debts() == {"harbor": 20}
    paced.relay.close()

    second = Paced(office, broker.url, HARBOR, CLINIC)
    second.send(*sent[20:])
    assert in_order(sent, firsts(broker, "harbor"))
    assert in_order(sent, firsts(broker, "clinic"))
    assert set(office.states().values()) == {"published"}
    second.relay.close()


@pytest.mark.parametrize(
    "known",
    [
        pytest.param(False, id="to a new channel"),
        pytest.param(True, id="to a channel that knew it", marks=pytest.mark.soak),
    ],
)
def test_a_queue_that_does_not_answer_is_not_waited_for(office, killable_rabbitmq, monkeypatch, known):
    """As a quorum queue without its majority: neither confirmed nor refused."""
    monkeypatch.setattr(rabbit, "CONFIRM_SECONDS", 2.0)
    monkeypatch.setattr(catchup, "BACKOFF", Backoff(0.25, 0.5))
    broker = Broker(killable_rabbitmq.create_vhost())
    member = f"'{broker.url.rpartition('/')[2]}_harbor'"
    partners, sent = (HARBOR, CLINIC), story(240, 60)
    topology.declare(broker.url, partners)
    with Running(Relay(office.outbox, Rabbit(broker.url, partners), partners, unrecorded)):
        if known:
            office.emit(*sent[:60])
            until(lambda: set(office.states().values()) == {"published"})
        killable_rabbitmq.control("eval", f"sys:suspend({member}).")
        office.emit(*sent[60 * known :])
        until(lambda: "pending" not in office.states().values())
        until(lambda: set(office.outbox.debts()) == {"harbor"})
        killable_rabbitmq.control("eval", f"sys:resume({member}).")
        until(lambda: not office.outbox.debts())
    for queue in ("clinic", "harbor"):
        assert in_order(sent, firsts(broker, queue))
