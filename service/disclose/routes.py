"""The door for those who pull: read, vread, history, search, metadata.

https://hl7.org/fhir/R4/http.html
"""

from collections.abc import Callable, Sequence
from typing import Any
from urllib.parse import urlencode

from flask import Blueprint, Response, g, request
from werkzeug.http import http_date

from service.disclose import fhir_openapi
from service.disclose.negotiate import (
    FHIR,
    FORMAT,
    is_unchanged,
    language_of,
    search_parameters,
    speaks_fhir,
    with_content_language,
)
from service.disclose.query.past import parse_past
from service.disclose.query.results import CURSOR
from service.disclose.searches import Searches
from service.disclose.serialise import history
from service.disclosing import disclose
from service.door import PUBLIC, Door, limits
from service.errors import Malformed, NotFound
from service.flows.pull.disclose import Disclosure
from service.flows.pull.localise import STORED, Localisation
from service.values.audit import of_resources
from service.values.resources import Page, StoredResource
from service.wire.json import dump
from service.wire.parameters import parameters

LAST_VERSION = 2**31 - 1


def fhir(
    disclosure: Disclosure,
    localisation: Localisation,
    types: Sequence[str],
    base: str,
    seal: Callable[[str], str],
    unseal: Callable[[str], str],
) -> Door:
    """Return the door to the types that are kept.

    `seal` and `unseal` keep what a next link says from whoever reads a log.
    """
    routes = Blueprint("fhir", __name__, url_prefix="/fhir")
    speaks_fhir(routes)

    def check_type(type_: str) -> str:
        if type_ not in types:
            raise NotFound("No such resource type is kept here.")
        return type_

    @routes.get("/<type_>/<id_>")
    def read(type_: str, id_: str) -> Response:
        stored = disclosure.read(g.scope, check_type(type_), id_)
        disclose("read", of_resources([stored]))
        return _version_response(stored, localisation)

    @routes.get("/<type_>/<id_>/_history/<int:version>")
    def vread(type_: str, id_: str, version: int) -> Response:
        if version > LAST_VERSION:
            raise NotFound("There is no such version.")
        stored = disclosure.vread(g.scope, check_type(type_), id_, version)
        disclose("vread", of_resources([stored]))
        return _version_response(stored, localisation)

    @routes.get("/<type_>/<id_>/_history")
    def instance_history(type_: str, id_: str) -> Response:
        parameters = search_parameters()
        past, language = parse_past(parameters, limits().count), language_of(localisation)
        past_versions = disclosure.history(g.scope, check_type(type_), id_, past)
        disclose("history-instance", of_resources(past_versions.entries))
        page, url = localisation.page(g.scope.view, past_versions, language), f"{base}/{type_}/{id_}/_history"
        body = history(page, base, _url(url, parameters), _older(url, parameters, page))
        return with_content_language(Response(body, mimetype=FHIR), language)

    Searches(disclosure, localisation, types, base, seal, unseal).mount(routes)
    return Door(routes, "resources", tuple(fhir_openapi.operations(types)))


def public(statement: dict[str, Any], terminologies: dict[str, Any]) -> Door:
    """Return the door to what everybody may read: the capability statement, and that of terminologies."""
    routes = Blueprint("metadata", __name__)
    speaks_fhir(routes)
    statements = {"terminology": dump(terminologies)} | dict.fromkeys(("full", "normative"), dump(statement))

    @routes.get("/fhir/metadata")
    def metadata() -> Response:
        arguments = parameters(request.args.items(multi=True), ("mode", *FORMAT))
        mode = arguments.get("mode", "full")
        if mode not in statements:
            raise Malformed("Not a mode; known are full, normative and terminology.", where="mode")
        return Response(statements[mode], mimetype=FHIR)

    return Door(routes, PUBLIC, fhir_openapi.capabilities())


def _url(path: str, parameters: Sequence[tuple[str, str]]) -> str:
    return f"{path}?{urlencode(parameters)}" if parameters else path


def _older(path: str, parameters: Sequence[tuple[str, str]], page: Page) -> str | None:
    """Return the address of the versions before a page of a history."""
    if page.next is None:
        return None
    return _url(
        path,
        [*(parameter for parameter in parameters if parameter[0] != CURSOR), (CURSOR, str(page.next[0]))],
    )


def _version_response(stored: StoredResource, localisation: Localisation) -> Response:
    """Answer a version in the language asked for; each language has an entity tag of its own."""
    language = language_of(localisation)
    tag = str(stored.version) if language == STORED else f"{stored.version}-{language}"
    etag = f'W/"{tag}"'
    if is_unchanged(tag, stored.last_updated):
        return with_content_language(Response(status=304, headers={"ETag": etag}), language)
    headers = {"ETag": etag, "Last-Modified": http_date(stored.last_updated)}
    body = localisation.tell(g.scope.view, stored, language).body
    return with_content_language(Response(body, headers=headers, mimetype=FHIR), language)
