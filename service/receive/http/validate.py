"""The door for `$validate`: whether a resource is valid, of any type that we have definitions of.

https://hl7.org/fhir/R4/resource-operation-validate.html
"""

from collections.abc import Collection, Iterator
from functools import partial
from typing import Any, Final

from flask import Blueprint, Response, g, request

from service.disclosing import disclose
from service.door import Door
from service.errors import Issue, Malformed, NotFound
from service.flows.authoring.validity import Told, validity
from service.flows.pull.disclose import Disclosure
from service.receive.http.fhir import fhir_body
from service.values.audit import of_resources
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
from service.wire.json import dump, reread
from service.wire.outcomes import outcome
from service.wire.parameters import parameters

_MODES: Final = ("create", "update", "profile")
_MODES_OF_ONE: Final = ("update", "profile", "delete")
_TAKEN: Final = ("resource", "mode", "profile")
_SILENT: Final = "Who sent a resource is told what is wrong with it, in paths that quote nothing."
_KEPT: Final[Told] = ("error", Issue("Nothing is deleted by FHIR here.", "mode", "not-supported"))


def door(disclosure: Disclosure) -> Door:
    """Return the door; nothing is stored, and of what is stored only what is named is looked at."""
    routes = Blueprint("validate", __name__, url_prefix="/fhir")

    @routes.post("/<type_>/$validate")
    def validate(type_: str) -> Response:
        _check_known(type_)
        arguments = _arguments()
        body = _sent(type_, arguments)
        if body is None:
            raise Malformed(f"The parameter `resource` holds one of type {type_}.", where="resource")
        _mode(arguments, _MODES)
        return _answer(_mistakes(body, arguments))

    @routes.route("/<type_>/<id_>/$validate", methods=["GET", "POST"])
    def validate_one(type_: str, id_: str) -> Response:
        _check_known(type_)
        arguments = _arguments()
        body = _sent(type_, arguments) if request.method == "POST" and request.get_data() else None
        mode = _mode(arguments, _MODES_OF_ONE)
        stored = disclosure.read(g.scope, type_, id_)
        disclose("operation", of_resources([stored]))
        if body is not None and body.get("id") != id_:
            raise Malformed("It has another id than the address.", where=f"{type_}.id")
        if mode == "delete":
            return _answer([_KEPT])
        return _answer(_mistakes(reread(stored.body) if body is None else body, arguments))

    return Door(routes, "resources", tuple(_operations()))


def _check_known(type_: str) -> None:
    if type_ not in checkable():
        raise NotFound("This service has no definitions of this type.")


def _arguments() -> dict[str, str]:
    return parameters(request.args.items(multi=True), ("mode", "profile", "_format"))


def _mode(arguments: dict[str, str], known: Collection[str]) -> str:
    mode = arguments.get("mode", "update")
    if mode not in known:
        raise Malformed(f"Known here are {', '.join(known)}.", where="mode")
    return mode


def _sent(type_: str, arguments: dict[str, str]) -> dict[str, Any] | None:
    """Return the resource that is sent, and add what Parameters say to the arguments; raises Malformed."""
    _, sent = fhir_body(type_, "Parameters")
    return sent if sent["resourceType"] == type_ else _named(sent, type_, arguments)


def _mistakes(body: dict[str, Any], arguments: dict[str, str]) -> list[Told]:
    return validity(body, [arguments["profile"]] if "profile" in arguments else [])


def _answer(told: list[Told]) -> Response:
    issues = [each for severity, issue in told for each in outcome([issue], severity)["issue"]]
    return Response(dump({"resourceType": "OperationOutcome", "issue": issues}), mimetype=FHIR)


def _named(sent: dict[str, Any], type_: str, arguments: dict[str, str]) -> dict[str, Any] | None:
    """Return the resource of Parameters, if any, and add what else they say to the arguments."""
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
    if "resource" in found and (not isinstance(body, dict) or body.get("resourceType") != type_):
        raise Malformed(f"The parameter `resource` holds one of type {type_}.", where="resource")
    return body


def _parts(sent: dict[str, Any]) -> list[dict[str, Any]]:
    parts = sent.get("parameter")
    if not isinstance(parts, list) or not all(isinstance(each, dict) for each in parts):
        raise Malformed("A list of parameters is wanted.", where="Parameters.parameter")
    return parts


def _operations() -> Iterator[Operation]:
    told = answer("What is wrong with it, or that nothing is.", FHIR, resource("OperationOutcome"))
    type_, profile = (
        place("type", "The resource type."),
        "The canonical of a profile that it is to meet, too.",
    )
    describe = partial(Operation, tag=FHIR_TAG, answers={200: told})
    yield describe(
        "post",
        "/fhir/{type}/$validate",
        "validate",
        summary="Ask whether a resource is valid, by R4 and by the profiles that it claims",
        parameters=(
            type_,
            query("mode", "What it is for; all is looked at either way.", enum=list(_MODES)),
            query("profile", profile),
            "Format",
        ),
        body={"required": True, "content": {FHIR: {"schema": resource()}}},
        faults=(404, 408, 413, 415, 422),
        silent=_SILENT,
    )
    one = (
        type_,
        place("id", "The logical id."),
        query("mode", "What is asked; nothing can be deleted.", enum=list(_MODES_OF_ONE)),
        query("profile", profile),
        "Format",
    )
    path = "/fhir/{type}/{id}/$validate"
    yield describe(
        "get",
        path,
        "validate-one",
        summary="Ask whether a resource as it is stored is valid",
        parameters=one,
        faults=(404, 410, 413),
    )
    yield describe(
        "post",
        path,
        "validate-one-by-parameters",
        summary="Ask whether a resource as it is stored, or what is sent in its place, is valid",
        parameters=one,
        body={"content": {FHIR: {"schema": resource()}}},
        faults=(404, 408, 410, 413, 415, 422),
    )
