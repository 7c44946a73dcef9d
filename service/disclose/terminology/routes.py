"""The door for those who ask what our codes mean: CodeSystem, ValueSet, ConceptMap and their operations.

Definitions of our extensions, operations and search parameters are read and searched likewise.

https://hl7.org/fhir/R4/terminology-service.html
"""

from collections.abc import Callable, Mapping
from datetime import datetime
from functools import partial
from typing import Any, Final
from urllib.parse import urlencode

from flask import Blueprint, Response, g, request

from service.disclose.negotiate import (
    FHIR,
    FORMAT,
    JSON,
    is_unchanged,
    search_parameters,
    speaks_fhir,
    with_content_language,
)
from service.disclose.terminology import openapi
from service.disclose.terminology.openapi import OF_TYPES_ALONE, OPERATIONS, SEARCHED, TAKEN
from service.door import Door, json_body
from service.errors import Malformed, Unsupported
from service.flows.pull.terminology import Resource, Sought, Vocabulary, Window, required_value
from service.flows.pull.translation import Translator, answer
from service.wire.fhir.exchange.parameters import OperationInput, from_query, from_resource
from service.wire.json import dump
from service.wire.parameters import shown

_MOST: Final = 200


def terminology(vocabularies: Mapping[str, Vocabulary], base: str, clock: Callable[[], datetime]) -> Door:
    """Return the door; `vocabularies` holds that of each view."""
    routes = Blueprint("terminology", __name__, url_prefix="/fhir")
    speaks_fhir(routes)
    answers: dict[tuple[str, str], Callable[[Vocabulary, OperationInput, Resource | None], Response]] = {
        ("CodeSystem", "lookup"): _look_up,
        ("CodeSystem", "validate-code"): partial(_validate, "CodeSystem"),
        ("ConceptMap", "translate"): _translate,
        ("ValueSet", "expand"): partial(_expand, clock),
        ("ValueSet", "validate-code"): partial(_validate, "ValueSet"),
    }

    def read(type_: str, id_: str) -> Response:
        return _resource_response(vocabularies[g.scope.view].read(type_, id_))

    def search(type_: str) -> Response:
        return _search(vocabularies[g.scope.view], type_, base)

    def operate(type_: str, operation: str, id_: str | None = None) -> Response:
        words = vocabularies[g.scope.view]
        of_id = None if id_ is None else words.read(type_, id_)
        return answers[type_, operation](words, _operation_input(TAKEN[operation]), of_id)

    for type_ in OPERATIONS:
        searched = partial(search, type_)
        routes.add_url_rule(f"/{type_}", f"{type_}-search", searched)
        routes.add_url_rule(f"/{type_}/_search", f"{type_}-search", searched, methods=["POST"])
        routes.add_url_rule(f"/{type_}/<id_>", f"{type_}-read", partial(read, type_))
        for operation in OPERATIONS[type_]:
            asked, name = partial(operate, type_, operation), f"{type_}-{operation}"
            routes.add_url_rule(f"/{type_}/${operation}", name, asked, methods=["GET", "POST"])
            if operation not in OF_TYPES_ALONE:
                routes.add_url_rule(f"/{type_}/<id_>/${operation}", name, asked, methods=["GET", "POST"])
    return Door(routes, "resources", tuple(openapi.operations()))


def _operation_input(kinds: Mapping[str, str]) -> OperationInput:
    """Read what an operation is asked with, from the address or from a Parameters resource."""
    if request.method != "POST":
        pairs = [(name, text) for name, text in request.args.items(multi=True) if name not in FORMAT]
        return from_query(pairs, kinds)
    if request.mimetype not in JSON:
        raise Unsupported("Send a Parameters resource as application/fhir+json.")
    return from_resource(json_body(), kinds)


def _codings(asked: OperationInput, system: str | None = None) -> list[dict[str, Any]]:
    """The codings an operation is asked about: `code` with its system, `coding` or `codeableConcept`."""
    candidates = list(asked.many("coding"))
    candidates += [
        coding for concept in asked.many("codeableConcept") for coding in concept.get("coding", [])
    ]
    if (code := asked.one("code")) is not None:
        candidates.append({"system": asked.one("system") or system, "code": code})
    coded = [
        {key: value for key, value in coding.items() if value} for coding in candidates if coding.get("code")
    ]
    if not coded:
        required_value(None, "code")
    return coded


def _look_up(words: Vocabulary, asked: OperationInput, _: Resource | None) -> Response:
    coding, language = _codings(asked)[0], _language(words, asked)
    required_value(coding.get("system"), "system")
    parameters = words.look_up(coding, language, asked.many("property"), asked.one("version"))
    return with_content_language(_answer(parameters), language)


