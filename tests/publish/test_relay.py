"""The relay between a real outbox and a real broker."""

import threading
import time
from decimal import Decimal

import pytest

from service.publish.amqp import rabbit, topology
from service.publish.feed import number_forever
from service.publish.relay import Relay
from tests import servers
from tests.publish.made import Broker, Office, Paced, message, partner, unrecorded, until


class Running:
    """A relay in a thread of its own, as the worker runs it."""

    def __init__(self, relay):
        self._stop = threading.Event()
        self._thread = threading.Thread(target=relay.run, args=(self._stop,))

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._stop.set()
        self._thread.join(30)
        assert not self._thread.is_alive()


def whole(sent, resource):
    """A message with the resource in its data."""
    return sent.body[:-2] + b',"resource":' + resource + b"}}"


def test_each_message_arrives_once_in_its_owners_order_as_a_cloudevent(office, broker, relay_to):
    sent = [message(f"case/{n % 7}", sequence=n, body=b"%d" % n) for n in range(700)]
    office.emit(*sent)

    relay_to(broker.url, partner()).run_once()

    got = broker.take("harbor")
    assert sorted(properties.message_id for properties, _, _ in got) == sorted(message.id for message in sent)
    for owner in range(7):
        mine = [int(body) for _, _, body in got if int(body) % 7 == owner]
        assert mine == sorted(mine)
    properties, method, _ = got[0]
    assert properties.content_type == "application/cloudevents+json"
    assert properties.delivery_mode == 2
    assert (method.exchange, method.routing_key) == ("casebridge.to.harbor", "careplan.updated")
    assert set(office.states().values()) == {"published"}


def test_what_nobody_registered_for_is_marked_unrouted_and_passed(office, broker, relay_to):
    lonely, wanted = message(key="goal.updated"), message()
    office.emit(lonely, wanted)

    relay_to(broker.url, partner()).run_once()

    assert office.states() == {lonely.id: "unrouted", wanted.id: "published"}


def test_who_binds_to_the_open_exchange_gets_every_message_of_the_default_view(office, broker, relay_to):
    relay = relay_to(broker.url, partner(), partner("clinic", view="lean"))
    relay.run_once()
    broker.do(lambda channel: channel.queue_declare("passer-by", durable=True))
    broker.do(lambda channel: channel.queue_bind("passer-by", topology.EVENTS, "#"))
    covered, lonely, lean = message(), message("case/2", key="goal.updated"), message(view="lean")
    office.emit(covered, lonely, lean)
    relay.run_once()

    got = broker.drain("passer-by")
    assert [(properties.message_id, method.exchange) for properties, method, _ in got] == [
        (covered.id, "casebridge.events"),
        (lonely.id, "casebridge.events"),
    ]
    assert set(office.states().values()) == {"published"}


def test_a_queue_that_the_release_before_bound_to_the_open_exchange_gets_each_message_once(
    office, broker, relay_to
):
    topology.declare(broker.url, [partner()])
    broker.do(lambda channel: channel.queue_bind("harbor", topology.EVENTS, "careplan.*"))
    office.emit(message())

    relay_to(broker.url, partner()).run_once()

    assert len(broker.drain("harbor")) == 1


def test_the_resource_leaves_for_nobody_who_did_not_ask(office, broker, relay_to):
    relay = relay_to(broker.url, partner())
    relay.run_once()
    broker.do(lambda channel: channel.queue_declare("curious", durable=True))
    broker.do(lambda channel: channel.queue_bind("curious", topology.EVENTS, "#"))
    sent = office.tell({"status": "active"})
    relay.run_once()

    assert [body for _, _, body in broker.drain("curious")] == [sent.body]
    assert [body for _, _, body in broker.take("harbor")] == [sent.body]


def test_the_resource_goes_only_to_whom_asked_for_it(office, broker, relay_to):
    rich, plain = office.tell({"height": Decimal("1.50")}), message("case/2", key="case.discharged")
    office.emit(plain)

    relay_to(broker.url, partner(), partner("clinic", plain=(), full=("#",))).run_once()

    assert [body for _, _, body in broker.take("harbor")] == [rich.body]
    assert {body for _, _, body in broker.take("clinic")} == {whole(rich, b'{"height":1.50}'), plain.body}
    assert set(office.states().values()) == {"published"}


@pytest.mark.parametrize(
    "hide", ["UPDATE resource_history SET withheld = true", "DELETE FROM resource_history"]
)
def test_a_resource_that_may_no_longer_be_shown_leaves_for_nobody(office, broker, relay_to, hide):
    sent = office.tell({"status": "active"})
    with office.engine.begin() as connection:
        connection.exec_driver_sql(hide)

    relay_to(broker.url, partner(plain=(), full=("#",))).run_once()

    assert [body for _, _, body in broker.take("harbor")] == [sent.body]


