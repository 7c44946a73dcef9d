"""The door to subscriptions: a partner manages and finds its own, and asks how they stand.

https://hl7.org/fhir/R4/http.html · https://hl7.org/fhir/uv/subscriptions-backport/STU1.1/
"""

from collections.abc import Container, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlencode

from flask import Blueprint, Response, g, request
from werkzeug.http import http_date

from service.disclose.negotiate import FHIR, FORMAT, JSON, refuse_parameters, search_parameters, speaks_fhir
from service.disclose.subscriptions.openapi import SEARCHED, operations
from service.disclosing import disclose
from service.door import Door, json_body, limits
from service.errors import Malformed, Unsupported
from service.flows.subscriptions.managing import Subscriber, Subscriptions
from service.flows.subscriptions.recalling import Recalling, Span
from service.values.audit import Disclosed, Interaction, of_resources
from service.values.subscriptions import CONTENTS, Content, Subscription
from service.wire.etags import versions
from service.wire.fhir.exchange.parameters import TEXT, OperationInput, from_query, from_resource
from service.wire.fhir.subscriptions.notification import (
    notification,
    resource_of,
    searchset,
    status_of,
    statuses,
)
from service.wire.fhir.subscriptions.reading import content_of
from service.wire.json import dump
from service.wire.parameters import number, parameters, shown

_OF_STATUS: Final = dict.fromkeys(("id", "status"), TEXT)
_OF_EVENTS: Final = dict.fromkeys(("eventsSinceNumber", "eventsUntilNumber", "content"), TEXT)


def door(subscriptions: Subscriptions, recalling: Recalling, base: str) -> Door:
    """Return the door; FHIR stands below the address `base`."""
    routes = Blueprint("subscriptions", __name__, url_prefix="/fhir")
    speaks_fhir(routes)
    answers = _Answers(subscriptions, recalling, base)
    one = "/Subscription/<id_>"
    routes.add_url_rule("/Subscription", "create", answers.create, methods=["POST"])
    routes.add_url_rule("/Subscription", "search", answers.search)
    routes.add_url_rule("/Subscription/_search", "post-search", answers.search, methods=["POST"])
    routes.add_url_rule(one, "read", answers.read)
    routes.add_url_rule(one, "update", answers.update, methods=["PUT"])
    routes.add_url_rule(one, "delete", answers.delete, methods=["DELETE"])
    routes.add_url_rule("/Subscription/$status", "statuses", answers.statuses, methods=["GET", "POST"])
    routes.add_url_rule(f"{one}/$status", "status", answers.status, methods=["GET", "POST"])
    routes.add_url_rule(f"{one}/$events", "events", answers.events, methods=["GET", "POST"])
    return Door(routes, "resources", tuple(operations()))


@dataclass(frozen=True, slots=True)
class _Answers:
    subscriptions: Subscriptions
    recalling: Recalling
    base: str

    @property
    def url(self) -> str:
        return f"{self.base}/Subscription"

    def create(self) -> Response:
        parameters(request.args.items(multi=True), FORMAT)
        created = self.subscriptions.create(_subscriber(), _sent())
        answer = _resource("create", created)
        answer.status_code = 201
        answer.headers["Location"] = f"{self.url}/{created.id}"
        return answer

    def read(self, id_: str) -> Response:
        refuse_parameters()
        return _resource("read", self.subscriptions.find(g.partner, id_))

    def update(self, id_: str) -> Response:
        parameters(request.args.items(multi=True), FORMAT)
        sent = _sent()
        if sent.get("id") != id_:
            raise Malformed("The resource has the id that is in the address.", where="Subscription.id")
        return _resource("update", self.subscriptions.update(_subscriber(), id_, sent, _if_match()))

    def delete(self, id_: str) -> Response:
        refuse_parameters()
        self.subscriptions.delete(g.partner, id_)
        return Response(status=204)

    def search(self) -> Response:
        asked = search_parameters()
        matches = self.subscriptions.of_partner(g.partner)
        for name, text in asked:
            values = text.split(",")
            matches = [subscription for subscription in matches if _value(subscription, name) in values]
        disclose("search-type", _disclosed(matches), f"Subscription?{urlencode(asked)}")
        entries = [
            {
                "fullUrl": f"{self.url}/{subscription.id}",
                "resource": resource_of(subscription),
                "search": {"mode": "match"},
            }
            for subscription in matches
        ]
        self_url = f"{self.url}?{urlencode(asked)}" if asked else self.url
        return Response(dump(searchset(entries, self_url)), mimetype=FHIR)

    def statuses(self) -> Response:
        asked = _operation_input(_OF_STATUS)
        ids, wanted = asked.many("id"), asked.many("status")
        matches = [
            subscription
            for subscription in self.subscriptions.of_partner(g.partner)
            if (not ids or subscription.id in ids) and (not wanted or subscription.status in wanted)
        ]
        return self._statuses(matches, f"{self.url}/$status")

    def status(self, id_: str) -> Response:
        # that which subscriptions are meant is not heeded here is the operation's
        _operation_input(_OF_STATUS)
        return self._statuses([self.subscriptions.find(g.partner, id_)], f"{self.url}/{id_}/$status")

    def events(self, id_: str) -> Response:
        asked = _operation_input(_OF_EVENTS)
        subscription = self.subscriptions.find(g.partner, id_)
        span = Span(
            _number(asked, "eventsSinceNumber") or 0, _number(asked, "eventsUntilNumber"), limits().count
        )
        content = _content(asked, subscription)
        events, shown = self.recalling.recall(subscription, span, content, g.scope, g.grant)
        disclose("operation", of_resources(shown.values()), request.path)
        status = status_of(subscription, "query-event", self.base, content, events, shown)
        now = self.subscriptions.clock()
        body = notification(status, subscription, self.base, content, now, shown.values())
        return Response(body, mimetype=FHIR)

    def _statuses(self, subscriptions: list[Subscription], url: str) -> Response:
        disclose("operation", _disclosed(subscriptions), url.removeprefix(self.base))
        listed = [
            status_of(subscription, "query-status", self.base, "id-only") for subscription in subscriptions
        ]
        return Response(dump(statuses(listed, url)), mimetype=FHIR)