def _expand(
    clock: Callable[[], datetime], words: Vocabulary, asked: OperationInput, of_id: Resource | None
) -> Response:
    value_set = of_id or words.by_url("ValueSet", required_value(asked.one("url"), "url"))
    window = Window(
        asked.one("filter") or "",
        asked.one("offset") or 0,
        asked.one("count"),
        bool(asked.one("includeDesignations")),
    )
    language = _language(words, asked)
    return with_content_language(_answer(words.expand(value_set, window, language, clock())), language)


def _validate(type_: str, words: Vocabulary, asked: OperationInput, of_id: Resource | None) -> Response:
    resource = of_id or words.by_url(type_, required_value(asked.one("url"), "url"))
    system = resource["url"] if type_ == "CodeSystem" else resource["compose"]["include"][0]["system"]
    codings = _codings(asked, system if type_ == "CodeSystem" else None)
    for coding in codings:
        required_value(coding.get("system"), "system")
    language = _language(words, asked)
    return with_content_language(
        _answer(words.validate(system, codings, asked.one("display"), language)), language
    )


def _translate(words: Vocabulary, asked: OperationInput, of_id: Resource | None) -> Response:
    url, source = asked.one("url"), asked.one("source")
    chosen = of_id or (words.by_url("ConceptMap", url) if url else None)
    maps = [resource for resource in words.resources if resource["resourceType"] == "ConceptMap"]
    by = maps if chosen is None else [chosen]
    if source:
        by = [concept_map for concept_map in by if concept_map.get("sourceCanonical") == source]
    codings = _codings(asked)
    for coding in codings if chosen is None else ():
        required_value(coding.get("system"), "system")
    translator = Translator(maps, asked.one("targetsystem") or asked.one("target"))
    way = translator.back if asked.one("reverse") else translator.forth
    return _answer(answer([match for coding in codings for match in way(coding, by)]))


def _resource_response(resource: Resource) -> Response:
    etag = f'W/"{resource["version"]}"'
    if is_unchanged(resource["version"]):
        return Response(status=304, headers={"ETag": etag})
    response = _answer(resource)
    response.headers["ETag"] = etag
    return response


def _search(words: Vocabulary, type_: str, base: str) -> Response:
    parameters = search_parameters()
    numbers = {name: _number(name, text) for name, text in parameters if name in {"_count", "_cursor"}}
    criteria = [(name, text) for name, text in parameters if name not in numbers]
    resources = words.search(type_, _search_criteria(criteria))
    first, count = numbers.get("_cursor", 0), min(numbers.get("_count", _MOST), _MOST)
    links = [{"relation": "self", "url": _url(f"{base}/{type_}", parameters)}]
    if first + count < len(resources) and count:
        following = [*criteria, ("_count", str(count)), ("_cursor", str(first + count))]
        links.append({"relation": "next", "url": _url(f"{base}/{type_}", following)})
    entries = [
        {"fullUrl": f"{base}/{type_}/{entry['id']}", "resource": entry, "search": {"mode": "match"}}
        for entry in resources[first : first + count]
    ]
    bundle = {"resourceType": "Bundle", "type": "searchset", "total": len(resources), "link": links}
    return _answer(bundle | ({"entry": entries} if entries else {}))


def _search_criteria(criteria: list[tuple[str, str]]) -> Sought:
    exact: list[tuple[str, tuple[str, ...]]] = []
    names: list[tuple[str, str]] = []
    for parameter, text in criteria:
        name, _, modifier = parameter.partition(":")
        if name not in SEARCHED or (modifier and (name != "name" or modifier not in {"exact", "contains"})):
            names_known = ", ".join([*SEARCHED, "_count"])
            raise Malformed(f"Not a search parameter here; known are {names_known}.", where=shown(parameter))
        if name == "name":
            names.append((modifier, text))
        else:
            values = tuple(
                value.rpartition("|")[2] if name == "status" else value for value in text.split(",")
            )
            exact.append((name.removeprefix("_"), values))
    return Sought(tuple(exact), tuple(names))


def _number(name: str, text: str) -> int:
    if not (text.isdecimal() and text.isascii()) or len(text) > 6:
        raise Malformed("Not a count.", where=name)
    return int(text)


def _language(words: Vocabulary, asked: OperationInput) -> str:
    wanted = asked.one("displayLanguage")
    return words.language([(wanted, 1.0)] if wanted else list(request.accept_languages))


def _answer(resource: Resource) -> Response:
    return Response(dump(resource), mimetype=FHIR)


def _url(place: str, pairs: list[tuple[str, str]]) -> str:
    return place + (f"?{urlencode(pairs)}" if pairs else "")
