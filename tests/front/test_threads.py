"""Threads answer what is there: as many as it takes at once, up to a number, and none waits for ever."""

import asyncio
import threading

import pytest

from service.front.threads import ThreadPool, WsgiAnswer

PATIENCE = 60.0


def answering(act):
    """A WSGI application that answers with what is made of an environ."""

    def application(environ, start):
        start("200 OK", [("X-Made", "here")])
        return [act(environ)]

    return application


@pytest.mark.parametrize("threads", [2, 5])
def test_as_many_are_answered_at_once_as_there_are_threads(threads):
    together = threading.Barrier(threads, timeout=PATIENCE)

    def act(environ):
        together.wait()
        return environ["asked"]

    async def story():
        pool = ThreadPool(answering(act), threads)
        # one by one, as they come to a server; none is answered before all have begun
        asked = []
        for number in range(threads):
            asked.append(asyncio.create_task(pool.answer({"asked": b"%d" % number}, PATIENCE)))
            await asyncio.sleep(0.02)
        return await asyncio.gather(*asked)

    answers = asyncio.run(story())
    assert answers == [WsgiAnswer(200, [(b"x-made", b"here")], b"%d" % number) for number in range(threads)]


def test_what_nobody_comes_to_is_given_up_and_not_done_later():
    begun, go_on, done = threading.Event(), threading.Event(), []

    def act(environ):
        done.append(environ["asked"])
        begun.set()
        assert go_on.wait(PATIENCE)
        return environ["asked"]

    async def story():
        pool = ThreadPool(answering(act), 1)
        first = asyncio.create_task(pool.answer({"asked": b"first"}, PATIENCE))
        assert await asyncio.to_thread(begun.wait, PATIENCE)
        assert await pool.answer({"asked": b"second"}, 0.01) is None
        go_on.set()
        assert (await first).body == b"first"
        assert (await pool.answer({"asked": b"third"}, PATIENCE)).body == b"third"

    asyncio.run(story())
    assert done == [b"first", b"third"]


def test_a_thread_whose_application_failed_answers_the_next():
    def act(environ):
        return environ["asked"] or 1 / 0

    async def story():
        pool = ThreadPool(answering(act), 1)
        return [(await pool.answer({"asked": asked}, PATIENCE)).status for asked in (b"", b"whole")]

    assert asyncio.run(story()) == [500, 200]
