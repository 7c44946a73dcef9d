"""There is room for a number of large bodies at a time, whoever sends them."""

import asyncio

import pytest

from service.errors import TooLarge, TooSlow, Unavailable
from service.front.bodies import Bodies, BodyLimits

LIMITS = BodyLimits(
    body_bytes=100, seconds=30, large_bytes=10, large_bodies=2, large_of_peer=1, room_seconds=30
)


def coming(*pieces):
    """ASGI's `receive` of a body that comes in these pieces."""
    left = list(pieces)

    async def receive():
        piece = left.pop(0)
        return {"type": "http.request", "body": piece, "more_body": bool(left)}

    return receive


async def hold(bodies, peer, size, until):
    """Take a body in and have it answered once an event is set; return it."""
    async with bodies.body(peer, size) as body:
        taken = await bodies.take(body, coming(b"x" * (size - 1), b"x"))
        await until.wait()
        return taken


async def settled():
    for _ in range(20):
        await asyncio.sleep(0)


def test_past_that_they_wait_for_one_to_be_answered():
    async def story():
        bodies, answered = Bodies(LIMITS), [asyncio.Event() for _ in range(4)]
        first = asyncio.create_task(hold(bodies, "a", 50, answered[0]))
        await settled()
        again = asyncio.create_task(hold(bodies, "a", 50, answered[1]))
        other = asyncio.create_task(hold(bodies, "b", 50, answered[2]))
        await settled()
        third = asyncio.create_task(hold(bodies, "c", 50, answered[3]))
        for event in answered[1:]:
            event.set()
        await settled()
        # the second of an address waits, and held nothing that the third needed
        assert [task.done() for task in (first, again, other, third)] == [False, False, True, True]
        answered[0].set()
        assert await again == await first == b"x" * 50
        assert await hold(bodies, "a", 10, answered[0]) == b"x" * 10

    asyncio.run(story())


def test_who_waits_too_long_is_told_to_come_later():
    async def story():
        bodies, never = Bodies(BodyLimits(large_bytes=10, large_bodies=1, room_seconds=0.01)), asyncio.Event()
        holding = asyncio.create_task(hold(bodies, "a", 50, never))
        await settled()
        with pytest.raises(Unavailable):
            await hold(bodies, "b", 50, never)
        assert await asyncio.wait_for(hold(bodies, "b", 10, _set()), 10) == b"x" * 10
        holding.cancel()
        await asyncio.wait([holding])
        assert await asyncio.wait_for(hold(bodies, "b", 50, _set()), 10) == b"x" * 50

    asyncio.run(story())


def _set():
    event = asyncio.Event()
    event.set()
    return event


def test_what_is_too_large_is_not_read_further_than_to_know_it():
    async def story(announced, *pieces):
        receive = coming(*pieces)
        async with Bodies(LIMITS).body("a", announced) as body:
            with pytest.raises(TooLarge):
                await Bodies(LIMITS).take(body, receive)
        return await receive()

    assert asyncio.run(story(101, b"first"))["body"] == b"first"
    assert asyncio.run(story(None, b"x" * 60, b"x" * 60, b"third"))["body"] == b"third"


@pytest.mark.parametrize("rate", [1, 1_000_000])
def test_time_is_given_for_what_has_come(rate):
    async def story():
        pieces = iter([b"x" * 60, b"x"])

        async def receive():
            piece = next(pieces)
            if len(piece) == 1:
                await asyncio.sleep(0.05)
            return {"type": "http.request", "body": piece, "more_body": len(piece) > 1}

        # what comes at once needs no time; the last byte has as long as the 60 before it give
        bodies = Bodies(BodyLimits(seconds=0, rate=rate))
        async with bodies.body("a", 61) as body:
            return await bodies.take(body, receive)

    if rate == 1:
        assert asyncio.run(story()) == b"x" * 61
    else:
        with pytest.raises(TooSlow):
            asyncio.run(story())
