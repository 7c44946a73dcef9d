"""What a client takes, and what an answer says of itself: https://hl7.org/fhir/R4/http.html#mime-type."""

import re
from typing import Final

from flask import Response, g, request

from service.errors import Unspoken, Unsupported
from service.flows.pull.localise import STORED, Localisation

FHIR: Final = "application/fhir+json"
JSON: Final = ("json", "application/json", FHIR)
FORM: Final = "application/x-www-form-urlencoded"


def speak_json() -> None:
    """Refuse who takes no JSON; `_format` comes before Accept (R4 http section 3.1.0.1.11)."""
    environ = request.environ
    wanted = request.args.get("_format") if environ.get("QUERY_STRING") else None
    if wanted is None and "HTTP_ACCEPT" not in environ:
        return
    if wanted is not None:
        takes_json = wanted.partition(";")[0].strip().replace(" ", "+") in JSON
    else:
        accepted = {
            media_type.partition(";")[0].strip()
            for media_type, quality in request.accept_mimetypes
            if quality
        }
        takes_json = not request.accept_mimetypes or not accepted.isdisjoint((*JSON, "application/*", "*/*"))
    if not takes_json:
        where = "Accept" if wanted is None else "_format"
        raise Unspoken(f"Only JSON is spoken here; ask for {FHIR}.", where=where)


def search_parameters() -> list[tuple[str, str]]:
    """Return what is searched for: of the address, and of a posted form (R4 search section 3.1.1.3).

    Raises:
        Unsupported: something else is posted, which unheeded would let the search find too much.
    """
    pairs = list(request.args.items(multi=True))
    if request.method == "POST":
        if request.mimetype != FORM and (request.mimetype or request.content_length):
            raise Unsupported(f"Send the parameters as {FORM}.", where="Content-Type")
        pairs += request.form.items(multi=True)
    return [(name, text) for name, text in pairs if name not in {"_format", "_pretty"}]


def is_lenient() -> bool:
    """Return whether the client prefers that what is not known is left out (R4 search section 3.1.1.4.3)."""
    preferences = {
        part.strip().lower().replace('"', "")
        for header in request.headers.getlist("Prefer")
        for part in re.split("[,;]", header)
    }
    return "handling=lenient" in preferences


def language_of(localisation: Localisation) -> str:
    """Return the language to answer in."""
    if "HTTP_ACCEPT_LANGUAGE" not in request.environ:
        return STORED
    return localisation.language(g.scope.view, list(request.accept_languages))


def with_content_language(answer: Response, language: str) -> Response:
    """Say the language of an answer that would be another for another Accept-Language."""
    answer.headers["Content-Language"] = language
    answer.headers["Vary"] = "Accept-Language"
    return answer


def is_unchanged(tag: str) -> bool:
    """Tell whether the client has the version of a weak entity tag already (RFC 9110 section 13.1.2)."""
    return "HTTP_IF_NONE_MATCH" in request.environ and request.if_none_match.contains_weak(tag)
