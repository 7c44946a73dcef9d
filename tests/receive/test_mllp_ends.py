"""What MLLP answers to a fault of ours, and how it ends."""

import socket
import threading

import pytest

from service.errors import Denied, Issue, Malformed, Misconfigured, Unavailable
from service.receive.mllp.conversation import FrameResult, MllpLimits
from service.receive.mllp.server import MllpServer
from tests.receive.conftest import SECONDS, connected, message


@pytest.mark.parametrize(
    ("error", "code", "condition"),
    [
        (Unavailable("The database does not answer now; send it again."), "AR", "207"),
        (Denied("Unknown partner.", where="MSH-3"), "AR", "207"),
        (Malformed("x", issues=[Issue("No such date.", "PV1-45", "value")]), "AE", "102"),
    ],
)
def test_an_error_of_ours_is_the_answer(serve, desk, error, code, condition):
    def act(_raw: bytes) -> bytes:
        raise error

    desk.act = act
    with connected(serve()) as client:
        client.send(message("1"))
        reply = client.acknowledgement()
    assert reply.first("MSA").value(1) == code
    assert reply.first("MSA").value(2) == "1"
    assert reply.first("ERR").value(3) == condition
    assert reply.first("ERR").value(8) == error.issues[0].what


def test_a_bug_of_ours_is_answered_without_its_cause_and_the_connection_lives(serve, desk):
    def act(raw: bytes) -> bytes:
        raise ValueError(raw.decode())

    desk.act = act
    with connected(serve()) as client:
        for number in ("1", "2"):
            client.send(message(number, note="Doe"))
            reply = client.acknowledgement()
            assert reply.first("MSA").value(1) == "AR"
            assert reply.first("ERR").value(3) == "207"
            assert "Doe" not in reply.text


def test_a_sender_that_wants_no_answer_gets_none(serve, desk):
    desk.act = lambda raw: None if b"quiet" in raw else raw
    with connected(serve()) as client:
        client.send(message("1", note="quiet"), message("2"))
        assert client.acknowledgement().header.control_id == "2"
    assert len(desk.got) == 2


def test_a_stop_lets_the_message_in_hand_be_answered(serve, desk):
    begun, go = threading.Event(), threading.Event()

    def act(raw: bytes) -> bytes:
        begun.set()
        assert go.wait(SECONDS)
        return raw

    desk.act = act
    running = serve()
    with connected(running) as client, connected(running) as idle, connected(running) as half:
        half.socket.sendall(b"\x0bMSH|")
        client.send(message("1"), message("2"))
        assert begun.wait(SECONDS)
        running.stop.set()
        assert idle.answer() is None
        assert half.answer() is None
        go.set()
        assert client.acknowledgement().header.control_id == "1"
        assert client.answer() is None
    running.end()
    assert desk.got == [message("1")]
    with pytest.raises(OSError):
        socket.create_connection(("127.0.0.1", running.server.port), 1).close()


def test_a_stop_waits_no_longer_than_it_is_told_to(serve, desk):
    begun, go = threading.Event(), threading.Event()

    def act(raw: bytes) -> bytes:
        begun.set()
        go.wait(SECONDS)
        return raw

    desk.act = act
    running = serve(MllpLimits(stop_seconds=0.2))
    with connected(running) as client:
        client.send(message("1"))
        assert begun.wait(SECONDS)
        running.end()
        assert client.answer() is None
        go.set()


def test_a_taken_port_is_told_with_the_remedy(serve):
    running = serve()
    taken = ("127.0.0.1", running.server.port)
    other = MllpServer(*taken, lambda _raw, _sender: FrameResult(), lambda _: frozenset())
    with pytest.raises(Misconfigured, match="choose another"):
        other.run(threading.Event())
