"""The door to the feed of messages, for those who follow the outbox without a broker."""

from typing import Final

from flask import Blueprint, Response, g, request

from service.disclosing import disclose
from service.door import Door, limits
from service.flows.pull.disclose import Disclosure
from service.wire.contracts.published.messages import ENVELOPE
from service.wire.contracts.published.openapi.operations import Operation, answer, query
from service.wire.parameters import COUNT, count, number, parameters

BATCH: Final = "application/cloudevents-batch+json"


def feed(disclosure: Disclosure) -> Door:
    """Return the feed of messages, in the order of their positions."""
    routes = Blueprint("events", __name__)

    @routes.get("/events")
    def events() -> Response:
        arguments = parameters(request.args.items(multi=True), ("after", COUNT))
        after = number(arguments, "after", 0, digits=18)
        events_page = disclosure.events(g.scope, after, count(arguments, 100, min(1000, limits().count)))
        last = events_page[-1].position if events_page else after
        disclose("search-type", (), f"events?after={after}&last={last}")
        body = b"[" + b",".join(event.body for event in events_page) + b"]"
        response = Response(body, mimetype=BATCH)
        response.headers["Casebridge-Position"] = str(last)
        return response

    return Door(routes, "events", (_operation(),))


def _operation() -> Operation:
    batch = {"type": "array", "items": {"$ref": f"./messages/{ENVELOPE}"}}
    messages = answer("Messages in the order of their positions.", BATCH, batch, ("Casebridge-Position",))
    whole = {"type": "integer", "minimum": 0}
    after = query("after", "The last position you have seen.", **whole, default=0)
    most = query("_count", "How many messages at most.", **whole, default=100, maximum=1000)
    return Operation(
        "get",
        "/events",
        "feed",
        tag="Messages",
        summary="Follow the messages without a broker",
        parameters=(after, most),
        answers={200: messages},
    )
