"""The door to member matches: who of those that the asker may see somebody is.

https://hl7.org/fhir/us/davinci-hrex/OperationDefinition-member-match.html
"""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from flask import Blueprint, Response, g, request

from service.disclose.matched import MatchedGroups
from service.disclose.members import openapi
from service.disclose.negotiate import FHIR, FORMAT, JSON, speaks_fhir
from service.disclosing import disclose
from service.door import Door, json_body
from service.errors import Unscoped, Unsupported
from service.flows.members.matching import Matching, check_consent
from service.values.audit import of_resources
from service.wire.fhir.exchange.member_match import answer_of, member_of
from service.wire.json import dump, parse
from service.wire.parameters import parameters

MATCH = "/fhir/Patient/$member-match"


def door(matching: Matching, groups: MatchedGroups, clock: Callable[[], datetime]) -> Door:
    """Return the door."""
    routes = Blueprint("members", __name__, url_prefix="/fhir")
    speaks_fhir(routes)

    @routes.post("/Patient/$member-match")
    def match() -> Response:
        check_searches("Coverage")
        sent = member_of(parameters_body())
        # who asks in vain is on record, too: somebody may be guessing numbers
        disclose("operation", (), MATCH)
        found = matching.match(g.scope, sent)
        # that the consent keeps who it is tells that it is somebody
        disclose("operation", of_resources([found]), MATCH)
        check_consent(sent, groups.asker(), clock().date().isoformat())
        return Response(dump(answer_of(parse(found.body), groups.base)), mimetype=FHIR)

    return Door(routes, "resources", openapi.operations())


def parameters_body() -> Any:
    """Return what is posted; what stands in the address is for the form of the answer alone."""
    parameters(request.args.items(multi=True), FORMAT)
    if request.mimetype not in JSON:
        raise Unsupported(f"Send the parameters as {FHIR}: a Parameters resource.", where="Content-Type")
    return json_body()


def check_searches(*types: str) -> None:
    """Refuse who may not search for types: by what these say somebody is found."""
    for type_ in types:
        if not g.grant.allows(type_, "s"):
            raise Unscoped(f"This partner was not granted system/{type_}.s.", f"system/{type_}.s")
