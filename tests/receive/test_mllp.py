"""HL7 v2 over MLLP: each message of a connection is answered, and what is no message harms nobody."""

import socket
import threading
import time

import pytest

from service.receive.mllp.conversation import MllpLimits
from service.receive.mllp.framing import frame_of
from tests.receive.conftest import connected, message


def test_a_message_is_answered(serve, desk):
    with connected(serve()) as client:
        client.send(message("1"))
        assert client.answer() == message("1").replace(b"ADT^A03^ADT_A03", b"ACK^A03^ACK")
    assert desk.got == [message("1")]
    assert desk.senders[0].address == "127.0.0.1"
    assert desk.senders[0].names == ()


def test_many_messages_are_answered_in_order_on_one_connection(serve, desk):
    with connected(serve()) as client:
        for number in range(50):
            client.send(message(str(number)))
            assert client.acknowledgement().header.control_id == str(number)
    assert len(desk.got) == 50


def test_two_messages_in_one_packet_are_both_answered(serve):
    with connected(serve()) as client:
        client.send(message("1"), message("2"))
        assert [client.acknowledgement().header.control_id for _ in range(2)] == ["1", "2"]


def test_pipelined_messages_are_worked_on_one_after_another(serve, desk):
    at_once: list[int] = []
    working = threading.Semaphore(1)

    def act(raw: bytes) -> bytes:
        at_once.append(working.acquire(blocking=False))
        time.sleep(0.002)
        working.release()
        return raw

    desk.act = act
    with connected(serve()) as client:
        client.send(*(message(str(number)) for number in range(20)))
        assert [client.acknowledgement().header.control_id for _ in range(20)] == [str(n) for n in range(20)]
    assert all(at_once)


def test_a_message_split_at_every_byte_is_whole(serve, desk):
    stream = frame_of(message("1"))
    running = serve()
    with connected(running) as client:
        client.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for at in range(len(stream)):
            client.socket.sendall(stream[at : at + 1])
        assert client.acknowledgement().header.control_id == "1"
        for at in range(1, len(stream)):
            client.socket.sendall(stream[:at])
            client.socket.sendall(stream[at:])
            assert client.acknowledgement().header.control_id == "1"
    assert set(desk.got) == {message("1")}


def test_a_sender_that_leaves_out_the_last_cr_is_answered(serve):
    running = serve()
    with connected(running) as client:
        client.socket.sendall(b"\x0b" + message("1") + b"\x1c")
        assert client.acknowledgement().header.control_id == "1"
    with connected(running) as client:
        client.socket.sendall(b"\x0b" + message("2") + b"\x1c")
        client.socket.shutdown(socket.SHUT_WR)
        assert client.acknowledgement().header.control_id == "2"


def test_a_separator_inside_a_value_ends_no_message_even_where_packets_part_at_it(serve, desk):
    raw = message("1", note="one\x1ctwo")
    head, tail = frame_of(raw).split(b"two")
    with connected(serve()) as client:
        client.socket.sendall(head)
        time.sleep(0.02)
        client.socket.sendall(b"two" + tail)
        assert client.acknowledgement().header.control_id == "1"
    assert desk.got == [raw]


def test_garbage_between_frames_is_ignored(serve):
    with connected(serve()) as client:
        client.socket.sendall(
            b"\r\nhello\r\n" + frame_of(message("1")) + b"\x00\xff" + frame_of(message("2"))
        )
        assert [client.acknowledgement().header.control_id for _ in range(2)] == ["1", "2"]


def test_endless_garbage_ends_the_connection(serve, desk):
    with connected(serve()) as client:
        client.push(b"GET / HTTP/1.1\r\n" * 1_000)
    assert desk.got == []


def test_a_frame_cut_off_by_its_sender_is_neither_stored_nor_answered(serve, desk):
    running = serve()
    with connected(running) as client:
        client.socket.sendall(frame_of(message("1"))[:-10])
    with connected(running) as client:
        client.socket.sendall(frame_of(message("2"))[:-10])
        client.socket.shutdown(socket.SHUT_WR)
        assert client.answer() is None
    with connected(running) as client:
        client.send(message("3"))
        assert client.acknowledgement().header.control_id == "3"
    assert desk.got == [message("3")]


def test_a_sender_that_closes_its_side_still_gets_its_answer(serve):
    with connected(serve()) as client:
        client.send(message("1"))
        client.socket.shutdown(socket.SHUT_WR)
        assert client.acknowledgement().header.control_id == "1"
        assert client.answer() is None


def test_an_oversized_message_is_answered_before_the_connection_is_closed(serve, desk):
    with connected(serve(MllpLimits(message_bytes=100_000))) as client:
        client.send(message("1", note="a" * 10_000_000))
        reply = client.acknowledgement()
        assert reply.first("MSA").value(1) == "AE"
        assert reply.first("MSA").value(2) == "1"
        assert reply.first("ERR").value(3) == "104"
        assert client.answer() is None
    assert desk.got == []


def test_an_oversized_frame_without_msh_is_closed(serve, desk):
    with connected(serve(MllpLimits(message_bytes=1_000))) as client:
        client.push(b"\x0b" + b"\xff" * 100_000)
    assert desk.got == []


@pytest.mark.parametrize(
    "body", [b"", b"hello", bytes(byte for byte in range(256) if byte not in (0x0B, 0x1C))]
)
def test_what_is_no_message_reaches_the_handler_all_the_same(serve, desk, body):
    desk.act = lambda _raw: b"MSH|^~\\&|ok\r"
    with connected(serve()) as client:
        client.send(body)
        assert client.answer() == b"MSH|^~\\&|ok\r"
    assert desk.got == [body]
