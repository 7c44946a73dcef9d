"""The door for those who pull: read, vread, history, search, metadata.

https://hl7.org/fhir/R4/http.html
"""

from collections.abc import Mapping, Sequence
from typing import Any

from flask import Blueprint, Response, g, request
from werkzeug.http import http_date

from service.disclose import openapi as fhir_openapi
from service.disclose.cursors import Cursors
from service.disclose.fhir.document import DocumentRoute
from service.disclose.fhir.everything import Everythings
from service.disclose.fhir.histories import Histories
from service.disclose.fhir.searches import Searches
from service.disclose.negotiate import (
    FHIR,
    FORMAT,
    is_unchanged,
    language_of,
    refuse_parameters,
    speaks_fhir,
    with_content_language,
)
from service.disclosing import disclose
from service.door import PUBLIC, Door
from service.errors import Malformed, NotFound
from service.flows.pull.disclose import Disclosure
from service.flows.pull.document import EpisodeDocuments
from service.flows.pull.localise import STORED, Localisation
from service.values.audit import of_resources
from service.values.kept.resources import StoredResource
from service.wire.fhir.search.forms.codes import Codes
from service.wire.json import dump
from service.wire.parameters import parameters

LAST_VERSION = 2**31 - 1


def fhir(
    disclosure: Disclosure,
    documents: EpisodeDocuments,
    types: Sequence[str],
    base: str,
    cursors: Cursors,
    codes: Mapping[str, Codes],
) -> Door:
    """Return the door to the types that are kept; `base` is our address, `codes` are those of each view."""
    localisation = documents.localisation
    routes = Blueprint("fhir", __name__, url_prefix="/fhir")
    speaks_fhir(routes)

    def check_type(type_: str) -> str:
        if type_ not in types:
            raise NotFound("No such resource type is kept here.")
        return type_

    @routes.get("/<type_>/<id_>")
    def read(type_: str, id_: str) -> Response:
        refuse_parameters()
        stored = disclosure.read(g.scope, check_type(type_), id_)
        disclose("read", of_resources([stored]))
        return _version_response(stored, localisation)

    @routes.get("/<type_>/<id_>/_history/<int:version>")
    def vread(type_: str, id_: str, version: int) -> Response:
        refuse_parameters()
        if version > LAST_VERSION:
            raise NotFound("There is no such version.")
        stored = disclosure.vread(g.scope, check_type(type_), id_, version)
        disclose("vread", of_resources([stored]))
        return _version_response(stored, localisation)

    Histories(disclosure, localisation, types, base, cursors).mount(routes)
    Searches(disclosure, localisation, types, base, cursors, codes).mount(routes)
    Everythings(documents.everything, localisation, types, base, cursors).mount(routes)
    DocumentRoute(documents, types).mount(routes)
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
