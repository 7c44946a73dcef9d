"""The door for what comes back: a CareTeam, CarePlan or EpisodeOfCare that a permitted partner puts.

https://hl7.org/fhir/R4/http.html#update
"""

from typing import Final

from flask import Blueprint, Response, g

from service.errors import Denied, Malformed
from service.flows.case.back import Back
from service.receive.discharge.messages import FHIR_JSON
from service.receive.http.cases import if_match
from service.receive.http.fhir import fhir_body
from service.values.scope import RETURNED

FORBIDDEN: Final = "This partner may not put this type; its `writes` in the partner registry would say so."


def blueprint(back: Back) -> Blueprint:
    """Return the routes; without the type among its `writes` no partner may use one."""
    door = Blueprint("back", __name__, url_prefix="/fhir")
    for type_ in RETURNED:
        _route(door, back, type_)
    return door


def _route(door: Blueprint, back: Back, type_: str) -> None:
    def put(id_: str) -> Response:
        if type_ not in g.partner.writes:
            raise Denied(FORBIDDEN)
        _, sent = fhir_body(type_)
        if sent.get("id") != id_:
            raise Malformed("The resource has the id that is in the address.", where=f"{type_}.id")
        stored = back.put(g.scope, g.partner.name, sent, if_match())
        answer = Response(stored.body, mimetype=FHIR_JSON)
        answer.headers["ETag"] = f'W/"{stored.version}"'
        answer.last_modified = stored.last_updated
        return answer

    door.add_url_rule(f"/{type_}/<id_>", f"put-{type_}", put, methods=["PUT"])
