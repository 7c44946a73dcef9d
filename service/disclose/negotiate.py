"""What a client takes, and what an answer says of itself: https://hl7.org/fhir/R4/http.html#mime-type."""

from datetime import datetime
from typing import Final

from flask import Blueprint, Response, g, request
from flask.globals import request_ctx

from service.errors import Malformed, Unspoken, Unsupported
from service.flows.pull.localise import STORED, Localisation
from service.wire.gzip import deflate
from service.wire.json import pretty, reread
from service.wire.parameters import parameters
from service.wire.preferences import preference

FHIR: Final = "application/fhir+json"
JSON: Final = ("json", "application/json", FHIR)
FORM: Final = "application/x-www-form-urlencoded"
FORMAT: Final = ("_format", "_pretty")
"""The parameters that say how an answer is to look, whatever is asked for."""
# what one packet takes leaves no sooner when it is smaller
_WORTH: Final = 1_400
_PRETTY: Final = {"true": True, "false": False}


def speaks_fhir(routes: Blueprint) -> None:
    """Have all routes of a door answer JSON, in the form that is asked for."""
    routes.before_request(speak_json)
    routes.after_request(_formed)


def speak_json() -> None:
    """Refuse who takes no JSON; `_format` comes before Accept (R4 http section 3.1.0.1.11)."""
    asked = request_ctx.request
    environ = asked.environ
    arguments = asked.args if environ.get("QUERY_STRING") else {}
    if arguments.get("_pretty", "true") not in _PRETTY:
        raise Malformed("Say true or false.", where="_pretty")
    wanted = arguments.get("_format")
    if wanted is None and "HTTP_ACCEPT" not in environ:
        return
    if wanted is not None:
        takes_json = wanted.partition(";")[0].strip().replace(" ", "+") in JSON
    else:
        accepted = {
            media_type.partition(";")[0].strip() for media_type, quality in asked.accept_mimetypes if quality
        }
        takes_json = not asked.accept_mimetypes or not accepted.isdisjoint((*JSON, "application/*", "*/*"))
    if not takes_json:
        where = "Accept" if wanted is None else "_format"
        raise Unspoken(f"Only JSON is spoken here; ask for {FHIR}.", where=where)


def search_parameters() -> list[tuple[str, str]]:
    """Return what is searched for: of the address, and of a posted form (R4 search section 3.1.1.3).

    Raises:
        Unsupported: something else is posted, which unheeded would let the search find too much.
    """
    asked = request_ctx.request
    pairs = list(asked.args.items(multi=True))
    if asked.method == "POST":
        if asked.mimetype != FORM and (asked.mimetype or asked.content_length):
            raise Unsupported(f"Send the parameters as {FORM}.", where="Content-Type")
        pairs += asked.form.items(multi=True)
    return [(name, text) for name, text in pairs if name not in FORMAT]


def refuse_parameters() -> None:
    """Refuse what is asked of a read beyond the form of its answer; raises Malformed, which names it."""
    if request.environ.get("QUERY_STRING"):
        parameters(request.args.items(multi=True), FORMAT)


def is_lenient() -> bool:
    """Return whether the client prefers that what is not known is left out (R4 search section 3.1.1.4.3)."""
    return preference(request.headers.get("Prefer", ""), "handling").lower() == "lenient"


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


def is_unchanged(tag: str, stored: datetime | None = None) -> bool:
    """Tell whether the client has the version of a weak entity tag already (RFC 9110 section 13.1).

    If-Modified-Since, which knows whole seconds alone, is heeded where `stored` says when that was, unless
    If-None-Match is there too; what is no date is not heeded.
    """
    environ = request.environ
    if "HTTP_IF_NONE_MATCH" in environ:
        return request.if_none_match.contains_weak(tag)
    if stored is None or "HTTP_IF_MODIFIED_SINCE" not in environ:
        return False
    since = request.if_modified_since
    return since is not None and stored.replace(microsecond=0) <= since


def compress(answer: Response) -> Response:
    """Compress an answer for who takes that, where it pays."""
    said = answer.headers.get("Vary")
    answer.headers["Vary"] = f"{said}, Accept-Encoding" if said else "Accept-Encoding"
    if "HTTP_ACCEPT_ENCODING" not in request.environ:
        return answer
    content = answer.get_data()
    if len(content) > _WORTH and _takes_gzip():
        answer.set_data(deflate(content))
        answer.headers["Content-Encoding"] = "gzip"
    return answer


def _formed(answer: Response) -> Response:
    """Indent an answer for who wants to read it, and compress it."""
    environ = request.environ
    is_asked = "_pretty=true" in environ.get("QUERY_STRING", "") and request.args.get("_pretty") == "true"
    if is_asked and answer.mimetype == FHIR and answer.response:
        answer.set_data(pretty(reread(answer.get_data())))
    return compress(answer)


def _takes_gzip() -> bool:
    """Whether gzip is taken at least as gladly as what is not compressed (RFC 9110 section 12.5.3)."""
    accepted = request.accept_encodings
    gzip = accepted.quality("gzip")
    return gzip > 0 and gzip >= accepted.quality("identity")