def test_a_queue_that_was_behind_gets_the_resource_it_asked_for(office, broker):
    paced = Paced(office, broker.url, partner(plain=(), full=("#",)))
    paced.relay.run_once()
    broker.do(lambda channel: channel.queue_unbind("harbor", "casebridge.to.harbor"))
    sent = office.tell({"status": "active"})
    paced.relay.run_once()
    assert office.states() == {sent.id: "owed"}
    paced.wait()
    assert [body for _, _, body in broker.drain("harbor")] == [whole(sent, b'{"status":"active"}')]
    paced.relay.close()


def test_a_message_goes_only_to_partners_of_its_view(office, broker, relay_to):
    rich, lean = office.tell({"title": "Home"}), office.tell({}, view="lean")
    gone = message(sequence=1, body=b"gone", view="nobodys")
    office.emit(gone)

    everything = {"plain": ("#",), "full": ("#",)}
    partners = (partner(**everything), partner("clinic", view="lean", **everything))
    relay_to(broker.url, *partners).run_once()

    assert {body for _, _, body in broker.take("harbor")} == {rich.body, whole(rich, b'{"title":"Home"}')}
    assert {body for _, _, body in broker.take("clinic")} == {lean.body, whole(lean, b"{}")}
    assert office.states() == {rich.id: "published", lean.id: "published", gone.id: "unrouted"}


def test_a_nacked_message_is_sent_again_before_its_owners_next(office, broker, relay_to):
    full = {"x-max-length": 1, "x-overflow": "reject-publish"}
    relay = relay_to(broker.url, partner())
    relay.run_once()
    broker.do(lambda channel: channel.queue_declare("narrow", durable=True, arguments=full))
    broker.do(lambda channel: channel.queue_bind("narrow", topology.EVENTS, "careplan.*"))
    sent = [message(sequence=number, body=b"%d" % number) for number in range(4)]
    office.emit(*sent)

    with Running(relay):
        until(lambda: list(office.states().values()).count("published") >= 1)
        broker.do(lambda channel: channel.queue_delete("narrow"))
        until(lambda: set(office.states().values()) == {"published"})

    got = [properties.message_id for properties, _, _ in broker.take("harbor")]
    assert list(dict.fromkeys(got)) == [message.id for message in sent]


def test_a_message_that_fits_no_frame_is_parked_and_stops_its_owner_only(office, broker, relay_to):
    bad, after, other = message(key="x" * 300), message(sequence=2), message("case/2")
    office.emit(bad, after, other)

    relay_to(broker.url, partner()).run_once()

    assert office.states() == {bad.id: "parked", after.id: "pending", other.id: "published"}


@pytest.mark.parametrize("body", [b"gone", b"[]", b'{"data":{"versionId":"1","reference":"p1"}}', b"\xff"])
def test_a_message_that_no_resource_can_be_put_into_is_parked_and_stops_its_owner_only(
    office, broker, relay_to, body
):
    bad, after, other = message(body=body), message(sequence=2), message("case/2")
    office.emit(bad, after, other)

    # the one that asked for less comes first
    relay_to(broker.url, partner("clinic"), partner(plain=(), full=("#",))).run_once()

    assert office.states() == {bad.id: "parked", after.id: "pending", other.id: "published"}
    for queue in ("clinic", "harbor"):
        assert [body for _, _, body in broker.take(queue)] == [other.body]


def test_a_version_that_cannot_be_read_stops_its_owner_only(office, broker, relay_to):
    bad, other = office.tell({}), message("case/2")
    office.emit(other)
    with office.engine.begin() as connection:
        connection.exec_driver_sql("UPDATE resource_history SET body = CAST('gone' AS BLOB)")

    relay_to(broker.url, partner(plain=(), full=("#",))).run_once()
    assert office.states() == {bad.id: "parked", other.id: "published"}


def test_what_is_parked_stops_its_owner_after_a_new_start_too_until_it_is_released(office, broker, relay_to):
    bad, after = message(key="x" * 300), message(sequence=2)
    office.emit(bad, after)
    first = relay_to(broker.url, partner())
    first.run_once()
    first.close()

    with Running(relay_to(broker.url, partner(plain=("#",)))):
        office.emit(message("case/2", key="goal.updated"))
        until(lambda: list(office.states().values()).count("published") == 1)
        assert office.states()[after.id] == "pending"
        with office.engine.begin() as connection:
            connection.exec_driver_sql(
                "UPDATE outbox SET routing_key = 'goal.updated' WHERE state = 'parked'"
            )
        assert office.outbox.release([1]) == 1
        until(lambda: set(office.states().values()) == {"published"})

    got = [properties.message_id for properties, _, _ in broker.take("harbor")]
    assert got[1:] == [bad.id, after.id]


class SmallRabbit(servers.RabbitServer):
    """A broker that takes messages up to 64 KiB."""

    def _settings(self):
        return f"{super()._settings()}max_message_size = 65536\n"


@pytest.fixture(scope="module")
def small_rabbit():
    """The URL of a broker that takes messages up to 64 KiB."""
    with SmallRabbit() as server:
        yield server.url


