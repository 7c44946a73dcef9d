"""What we write by hand is what pika writes, what we read is what pika reads."""

import pika
import pytest

from service.publish.amqp.frames import CONTENT_TYPE, Frames, acks
from service.publish.ports import Copy, Misfit

LARGEST = 131072


def by_pika(channel, copy):
    """The frames as pika makes them of a publish."""
    method = pika.spec.Basic.Publish(
        exchange=copy.exchange, routing_key=copy.routing_key, mandatory=copy.mandatory
    )
    before = None if copy.previous is None else {"casebridge-previous": f"{copy.previous:020d}"}
    properties = pika.BasicProperties(CONTENT_TYPE, headers=before, delivery_mode=2, message_id=copy.id)
    piece = LARGEST - 8
    pieces = [copy.body[at : at + piece] for at in range(0, len(copy.body), piece)]
    frames = [pika.frame.Method(channel, method), pika.frame.Header(channel, len(copy.body), properties)]
    frames += [pika.frame.Body(channel, piece) for piece in pieces]
    return b"".join(frame.marshal() for frame in frames)


@pytest.mark.parametrize("size", [0, 1, 700, LARGEST - 8, LARGEST - 7, 3 * LARGEST])
@pytest.mark.parametrize("key", ["careplan.updated", "", "ключ.новый"])
def test_frames_are_those_of_pika(size, key):
    copy = Copy("casebridge.events", key, "5f0c1c5e-6d0b-4f86-9d0c-6a3c6e2f1f11", bytes(range(256)) * size)
    copy = Copy(copy.exchange, copy.routing_key, copy.id, copy.body[:size])
    other = copy._replace(exchange="casebridge.to.harbor", mandatory=False)
    frames = Frames(7, LARGEST)
    behind = [copy._replace(previous=number) for number in (0, 7, 2**62)]
    for message in (copy, other, *behind, copy, copy._replace(body=b"else"), copy._replace(id="another")):
        assert frames.of(message) == by_pika(7, message)


@pytest.mark.parametrize(("key", "id_"), [("x" * 256, "1"), ("x", "1" * 256), ("ж" * 128, "1")])
def test_a_name_that_does_not_fit_is_told(key, id_):
    with pytest.raises(Misfit, match="255"):
        Frames(1, LARGEST).of(Copy("casebridge.events", key, id_, b""))


def ack(tag, *, multiple=False, channel=7):
    return pika.frame.Method(channel, pika.spec.Basic.Ack(tag, multiple)).marshal()


def others():
    """Frames that are no Basic.Ack of the channel, among them those that look most like one."""
    returned = pika.spec.Basic.Return(312, "NO_ROUTE", "casebridge.to.harbor", "careplan.updated")
    return {
        "nack": pika.frame.Method(7, pika.spec.Basic.Nack(3)).marshal(),
        "returned": pika.frame.Method(7, returned).marshal(),
        "header": pika.frame.Header(7, 13, pika.BasicProperties()).marshal(),
        "body": pika.frame.Body(7, ack(1)[7:-1]).marshal(),
        "heartbeat": pika.frame.Heartbeat().marshal(),
        "of another channel": ack(3, channel=8),
        "broken": ack(3)[:-1] + b"\0",
        "protocol": b"AMQP\x00\x00\x09\x01",
    }


def read_by_pika(data):
    """The tags that pika reads, and the bytes it leaves."""
    confirmed = []
    while True:
        size, frame = pika.frame.decode_frame(data)
        if not size:
            return confirmed, data
        confirmed.append((frame.method.delivery_tag, frame.method.multiple))
        data = data[size:]


@pytest.mark.parametrize("cut", range(22))
def test_confirms_are_those_that_pika_reads(cut):
    data = b"".join([ack(1), ack(5, multiple=True), ack(2**63 + 1), ack(6)])
    data = data[: len(data) - cut]
    assert acks(data, 7) == read_by_pika(data)


@pytest.mark.parametrize("other", others())
def test_what_is_no_confirm_is_left_and_so_is_what_comes_behind_it(other):
    rest = others()[other] + ack(2) + ack(3)
    assert acks(rest, 7) == ([], rest)
    assert acks(ack(1) + rest, 7) == ([(1, False)], rest)
