"""The MLLP server answers every whole message, in order, and outlives every sender."""

import gc
import socket
import threading
import time
import tracemalloc
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise

import pytest

from service.errors import Denied, Issue, Malformed, Misconfigured, Unavailable
from service.receive.mllp.conversation import LARGE, FrameResult, MllpLimits
from service.receive.mllp.framing import frame_of
from service.receive.mllp.server import MllpServer
from tests.receive.conftest import SECONDS, connected, message


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


def test_a_sender_killed_before_its_answer_harms_nobody(serve, desk):
    running = serve()
    begun, go = threading.Event(), threading.Event()

    def act(raw: bytes) -> bytes:
        begun.set()
        assert go.wait(SECONDS)
        return raw

    desk.act = act
    with connected(running) as client:
        client.send(message("1"))
        assert begun.wait(SECONDS)
        client.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\0\0\0\0\0\0\0")
    go.set()
    with connected(running) as client:
        client.send(message("2"))
        assert client.acknowledgement().header.control_id == "2"
    assert running.emptied()
    assert sorted(desk.got) == [message("1"), message("2")]


def test_a_message_that_trickles_in_too_slowly_ends_the_connection(serve, desk):
    with connected(serve(MllpLimits(frame_seconds=0.3))) as client:
        client.push(*(bytes([byte]) for byte in frame_of(message("1"))), pause=0.05)
    assert desk.got == []


def test_a_connection_without_messages_is_closed(serve):
    with connected(serve(MllpLimits(idle_seconds=0.3))) as client:
        assert client.answer() is None


def test_blanks_do_not_keep_a_connection_open(serve):
    with connected(serve(MllpLimits(idle_seconds=0.3))) as client:
        client.push(b"\r\n", pause=0.05)


def test_a_connection_that_keeps_sending_stays_open(serve):
    with connected(serve(MllpLimits(idle_seconds=0.5, frame_seconds=0.5))) as client:
        for number in range(8):
            time.sleep(0.15)
            client.send(message(str(number)))
            assert client.acknowledgement().header.control_id == str(number)


def test_slow_senders_do_not_keep_others_waiting(serve):
    running = serve(MllpLimits(workers=2))
    slow = [socket.create_connection(("127.0.0.1", running.server.port)) for _ in range(40)]
    try:
        for slow_client in slow:
            slow_client.sendall(b"\x0bMSH|^~")
        with connected(running) as client:
            client.send(message("1"))
            assert client.acknowledgement().header.control_id == "1"
    finally:
        for slow_client in slow:
            slow_client.close()


def test_a_sender_that_never_reads_its_answers_is_cut_off(serve, desk):
    begun = threading.Event()

    def act(_raw: bytes) -> bytes:
        begun.set()
        return b"MSH|" + b"a" * 4_000_000

    desk.act = act
    running = serve(MllpLimits(write_seconds=0.3))
    with connected(running) as client:
        client.send(*(message(str(number)) for number in range(5)))
        assert begun.wait(SECONDS)
        assert running.emptied()
    assert len(desk.got) < 5


def test_64_senders_are_served_at_once(serve, desk):
    running = serve()

    def send(number: int) -> list[str]:
        with connected(running) as client:
            control_ids = []
            for turn in range(20):
                client.send(message(f"{number}-{turn}"))
                control_ids.append(client.acknowledgement().header.control_id)
            return control_ids

    with ThreadPoolExecutor(64) as pool:
        answers = list(pool.map(send, range(64)))
    assert answers == [[f"{number}-{turn}" for turn in range(20)] for number in range(64)]
    assert len(set(desk.got)) == 64 * 20


def test_no_more_messages_are_worked_on_at_once_than_there_are_workers(serve, desk):
    lock, now, most = threading.Lock(), [0], [0]
    three = threading.Barrier(3)

    def act(raw: bytes) -> bytes:
        with lock:
            now[0] += 1
            most[0] = max(most[0], now[0])
        three.wait(SECONDS)
        time.sleep(0.02)
        with lock:
            now[0] -= 1
        return raw

    desk.act = act
    running = serve(MllpLimits(workers=3))

    def send(number: int) -> None:
        with connected(running) as client:
            client.send(message(str(number)))
            client.acknowledgement()

    with ThreadPoolExecutor(24) as pool:
        list(pool.map(send, range(24)))
    assert most == [3]


def test_few_large_messages_are_held_at_a_time_and_small_ones_pass(serve, desk):
    large = frame_of(message("large", note="a" * 3 * LARGE))
    running = serve(MllpLimits(large_messages=1))
    with connected(running) as first, connected(running) as second, connected(running) as small:
        first.socket.sendall(large[: 2 * LARGE])
        until = time.monotonic() + SECONDS
        while not running.server._room.locked() and time.monotonic() < until:
            time.sleep(0.01)
        second_sent = threading.Thread(target=second.socket.sendall, args=(large,))
        second_sent.start()
        small.send(message("small"))
        assert small.acknowledgement().header.control_id == "small"
        assert len(desk.got) == 1
        first.socket.sendall(large[2 * LARGE :])
        assert first.acknowledgement().header.control_id == "large"
        assert second.acknowledgement().header.control_id == "large"
        second_sent.join()
    assert running.emptied()
    assert not running.server._room.locked()


def test_a_large_message_that_is_cut_off_leaves_room_for_others(serve, desk):
    large = frame_of(message("large", note="a" * 2 * LARGE))
    running = serve(MllpLimits(large_messages=1))
    for _ in range(3):
        with connected(running) as client:
            client.socket.sendall(large[:-10])
    with connected(running) as client:
        client.socket.sendall(large)
        assert client.acknowledgement().header.control_id == "large"
    assert len(desk.got) == 1


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


def test_memory_does_not_grow_with_what_was_sent(serve, desk):
    running = serve(MllpLimits(message_bytes=1_000_000))

    def storm() -> None:
        for number in range(20):
            with connected(running) as client:
                client.send(message(str(number), note="a" * 200_000))
                client.acknowledgement()
            with connected(running) as client:
                client.send(message("big", note="a" * 3_000_000))
                client.acknowledgement()
            with connected(running) as client:
                client.socket.sendall(b"\x0b" + b"a" * 500_000)
        desk.got.clear()
        desk.senders.clear()
        assert running.emptied()
        gc.collect()

    storm()
    held = []
    tracemalloc.start()
    try:
        for _ in range(4):
            storm()
            held.append(tracemalloc.get_traced_memory()[0])
    finally:
        tracemalloc.stop()
    # what leaks leaks each time; once is a cache or a buffer
    assert min(after - before for before, after in pairwise(held)) < 20_000
