"""What we write by hand is what pika writes."""

from dataclasses import replace

import pika
import pytest

from service.publish.frames import CONTENT_TYPE, Frames
from service.publish.ports import Copy, Misfit

LARGEST = 131072


def by_pika(channel, copy):
    """The frames as pika makes them of a publish."""
    method = pika.spec.Basic.Publish(
        exchange=copy.exchange, routing_key=copy.routing_key, mandatory=copy.mandatory
    )
    properties = pika.BasicProperties(content_type=CONTENT_TYPE, delivery_mode=2, message_id=copy.id)
    piece = LARGEST - 8
    pieces = [copy.body[at : at + piece] for at in range(0, len(copy.body), piece)]
    frames = [pika.frame.Method(channel, method), pika.frame.Header(channel, len(copy.body), properties)]
    frames += [pika.frame.Body(channel, each) for each in pieces]
    return b"".join(each.marshal() for each in frames)


@pytest.mark.parametrize("size", [0, 1, 700, LARGEST - 8, LARGEST - 7, 3 * LARGEST])
@pytest.mark.parametrize("key", ["careplan.updated", "", "ключ.новый"])
def test_frames_are_those_of_pika(size, key):
    copy = Copy("casebridge.events", key, "5f0c1c5e-6d0b-4f86-9d0c-6a3c6e2f1f11", bytes(range(256)) * size)
    copy = Copy(copy.exchange, copy.routing_key, copy.id, copy.body[:size])
    other = replace(copy, exchange="casebridge.to.harbor", mandatory=False)
    frames = Frames(7, LARGEST)
    for each in (copy, other, copy, replace(copy, body=b"else"), replace(copy, id="another")):
        assert frames.of(each) == by_pika(7, each)


@pytest.mark.parametrize(("key", "id_"), [("x" * 256, "1"), ("x", "1" * 256), ("ж" * 128, "1")])
def test_a_name_that_does_not_fit_is_told(key, id_):
    with pytest.raises(Misfit, match="255"):
        Frames(1, LARGEST).of(Copy("casebridge.events", key, id_, b""))
