"""The route of `$document`: a case as one document, for people to read and file.

https://hl7.org/fhir/R4/documents.html
"""

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256

from flask import Blueprint, Response, g, request

from service.disclose.fhir.everything import given_parameters
from service.disclose.negotiate import FHIR, is_unchanged, language_of, with_content_language
from service.disclosing import disclose
from service.errors import Malformed, Unscoped
from service.flows.pull.document import EPISODE, SUBJECT, EpisodeDocuments
from service.values.audit import of_resources
from service.wire.parameters import shown


@dataclass(frozen=True, slots=True)
class DocumentRoute:
    """What the operation needs."""

    story: EpisodeDocuments
    types: Sequence[str]

    def mount(self, routes: Blueprint) -> None:
        """Add the route to those of a door."""
        rule = f"/{EPISODE}/<id_>/$document"
        routes.add_url_rule(rule, "document", self.of, methods=["GET", "POST"])

    def of(self, id_: str) -> Response:
        """Answer an episode of care as a document Bundle, in the language asked for."""
        for name, _ in given_parameters({}):
            raise Malformed("No parameters are taken here but _format and _pretty.", where=shown(name))
        readable = tuple(type_ for type_ in self.types if g.grant.allows(type_, "r"))
        if SUBJECT not in readable:
            what = f"A document says whose it is: this partner was not granted system/{SUBJECT}.r."
            raise Unscoped(what, f"system/{SUBJECT}.r")
        language = language_of(self.story.localisation)
        document = self.story.document(g.scope, id_, readable, language)
        disclose("operation", of_resources(document.resources), f"{EPISODE}/{id_}/$document")
        tag = sha256(document.body).hexdigest()[:32]
        headers = {"ETag": f'W/"{tag}"'}
        if request.method != "POST" and is_unchanged(tag):
            return with_content_language(Response(status=304, headers=headers), language)
        return with_content_language(Response(document.body, headers=headers, mimetype=FHIR), language)
