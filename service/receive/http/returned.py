"""The door for what comes back: a CareTeam, CarePlan or EpisodeOfCare that a permitted partner puts.

https://hl7.org/fhir/R4/http.html#update
"""

from collections.abc import Iterator
from typing import Final

from flask import Blueprint, Response, g

from service.disclosing import disclose
from service.door import Door
from service.errors import Denied, Malformed
from service.flows.case.back import Back
from service.receive.discharge.messages import FHIR_JSON
from service.receive.http.cases import if_match
from service.receive.http.fhir import fhir_body
from service.receive.http.preferring import as_preferred
from service.values.access.scope import RETURNED
from service.values.audit import of_resources
from service.wire.contracts.published.openapi.operations import (
    FHIR,
    FHIR_TAG,
    Operation,
    answer,
    place,
    resource,
)

FORBIDDEN: Final = "This partner may not put this type; its `writes` in the partner registry would say so."
_COMES: Final = {
    "CareTeam": "its participants",
    "CarePlan": "the progress of its activities",
    "EpisodeOfCare": "its careManager",
}
"""What of a type that is put is taken."""


def door(back: Back) -> Door:
    """Return the door; without the type among its `writes` no partner may put one."""
    routes = Blueprint("back", __name__, url_prefix="/fhir")
    for type_ in RETURNED:
        _route(routes, back, type_)
    return Door(routes, "resources", tuple(_operations()))


def _route(routes: Blueprint, back: Back, type_: str) -> None:
    def put(id_: str) -> Response:
        if type_ not in g.partner.writes:
            raise Denied(FORBIDDEN)
        _, sent = fhir_body(type_)
        if sent.get("id") != id_:
            raise Malformed("The resource has the id that is in the address.", where=f"{type_}.id")
        stored = back.put(g.scope, g.partner.name, sent, if_match())
        disclose("update", of_resources([stored]))
        response = Response(stored.body, mimetype=FHIR_JSON)
        response.headers["ETag"] = f'W/"{stored.version}"'
        response.last_modified = stored.last_updated
        return as_preferred(response)

    routes.add_url_rule(f"/{type_}/<id_>", f"put-{type_}", put, methods=["PUT"])


def _operations() -> Iterator[Operation]:
    for type_ in RETURNED:
        body = {"oneOf": [resource(type_), resource("OperationOutcome")]}
        stored = answer("As it is now, or what `Prefer` asks for.", FHIR, body, ("ETag", "Last-Modified"))
        yield Operation(
            "put",
            f"/fhir/{type_}/{{id}}",
            f"put-{type_}",
            tag=FHIR_TAG,
            summary=f"Put a {type_} that you read, with {_COMES[type_]} changed; `writes` permits it",
            parameters=(place("id", "The logical id."), "If-Match", "Return"),
            body={"required": True, "content": {FHIR: {"schema": resource(type_)}}},
            answers={200: stored},
            faults=(404, 408, 412, 413, 415, 422, 428),
        )
