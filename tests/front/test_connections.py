"""However many connections say nothing, who has something to say gets in."""

import contextlib
import socket

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.front.connections import to_close
from tests.front.conftest import SECONDS, answer, head

CAPACITY = 40
HONEST = head("GET", "/health/ready")


def connected(served, stack, address):
    sender = stack.enter_context(
        socket.create_connection(("127.0.0.1", served.port), SECONDS, source_address=(address, 0))
    )
    sender.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return sender


@pytest.mark.parametrize(
    ("said", "addresses"),
    [(b"", 1), (b"", 5), (b"GET / HT", 1), (HONEST[:-2], 1), (HONEST, 5)],
    ids=["nothing", "nothing, from several", "a word", "half a head", "one request, then nothing"],
)
def test_who_comes_is_answered_while_silent_connections_take_all_room(hasty, said, addresses):
    with contextlib.ExitStack() as stack:
        for number in range(3 * CAPACITY):
            silent = connected(hasty, stack, f"127.0.0.{100 + number % addresses}")
            with contextlib.suppress(OSError):  # it was closed for those that came after it
                silent.sendall(said)
        honest = connected(hasty, stack, "127.0.0.2")
        for _ in range(2):
            honest.sendall(HONEST)
            assert answer(honest)[0] == 200


def peers(host, count):
    return {(host, port): port for port in range(1, count + 1)}


def test_the_oldest_of_who_has_most_goes_first_and_nobody_whose_request_is_answered():
    ages = {**peers("a", 6), **peers("b", 3), **peers("c", 1)}
    assert to_close(ages, (), 10) == []
    assert to_close(ages, (), 8) == [("a", 6), ("a", 5)]
    assert to_close(ages, {("a", 6)}, 8) == [("a", 5), ("a", 4)]
    closed = to_close(ages, (), 4)
    assert [sum(host == name for host, _ in closed) for name in "abc"] in ([4, 2, 0], [5, 1, 0])
    assert to_close(ages, set(ages), 1) == []


@given(
    st.dictionaries(st.tuples(st.sampled_from("abc"), st.integers(1, 30)), st.integers(0, 5), max_size=40),
    st.integers(0, 40),
    st.data(),
)
def test_as_many_are_closed_as_have_to_be_and_each_once(ages, most, data):
    working = data.draw(st.sets(st.sampled_from(sorted(ages)))) if ages else set()
    closing = to_close(ages, working, most)
    assert len(closing) == min(max(len(ages) - most, 0), len(ages) - len(working))
    assert len(set(closing)) == len(closing)
    assert not working & set(closing)
