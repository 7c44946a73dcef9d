"""The door to the feed of messages, for those who follow the outbox without a broker."""

from collections.abc import Iterator
from contextlib import contextmanager
from threading import BoundedSemaphore
from typing import Final

from flask import Blueprint, Response, g, request

from service.disclosing import disclose
from service.door import Door, limits
from service.flows.pull.disclose import Disclosure
from service.wire.contracts.published.messages import ENVELOPE
from service.wire.contracts.published.openapi.operations import Operation, answer, query
from service.wire.parameters import COUNT, count, number, parameters

LONGEST: Final = 30
WAITERS: Final = 4
"""So many requests of a process wait at a time, each in a thread that others are answered in, too."""
BATCH: Final = "application/cloudevents-batch+json"


def feed(disclosure: Disclosure) -> Door:
    """Return the feed of messages, in the order of their positions."""
    routes = Blueprint("events", __name__)
    waiters = BoundedSemaphore(WAITERS)

    @routes.get("/events")
    def events() -> Response:
        arguments = parameters(request.args.items(multi=True), ("after", COUNT, "wait"))
        seconds = number(arguments, "wait", 0, digits=4)
        begins = disclosure.feed_begins() if "after" not in arguments else 0
        after = number(arguments, "after", begins, digits=18)
        most = count(arguments, 100, min(1000, limits().count))
        with _waiting(waiters, seconds) as allowed:
            events_page = disclosure.events(g.scope, after, most, allowed)
        last = events_page[-1].position if events_page else after
        disclose("search-type", (), f"events?after={after}&last={last}")
        body = b"[" + b",".join(event.body for event in events_page) + b"]"
        response = Response(body, mimetype=BATCH)
        response.headers["Casebridge-Position"] = str(last)
        return response

    return Door(routes, "events", (_operation(),))


@contextmanager
def _waiting(waiters: BoundedSemaphore, seconds: int) -> Iterator[int]:
    """Give how long a request may wait; not at all where it does not want to, or others take the places."""
    if not seconds or not waiters.acquire(blocking=False):
        yield 0
        return
    try:
        yield min(seconds, LONGEST)
    finally:
        waiters.release()


def _operation() -> Operation:
    batch = {"type": "array", "items": {"$ref": f"./messages/{ENVELOPE}"}}
    messages = answer("Messages in the order of their positions.", BATCH, batch, ("Casebridge-Position",))
    whole = {"type": "integer", "minimum": 0}
    after = query("after", "The last position you have seen; without it, all that is kept.", **whole)
    most = query("_count", "How many messages at most.", **whole, default=100, maximum=1000)
    told = f"For how many seconds to wait where there is none yet, {LONGEST} at most; it may answer before."
    wait = query("wait", told, **whole, default=0)
    return Operation(
        "get",
        "/events",
        "feed",
        tag="Messages",
        summary="Follow the messages without a broker",
        parameters=(after, most, wait),
        answers={200: messages},
        faults=(410,),
    )