def test_a_message_over_the_brokers_limit_is_found_among_many_and_parked(office, relay_to, small_rabbit):
    many = [message(f"case/{number}") for number in range(50)]
    bad, after = message("case/7", body=b"x" * 70_000), message("case/7", sequence=3)
    office.emit(*many[:25], bad, *many[25:], after)

    relay_to(small_rabbit, partner()).run_once()
    got = {properties.message_id for properties, _, _ in Broker(small_rabbit).take("harbor")}

    states = office.states()
    assert states.pop(bad.id) == "parked"
    # case/7 had a row before and one after the bad one
    assert states.pop(after.id) == "pending"
    stuck = {id_ for id_, state in states.items() if state != "published"}
    assert stuck <= {message.id for message in many if message.owner == "case/7"}
    assert got == set(states) - stuck


def test_what_one_queue_alone_is_to_get_and_the_broker_refuses_is_parked_too(office, small_rabbit):
    """The queue was behind, so no other channel has met it before."""
    lone = partner("north", plain=("#",), view="lean")
    paced, broker = Paced(office, small_rabbit, lone), Broker(small_rabbit)
    paced.relay.run_once()
    broker.do(lambda channel: channel.queue_unbind("north", "casebridge.to.north"))
    fine = [message(f"case/{n}", view="lean") for n in range(5)]
    bad, after = message("case/1", 2, body=b"x" * 70_000, view="lean"), message("case/1", 3, view="lean")
    paced.send(*fine[:3])
    paced.send(bad, after, *fine[3:])
    paced.wait()

    assert {one.message_id for one, _, _ in broker.drain("north")} == {one.id for one in fine}
    states = office.states()
    assert (states.pop(bad.id), states.pop(after.id)) == ("parked", "owed")
    assert set(states.values()) == {"published"}

    with office.engine.begin() as connection:
        connection.exec_driver_sql("UPDATE outbox SET body = x'7b7d' WHERE state = 'parked'")
    office.outbox.release([parked_message.position for parked_message in office.outbox.parked_messages()])
    paced.wait()
    paced.wait()
    assert [properties.message_id for properties, _, _ in broker.drain("north")] == [bad.id, after.id]
    assert set(office.states().values()) == {"published"}
    paced.relay.close()


def test_a_second_relay_stands_by_until_the_first_lets_go(postgres_url, broker):
    office = Office(postgres_url)
    relays = [
        Relay(office.outbox, rabbit.Rabbit(broker.url, [partner()]), [partner()], unrecorded)
        for _ in range(2)
    ]
    relays[0].run_once()
    office.emit(message())

    relays[1].run_once()
    assert set(office.states().values()) == {"pending"}

    relays[0].close()
    relays[1].run_once()
    assert set(office.states().values()) == {"published"}
    relays[1].close()
    office.engine.dispose()


def test_without_a_broker_messages_are_numbered_all_the_same(office):
    office.emit(message(), message())
    stop = threading.Event()
    thread = threading.Thread(target=number_forever, args=(office.outbox, stop))
    thread.start()
    try:
        until(lambda: len(office.outbox.pending(0, 10)) == 2)
    finally:
        stop.set()
        thread.join()


def test_a_broker_killed_in_the_middle_loses_nothing_and_keeps_the_order(office, killable_rabbitmq, relay_to):
    broker = Broker(killable_rabbitmq.create_vhost())
    topology.declare(broker.url, [partner()])
    time.sleep(1.5)  # a quorum queue is on disk only then
    sent = [message(f"case/{n % 40}", sequence=n, body=b"%d" % n) for n in range(4000)]
    office.emit(*sent[:2000])

    with Running(relay_to(broker.url, partner())):
        until(lambda: "published" in office.states().values())
        office.emit(*sent[2000:])
        killable_rabbitmq.kill9()
        killable_rabbitmq.start()
        until(lambda: set(office.states().values()) == {"published"}, 90)

    got = list(dict.fromkeys(int(body) for _, _, body in broker.take("harbor", 3)))
    assert sorted(got) == list(range(4000))
    for owner in range(40):
        mine = [n for n in got if n % 40 == owner]
        assert mine == sorted(mine)


def test_a_broker_that_lost_all_it_knew_is_told_again(office, killable_rabbitmq, relay_to):
    broker = Broker(killable_rabbitmq.create_vhost())
    vhost = broker.url.rpartition("/")[2]
    office.emit(message())
    with Running(relay_to(broker.url, partner())):
        until(lambda: set(office.states().values()) == {"published"})
        killable_rabbitmq.control("delete_vhost", vhost)
        killable_rabbitmq.control("add_vhost", vhost)
        killable_rabbitmq.control("set_permissions", "-p", vhost, servers.USER, ".*", ".*", ".*")
        after = message(sequence=2)
        office.emit(after)
        until(lambda: office.states()[after.id] == "published")

    assert [properties.message_id for properties, _, _ in broker.take("harbor")] == [after.id]


def test_a_body_of_many_frames_arrives_whole_and_so_does_the_next(office, broker, relay_to):
    long, short = bytes(range(256)) * 2000, b"{}"
    office.emit(message(body=long), message(sequence=2, body=short))

    relay_to(broker.url, partner()).run_once()

    assert [body for _, _, body in broker.take("harbor")] == [long, short]