def _subscriber() -> Subscriber:
    return Subscriber(g.partner, g.grant, g.purposes)


def _sent() -> dict[str, Any]:
    """Return the Subscription that is sent."""
    if request.mimetype not in JSON:
        raise Unsupported(f"Send a Subscription as {FHIR}.", where="Content-Type")
    sent = json_body()
    if not isinstance(sent, dict) or sent.get("resourceType") != "Subscription":
        raise Malformed("The body is no Subscription; send one.", where="resourceType")
    return sent


def _operation_input(kinds: Mapping[str, str]) -> OperationInput:
    """Return what an operation is asked with: by the address, or as Parameters."""
    asked = [(name, text) for name, text in request.args.items(multi=True) if name not in FORMAT]
    if request.method == "GET" or not request.get_data():
        return from_query(asked, kinds)
    if request.mimetype not in JSON:
        raise Unsupported(f"Send the parameters as {FHIR}: a Parameters resource.", where="Content-Type")
    parameters(asked)
    return from_resource(json_body(), kinds)


def _number(asked: OperationInput, name: str) -> int | None:
    """Return the number of an event, if one is asked for; raises Malformed."""
    text = asked.one(name)
    return number({name: text}, name, 0, digits=18) if text is not None else None


def _content(asked: OperationInput, subscription: Subscription) -> Content:
    """Return how much is asked for, or what the subscription has it be; raises Malformed."""
    wanted = asked.one("content") or content_of(subscription.body)
    for content in CONTENTS:
        if wanted == content:
            return content
    raise Malformed(f"Known are {', '.join(CONTENTS)}.", where="content")


def _if_match() -> Container[int] | None:
    header = request.headers.get("If-Match")
    return versions(header, "If-Match") if header is not None else None


def _value(subscription: Subscription, name: str) -> str:
    """Return what a subscription is found by; raises Malformed, which names the parameter."""
    match name:
        case "_id":
            return subscription.id
        case "status":
            return subscription.status
        case "criteria":
            return str(subscription.body["criteria"])
        case "url":
            return str(subscription.body["channel"]["endpoint"])
        case _:
            what = f"Subscriptions are found by {', '.join(SEARCHED)}."
            raise Malformed(what, where=shown(name))


def _resource(interaction: Interaction, subscription: Subscription) -> Response:
    disclose(interaction, _disclosed([subscription]))
    headers = {"ETag": f'W/"{subscription.version}"', "Last-Modified": http_date(subscription.updated)}
    return Response(dump(resource_of(subscription)), headers=headers, mimetype=FHIR)


def _disclosed(subscriptions: Iterable[Subscription]) -> list[Disclosed]:
    return [
        Disclosed(None, f"Subscription/{subscription.id}/_history/{subscription.version}")
        for subscription in subscriptions
    ]
