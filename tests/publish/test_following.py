"""The relay goes on with the queues that are registered by now."""

import threading

from service.publish.amqp import rabbit
from service.publish.following import LOOK_SECONDS, FollowingRelay
from service.publish.relay import Relay
from tests.publish.made import message, partner, unrecorded


def test_a_queue_gets_messages_while_its_partner_is_registered(office, broker):
    seconds, registry = [0.0], [partner()]
    relay = FollowingRelay(
        lambda: Relay(office.outbox, rabbit.Rabbit(broker.url, registry), registry, unrecorded),
        registry,
        clock=lambda: seconds[0],
    )

    def publish(*messages):
        office.emit(*messages)
        seconds[0] += LOOK_SECONDS
        while set(office.states().values()) != {"published"}:
            relay.turn()

    first, second, third = (message(f"case/{number}") for number in range(3))
    publish(first)
    registry.append(partner("clinic"))
    publish(second)
    del registry[0]
    publish(third)
    stop = threading.Event()
    stop.set()
    relay.run(stop)

    assert [properties.message_id for properties, _, _ in broker.drain("harbor")] == [first.id, second.id]
    assert [properties.message_id for properties, _, _ in broker.drain("clinic")] == [second.id, third.id]
