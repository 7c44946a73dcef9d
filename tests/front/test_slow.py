"""Senders that take their time keep nobody else from being answered, and do not get it."""

import contextlib
import select

import pytest

from tests.front.conftest import answer, framed, head, said
from tests.web.sent import ER7, a03

SLOW = 60
MESSAGE = a03("SLOW", visit="V-slow")
TYPE = f"Content-Type: {ER7}"


def begun(framing):
    """The head of a message and the first of its body."""
    announced, first = framed(framing, MESSAGE, 9)
    return head("POST", "/hl7v2", TYPE, announced) + first


def test_everybody_is_answered_while_bodies_do_not_come(served):
    with contextlib.ExitStack() as stack:
        for number in range(SLOW):
            sender = stack.enter_context(served.connect())
            sender.sendall(
                (begun("length"), begun("chunks"), b"GET /fhir/metadata HTTP/1.1\r\nHo")[number % 3]
            )
        for path in ("/health/live", "/health/ready", "/fhir/metadata", "/metrics", "/fhir/CarePlan"):
            assert served.get(path).status_code == 200
        asker = stack.enter_context(served.connect())
        asker.sendall(head("POST", "/hl7v2", TYPE, f"Content-Length: {len(MESSAGE)}") + MESSAGE)
        assert answer(asker)[0] == 200


@pytest.mark.parametrize("framing", ["length", "chunks"])
@pytest.mark.parametrize("trickles", [False, True], ids=["stops", "trickles"])
def test_a_body_that_does_not_come_in_time_is_refused_and_nothing_is_kept(hasty, framing, trickles):
    before = hasty.kept()
    with hasty.connect() as sender:
        sender.sendall(begun(framing))
        while not select.select([sender], [], [], 0.05)[0]:
            if trickles:
                sender.sendall(b"|" if framing == "length" else b"1\r\n|\r\n")
        status, body = answer(sender)
    assert (status, said(body)) == (408, "The body did not come in time; send it again, at once.")
    assert hasty.kept() == before
