"""The door for `$validate`: whether a resource is valid, of any type that we have definitions of.

https://hl7.org/fhir/R4/resource-operation-validate.html
"""

from collections.abc import Iterator
from typing import Any, Final

from flask import Blueprint, Response, request

from service.door import Door
from service.errors import Issue, Malformed, NotFound
from service.flows.authoring.validity import validity
from service.receive.http.fhir import fhir_body
from service.wire.contracts.published.openapi.operations import (
    FHIR,
    FHIR_TAG,
    Operation,
    answer,
    place,
    query,
    resource,
)
from service.wire.fhir.check.check import checkable
from service.wire.json import dump
from service.wire.outcomes import outcome
from service.wire.parameters import parameters

_MODES: Final = ("create", "update", "profile")
_TAKEN: Final = ("resource", "mode", "profile")
_SILENT: Final = "Who sent a resource is told what is wrong with it, in paths that quote nothing."


def door() -> Door:
    """Return the door; nothing is stored, and nobody else's data is looked at."""
    routes = Blueprint("validate", __name__, url_prefix="/fhir")

    @routes.post("/<type_>/$validate")
    def validate(type_: str) -> Response:
        if type_ not in checkable():
            raise NotFound("This service has no definitions of this type.")
        arguments = parameters(request.args.items(multi=True), ("mode", "profile", "_format"))
        _, sent = fhir_body(type_, "Parameters")
        body = sent if sent["resourceType"] == type_ else _named(sent, type_, arguments)
        if arguments.get("mode", "create") not in _MODES:
            raise Malformed(f"Known here are {', '.join(_MODES)}.", where="mode")
        told = validity(body, [arguments["profile"]] if "profile" in arguments else [])
        issues = [each for severity, issue in told for each in outcome([issue], severity)["issue"]]
        return Response(dump({"resourceType": "OperationOutcome", "issue": issues}), mimetype=FHIR)

    return Door(routes, "resources", tuple(_operations()))


def _named(sent: dict[str, Any], type_: str, arguments: dict[str, str]) -> dict[str, Any]:
    """Return the resource of Parameters, and add what else they say to the arguments; raises Malformed."""
    found: dict[str, Any] = {}
    for number, each in enumerate(_parts(sent)):
        name, where = each.get("name"), f"Parameters.parameter[{number}]"
        values = {key: value for key, value in each.items() if key.startswith("value")}
        if name not in _TAKEN:
            what = f"Not a parameter that is taken here; known are {', '.join(_TAKEN)}."
            raise Malformed(what, issues=[Issue(what, f"{where}.name", "not-supported")])
        if name in found or name in arguments:
            raise Malformed("Given more than once; give it once.", where=f"{where}.name")
        if name == "resource":
            found[name] = each.get("resource")
        elif len(values) == 1 and isinstance(text := next(iter(values.values())), str):
            arguments[name] = text
        else:
            raise Malformed("Needs a valueCode or valueUri here.", where=where)
    body = found.get("resource")
    if not isinstance(body, dict) or body.get("resourceType") != type_:
        raise Malformed(f"The parameter `resource` holds one of type {type_}.", where="resource")
    return body


def _parts(sent: dict[str, Any]) -> list[dict[str, Any]]:
    parts = sent.get("parameter")
    if not isinstance(parts, list) or not all(isinstance(each, dict) for each in parts):
        raise Malformed("A list of parameters is wanted.", where="Parameters.parameter")
    return parts


def _operations() -> Iterator[Operation]:
    told = answer("What is wrong with it, or that nothing is.", FHIR, resource("OperationOutcome"))
    yield Operation(
        "post",
        "/fhir/{type}/$validate",
        "validate",
        tag=FHIR_TAG,
        summary="Ask whether a resource is valid, by R4 and by the profiles that it claims",
        parameters=(
            place("type", "The resource type."),
            query("mode", "What it is for; all is looked at either way.", enum=list(_MODES)),
            query("profile", "The canonical of a profile that it is to meet, too."),
            "Format",
        ),
        body={"required": True, "content": {FHIR: {"schema": resource()}}},
        answers={200: told},
        faults=(404, 408, 413, 415, 422),
        silent=_SILENT,
    )
