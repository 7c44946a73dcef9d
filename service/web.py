"""The Flask factory: doors behind their guards, one error handler."""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from time import perf_counter
from typing import Final

import structlog
from flask import Flask, Response, g, request
from werkzeug.exceptions import HTTPException, MethodNotAllowed

from service.door import Door
from service.errors import (
    CasebridgeError,
    Denied,
    Malformed,
    NotFound,
    Rejected,
    TooLarge,
    Unallowed,
    Unsupported,
)
from service.telemetry import answered, begin, correlation
from service.values.scope import Partner, Scope
from service.wire.json import LIMIT, dump
from service.wire.outcomes import operation_outcome, problem

log = structlog.get_logger()
# a comma may stand in a name by its grammar, but then two fields could not be told from one
_HOST: Final = re.compile(r"(?:[\w.~!$&'()*+;=%-]+|\[[0-9A-Fa-f:.]+\])(?::\d*)?", re.ASCII)
_TOLD: Final = {
    404: "There is nothing at this address; /docs lists what there is.",
    413: f"Send at most {LIMIT} bytes.",
}


@dataclass(frozen=True, slots=True)
class Access:
    """Who asks: partners by name, what their kind may do, and the scope policy gives them."""

    partners: dict[str, Partner]
    rights: Callable[[Partner], frozenset[str]]
    scope: Callable[[Partner], Scope]


def create_app(doors: Iterable[Door], access: Access) -> Flask:
    """Return the WSGI application; raises ValueError over a door whose routes are not all described."""
    app = Flask("casebridge", static_folder=None)
    # one byte more than may be: a body sent in chunks is cut there, and is then seen to be too long
    app.config["MAX_CONTENT_LENGTH"] = LIMIT + 1
    app.before_request(_correlate)
    app.before_request(_addressed)
    app.before_request(_legible)
    app.before_request(_plain)
    app.after_request(_counted)
    app.after_request(_bare)
    for door in doors:
        _mount(app, door, access)
    app.register_error_handler(Exception, _failed)
    return app


def _mount(app: Flask, door: Door, access: Access) -> None:
    """Register the routes of a door behind its guard."""
    if not door.is_public:
        door.blueprint.before_request(partial(_guard, access, door.right))
    app.register_blueprint(door.blueprint)
    door.check(app.url_map.iter_rules())


def _guard(access: Access, right: str) -> None:
    """Let a partner in who has the right."""
    name = request.headers.get("Casebridge-Partner", "local")
    partner = access.partners.get(name)
    if partner is None:
        raise Denied("No such partner is registered.", where="Casebridge-Partner")
    g.partner, g.rights, g.scope = partner, access.rights(partner), access.scope(partner)
    if right not in g.rights:
        raise Denied(f"A partner of this kind has no right to {right}.")


def _correlate() -> None:
    g.started = perf_counter()
    g.correlation = begin(request.headers.get("X-Correlation-Id"))


def _counted(answer: Response) -> Response:
    rule = request.url_rule
    method, route = (request.method, rule.rule) if rule is not None else ("", "none")
    answered(method, route, answer.status_code, perf_counter() - g.started)
    return answer


def _bare(answer: Response) -> Response:
    """Leave out the page that a redirect is given by the library: all it says stands in Location."""
    if answer.status_code == 308:
        answer.set_data(b"")
        del answer.headers["Content-Type"]
    return answer


def _addressed() -> None:
    """Refuse a request whose Host is missing, doubled or none (RFC 9112 section 3.2)."""
    named = request.environ.get("HTTP_HOST", "")
    if not _HOST.fullmatch(named) and (named or request.environ.get("SERVER_PROTOCOL") != "HTTP/1.0"):
        raise Malformed("Name the host that is asked, once.", where="Host")


def _legible() -> None:
    """Refuse a NUL in the address: PostgreSQL cannot hold one, so nothing we keep can match."""
    if "\0" in request.path or any("\0" in text for pair in request.args.items(multi=True) for text in pair):
        raise Malformed("The address holds a NUL; leave it out.")


def _plain() -> None:
    """Refuse a compressed body: how much it comes to is not known before it is read."""
    if request.headers.get("Content-Encoding", "identity").lower() not in {"", "identity"}:
        raise Unsupported("Send it as it is, without a Content-Encoding.", where="Content-Encoding")


def _failed(error: Exception) -> Response:
    """Answer an error in the form of its door; a foreign one is a bug and shows its correlation id alone."""
    told = error if isinstance(error, CasebridgeError) else _translated(error)
    status = error.code if isinstance(error, HTTPException) and error.code else told.status
    if status == 500:
        log.error("request.failed", kind=type(error).__name__)
    in_fhir = request.path.startswith("/fhir")
    body = operation_outcome(told) if in_fhir else {**problem(told), "status": status}
    kind = "application/fhir+json" if in_fhir else "application/problem+json"
    answer = Response(dump(body), status, mimetype=kind)
    answer.headers["X-Correlation-Id"] = correlation.get()
    if isinstance(error, HTTPException) and getattr(error, "valid_methods", None):
        answer.headers["Allow"] = ", ".join(error.valid_methods)  # type: ignore[attr-defined]
    return answer


def _translated(error: Exception) -> CasebridgeError:
    if isinstance(error, MethodNotAllowed):
        allowed = ", ".join(sorted(error.valid_methods or ())) or "other methods"
        hint = " What can be read, GET /fhir/metadata tells." if request.path in {"/fhir", "/fhir/"} else ""
        return Unallowed(f"This address takes {allowed}.{hint}")
    if isinstance(error, HTTPException):
        known: dict[int, type[CasebridgeError]] = {404: NotFound, 413: TooLarge, 400: Malformed}
        told = _TOLD.get(error.code or 500, error.name)
        told = told.replace("/docs", "/fhir/metadata") if request.path.startswith("/fhir") else told
        return known.get(error.code or 500, Rejected)(told)
    return CasebridgeError(f"Something failed on our side; tell us {correlation.get()}.")
