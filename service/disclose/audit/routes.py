"""The door to the audit, for those who may read it: AuditEvents, found and read.

https://hl7.org/fhir/R4/auditevent.html
"""

import re
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import Final
from urllib.parse import urlencode

from flask import Blueprint, Response

from service.disclose.audit.query import PARAMETERS, audit_query
from service.disclose.negotiate import FHIR, search_parameters, speaks_fhir, with_content_language
from service.disclose.openapi import LOOKS, searches
from service.disclose.query.results import CURSOR
from service.disclosing import disclose
from service.door import Door, limits
from service.errors import Malformed
from service.flows.audit.events import Audit, Event
from service.flows.pull.localise import STORED
from service.values.audit import AuditQuery, Disclosed
from service.wire.contracts.published.openapi.operations import (
    FHIR_TAG,
    Operation,
    answer,
    place,
    query,
    resource,
)
from service.wire.json import dump

TYPE: Final = "AuditEvent"
_PLACE: Final = re.compile(r"([0-9]{1,18})-([0-9]{1,9})")
"""The row of an entry, and which of its events it is."""


def audit(story: Audit, base: str) -> Door:
    """Return the door; FHIR stands below the address `base`."""
    routes = Blueprint("audit", __name__, url_prefix="/fhir")
    speaks_fhir(routes)

    @routes.get(f"/{TYPE}", endpoint="search")
    @routes.post(f"/{TYPE}/_search", endpoint="post-search")
    def search() -> Response:
        parameters = search_parameters()
        asked = [parameter for parameter in parameters if parameter[0] != CURSOR]
        question, patient = audit_query(asked, base, limits().count)
        events, following = story.search(_from(question, parameters), patient)
        disclose("search-type", map(_disclosed_by, events), f"{TYPE}?{urlencode(parameters)}")
        link = partial(_link, f"{base}/{TYPE}")
        links = [link("self", parameters)]
        links += [link("next", [*asked, (CURSOR, "{}-{}".format(*following))])] if following else []
        entries = [
            {"fullUrl": f"{base}/{TYPE}/{event['id']}", "resource": event, "search": {"mode": "match"}}
            for _, event in events
        ]
        bundle = {"resourceType": "Bundle", "type": "searchset", "link": links}
        body = dump(bundle | ({"entry": entries} if entries else {}))
        return with_content_language(Response(body, mimetype=FHIR), STORED)

    @routes.get(f"/{TYPE}/<id_>")
    def read(id_: str) -> Response:
        event = story.read(id_)
        disclose("read", [_disclosed_by(event)])
        return Response(dump(event[1]), mimetype=FHIR)

    described = [query(name, what) for name, what in PARAMETERS.items()]
    return Door(routes, "audit", (*searches(TYPE, described, PARAMETERS), _read()))


def _disclosed_by(event: Event) -> Disclosed:
    client, resource_ = event
    return Disclosed(client, f"{TYPE}/{resource_['id']}")


def _from(question: AuditQuery, parameters: Sequence[tuple[str, str]]) -> AuditQuery:
    """Return a question that begins with the event that a next link names."""
    for name, text in parameters:
        if name == CURSOR:
            place = _PLACE.fullmatch(text)
            if place is None:
                raise Malformed("The link is not one of ours; search again.", where=CURSOR)
            question = replace(question, below=int(place[1]) + 1, first=int(place[2]))
    return question


def _link(path: str, relation: str, parameters: Sequence[tuple[str, str]]) -> dict[str, str]:
    return {"relation": relation, "url": f"{path}?{urlencode(parameters)}" if parameters else path}


def _read() -> Operation:
    return Operation(
        "get",
        f"/fhir/{TYPE}/{{id}}",
        f"read-{TYPE}",
        tag=FHIR_TAG,
        summary=f"Read an {TYPE}",
        parameters=(place("id", "The logical id."), *LOOKS),
        answers={200: answer(f"The {TYPE}.", FHIR, resource(TYPE))},
        faults=(404, 406),
    )
