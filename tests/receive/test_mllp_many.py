"""Many senders over MLLP, slow ones and large messages: none keeps another waiting."""

import gc
import socket
import threading
import time
import tracemalloc
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise

from service.receive.mllp.conversation import LARGE, MllpLimits
from service.receive.mllp.framing import frame_of
from tests.receive.conftest import SECONDS, connected, message


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
