"""What is said of the routes of subscriptions.

https://hl7.org/fhir/uv/subscriptions-backport/STU1.1/CapabilityStatement-backport-subscription-server-r4.html
"""

from collections.abc import Iterator
from functools import partial
from typing import Final

from service.disclose.openapi import LOOKS
from service.values.subscriptions import CONTENTS
from service.wire.contracts.published.openapi.operations import (
    FHIR,
    FHIR_TAG,
    Operation,
    answer,
    place,
    query,
    resource,
)

TYPE: Final = "Subscription"
SEARCHED: Final = {
    "_id": ("token", "Its id."),
    "criteria": ("string", "The canonical of its topic."),
    "status": ("token", "Its status."),
    "url": ("uri", "Its endpoint."),
}
"""The parameters of a search, with their kinds; each may have several values, with commas between."""
_WHICH: Final = place("id", "The subscription.")
_BODY: Final = {"required": True, "content": {FHIR: {"schema": resource(TYPE)}}}
_PARAMETERS: Final = {"content": {FHIR: {"schema": resource("Parameters")}}}


def operations() -> Iterator[Operation]:
    """Give the operations."""
    yield from _searches()
    yield from _interactions()
    yield from _statuses()
    yield from _events()


def _searches() -> Iterator[Operation]:
    matches = {200: answer("A searchset Bundle of all yours that match.", FHIR, resource("Bundle"))}
    describe = partial(Operation, tag=FHIR_TAG, answers=matches)
    fields = {name: {"type": "string"} for name in SEARCHED}
    form = {"application/x-www-form-urlencoded": {"schema": {"type": "object", "properties": fields}}}
    yield describe(
        "get",
        f"/fhir/{TYPE}",
        f"search-{TYPE}",
        summary="Search your subscriptions",
        parameters=(*(query(name, what) for name, (_, what) in SEARCHED.items()), *LOOKS),
        faults=(406,),
    )
    yield describe(
        "post",
        f"/fhir/{TYPE}/_search",
        f"search-{TYPE}-by-form",
        summary="Search your subscriptions by a form",
        parameters=LOOKS,
        body={"content": form},
        faults=(406, 408, 413, 415),
    )


def _interactions() -> Iterator[Operation]:
    describe = partial(Operation, tag=FHIR_TAG)
    version = ("ETag", "Last-Modified")
    kept = answer("As it is kept.", FHIR, resource(TYPE), version)
    path = f"/fhir/{TYPE}/{{id}}"
    yield describe(
        "post",
        f"/fhir/{TYPE}",
        "create-subscription",
        summary="Subscribe to a topic; its endpoint gets a handshake",
        parameters=LOOKS,
        body=_BODY,
        answers={201: answer("As it is kept.", FHIR, resource(TYPE), (*version, "Location"))},
        faults=(406, 408, 413, 415, 422),
    )
    yield describe(
        "get",
        path,
        "read-subscription",
        summary="Read a subscription of yours; the values of its headers are not shown",
        parameters=(_WHICH, *LOOKS),
        answers={200: kept},
        faults=(404, 406),
    )
    yield describe(
        "put",
        path,
        "update-subscription",
        summary="Replace a subscription of yours, or have one that is in error begin again: `requested`",
        parameters=(_WHICH, "If-Match", *LOOKS),
        body=_BODY,
        answers={200: kept},
        faults=(404, 406, 408, 412, 413, 415, 422),
    )
    yield describe(
        "delete",
        path,
        "delete-subscription",
        summary="Delete a subscription of yours, with its events",
        parameters=(_WHICH, *LOOKS),
        answers={204: {"description": "It is no longer there."}},
        faults=(404, 406),
        silent="It tells nothing.",
    )


def _statuses() -> Iterator[Operation]:
    listed = {200: answer("A searchset of Parameters, one for each.", FHIR, resource("Bundle"))}
    which = (query("id", "Of this one alone."), query("status", "Of those that stand so alone."))
    for path, name, places, faults in (
        (f"/fhir/{TYPE}/$status", "statuses-of-subscriptions", (), (406,)),
        (f"/fhir/{TYPE}/{{id}}/$status", "status-of-subscription", (_WHICH,), (404, 406)),
    ):
        describe = partial(Operation, tag=FHIR_TAG, summary="Ask how subscriptions of yours stand")
        parameters = (*places, *which, *LOOKS)
        yield describe("get", path, name, parameters=parameters, answers=listed, faults=faults)
        yield describe(
            "post",
            path,
            f"{name}-by-parameters",
            parameters=parameters,
            body=_PARAMETERS,
            answers=listed,
            faults=(*faults, 408, 413, 415),
        )


def _events() -> Iterator[Operation]:
    notification = {200: answer("A notification of the events, as one is sent.", FHIR, resource("Bundle"))}
    numbered = (
        query("eventsSinceNumber", "The number of the first event."),
        query("eventsUntilNumber", "The number of the last event."),
        query("content", "How much of what they are about.", enum=list(CONTENTS)),
    )
    describe = partial(Operation, tag=FHIR_TAG, summary="Ask for events of a subscription of yours once more")
    parameters, path = (_WHICH, *numbered, *LOOKS), f"/fhir/{TYPE}/{{id}}/$events"
    yield describe(
        "get", path, "events-of-subscription", parameters=parameters, answers=notification, faults=(404, 406)
    )
    yield describe(
        "post",
        path,
        "events-of-subscription-by-parameters",
        parameters=parameters,
        body=_PARAMETERS,
        answers=notification,
        faults=(404, 406, 408, 413, 415),
    )
