"""The door for what partners' servers tell of topics that we follow; it has a guard of its own.

https://hl7.org/fhir/uv/subscriptions-backport/STU1.1/channels.html#rest-hook
"""

from hashlib import sha256

from flask import Blueprint, Response, request

from service.door import PUBLIC, Door
from service.errors import Unauthenticated
from service.flows.topics.notified import TopicNotices
from service.receive.http.fhir import fhir_body
from service.receive.http.fhir_openapi import TAG
from service.wire.contracts.published.openapi.operations import Operation, place, resource

PATH = "/notifications"


def door(notices: TopicNotices) -> Door:
    """Return the door that takes notices in."""
    routes = Blueprint("notifications", __name__, url_prefix=PATH)

    @routes.post("/<id_>")
    def notify(id_: str) -> Response:
        scheme, _, secret = request.headers.get("Authorization", "").partition(" ")
        if scheme.lower() != "bearer":
            raise Unauthenticated("Show the token that the Subscription has in its header.")
        partner, mine = notices.admit(id_, sha256(secret.strip().encode()).hexdigest())
        raw, sent = fhir_body("Bundle")
        notices.receive(partner, mine, raw, sent)
        return Response(status=200)

    operation = Operation(
        "post",
        f"{PATH}/{{id_}}",
        "notify",
        TAG,
        summary="Tell of a topic that we subscribed to, with the token of the Subscription's header",
        parameters=(place("id_", "What the Subscription has in its endpoint."),),
        body={"required": True, "content": {"application/fhir+json": {"schema": resource("Bundle")}}},
        answers={200: {"description": "It is kept."}},
        faults=(400, 401, 404, 413, 415, 422, 503),
        silent="What is told comes from the partner; nothing is answered.",
    )
    return Door(routes, PUBLIC, (operation,))
