"""The Flask factory: doors behind their guards, one error handler."""

import re
from collections.abc import Callable, Container, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import chain
from time import perf_counter
from typing import Any, Final, NamedTuple

import structlog
from flask import Flask, Response, current_app, request
from flask.globals import app_ctx, request_ctx
from flask.sessions import NullSession, SessionInterface
from werkzeug.exceptions import HTTPException, MethodNotAllowed
from werkzeug.routing import Rule

from service.authorize import interactions
from service.authorize.callers import Caller
from service.authorize.challenges import challenge
from service.authorize.quotas import Quotas
from service.authorize.recording import Recording
from service.door import LIMITS, Door
from service.errors import (
    CasebridgeError,
    Malformed,
    NotFound,
    Rejected,
    TooLarge,
    TooLong,
    TooMany,
    Unallowed,
    Unauthenticated,
    Unsupported,
)
from service.telemetry import begin, correlation, count_answer
from service.values.limits import InputLimits
from service.wire.gzip import Inflated
from service.wire.json import dump
from service.wire.outcomes import operation_outcome, problem

log = structlog.get_logger()

Route = tuple[str, str]
# a comma may stand in a name by its grammar, but then two fields could not be told from one
_HOST: Final = re.compile(r"(?:[\w.~!$&'()*+;=%-]+|\[[0-9A-Fa-f:.]+\])(?::\d*)?", re.ASCII)
_NOWHERE: Final = "There is nothing at this address; /docs lists what there is."


@dataclass(frozen=True, slots=True)
class Access:
    """Who asks, in which scope and how much they may, and the record of what they are told."""

    caller: Caller
    quotas: Quotas
    recording: Recording


class _Route(Rule):
    """A route of which nobody asks for an address: to compile how one is built is most of what it costs."""

    def _compile_builder(self, append_unknown: bool = True) -> Callable[..., tuple[str, str]]:  # noqa: ARG002
        """Return what builds none."""
        return lambda *_: ("", "")


class _Course(NamedTuple):
    """What is called for a route: before it, until something answers, and after it, with the answer."""

    before: tuple[Callable[[], Any], ...]
    after: tuple[Callable[[Any], Any], ...]


class _Application(Flask):
    """Flask without what no door has: a session, coroutines, signals, what is called at a request's end."""

    url_rule_class = _Route

    def __init__(self, name: str) -> None:
        """Make an application of a name, without files of its own."""
        super().__init__(name, static_folder=None)
        self._courses: dict[str | None, _Course] = {}

    def full_dispatch_request(self) -> Response:
        """Answer a request; what is called around its route is looked up once, for nothing is added later."""
        self._got_first_request = True
        asked = request_ctx.request
        course = self._courses.get(asked.endpoint)
        if course is None:
            course = self._courses[asked.endpoint] = self._course(asked.blueprints)
        try:
            said = next((said for before in course.before if (said := before()) is not None), None)
            said = self.dispatch_request() if said is None else said
        except Exception as error:  # noqa: BLE001 - as Flask does
            said = self.handle_user_exception(error)
        answer = self.make_response(said)
        for after in course.after:
            answer = after(answer)
        return answer

    def _course(self, blueprints: Sequence[str]) -> _Course:
        """Return what is called for the routes of a blueprint, named before those that it stands in."""
        before = [self.before_request_funcs.get(name, ()) for name in (None, *reversed(blueprints))]
        after = [reversed(self.after_request_funcs.get(name, ())) for name in (*blueprints, None)]
        return _Course(tuple(chain(*before)), tuple(chain(*after)))

    def ensure_sync(self, func: Callable[..., Any]) -> Callable[..., Any]:
        """Return the function: none is a coroutine."""
        return func

    def do_teardown_request(self, exc: BaseException | None = None) -> None:
        """Do nothing, for nothing is registered."""

    def do_teardown_appcontext(self, exc: BaseException | None = None) -> None:
        """Do nothing, for nothing is registered."""


class _NoSessions(SessionInterface):
    """Who asks is known by each request anew."""

    none: Final = NullSession()

    def open_session(self, app: Flask, request: Any) -> NullSession:  # noqa: ARG002 - Flask's
        """Return the session that all share, and into which nothing can be written."""
        return self.none


def create_app(doors: Iterable[Door], access: Access, limits: InputLimits | None = None) -> Flask:
    """Return the WSGI application; raises ValueError over a door whose routes are not all described."""
    most = limits or InputLimits()
    app = _Application("casebridge")
    app.session_interface = _NoSessions()
    # one byte more than may be: a body sent in chunks is cut there, and is then seen to be too long
    app.config["MAX_CONTENT_LENGTH"] = most.content_bytes + 1
    app.config[LIMITS] = most
    app.before_request(partial(_admit, access, most))
    app.after_request(partial(_count, access))
    silent = {route for door in doors for route in _mount(app, door, access)}
    # the last that is named is the first to see an answer, and so what is counted is what leaves
    app.after_request(partial(_recorded, access.recording, silent))
    app.register_error_handler(Exception, _failed)
    return app


def _mount(app: Flask, door: Door, access: Access) -> list[Route]:
    """Register the routes of a door behind its guard; return those that disclose nothing."""
    if not door.is_public:
        door.blueprint.before_request(partial(_guard, access, door.right))
    elif door.is_limited:
        door.blueprint.before_request(partial(_count_stranger, access))
    app.register_blueprint(door.blueprint)
    routes = door.routes(app.url_map)
    return [route for route, operation in routes.items() if operation.silent]


def _guard(access: Access, right: str) -> None:
    """Let a partner in who was granted the right, or the interaction with the type of FHIR."""
    asked, known = request_ctx.request, app_ctx.g
    try:
        bearer = access.caller(asked)
    except Unauthenticated as denial:
        # who shows no token at all has asked for nothing of anybody's
        known.asker = denial.partner if denial.error else None
        access.quotas.count_stranger(asked)
        raise
    known.asker = bearer.partner.name
    known.purposes = bearer.purposes
    access.quotas.begin(bearer.partner.name)
    known.counted = bearer.partner.name
    rule = asked.url_rule.rule if asked.url_rule is not None else ""
    letter = interactions.check(bearer.grant, right, asked.method, rule, asked.view_args or {})
    known.grant, known.partner, known.rights = bearer.grant, bearer.partner, bearer.grant.all_rights()
    known.scope = known.along = bearer.scope
    if bearer.narrowings:
        narrowed, when_read = bearer.narrowed(letter), bearer.narrowed("r")
        known.scope = replace(bearer.scope, narrowed=narrowed)
        # what comes with what is searched for is read, too
        known.along = replace(bearer.scope, narrowed=tuple(dict.fromkeys((*narrowed, *when_read))))


def _count_stranger(access: Access) -> None:
    """Count a request that nobody has to show a token for."""
    access.quotas.count_stranger(request)


def _admit(access: Access, most: InputLimits) -> None:
    """Begin a request, and refuse what no door takes: its Host, its address, how its body is compressed.

    PostgreSQL cannot hold a NUL, so nothing we keep can match. A Host has to be there, once (RFC 9112
    section 3.2).
    """
    asked = request_ctx.request
    environ = asked.environ
    app_ctx.g.started = perf_counter()
    begin(environ.get("HTTP_X_CORRELATION_ID"), environ.get("HTTP_TRACEPARENT"))
    host = environ.get("HTTP_HOST", "")
    if not _HOST.fullmatch(host) and (host or environ.get("SERVER_PROTOCOL") != "HTTP/1.0"):
        raise Malformed("Name the host that is asked, once.", where="Host")
    if "\0" in environ.get("PATH_INFO", "") or "%00" in environ.get("QUERY_STRING", ""):
        raise Malformed("The address holds a NUL; leave it out.")
    if len(environ.get("QUERY_STRING", "")) > most.query_bytes:
        what = f"Over {most.query_bytes} bytes stand behind `?`; ask in parts, or search by POST."
        raise TooLong(what, where="query")
    if asked.url_rule is None:
        access.quotas.count_stranger(asked)
    if "HTTP_CONTENT_ENCODING" in environ:
        _inflate(environ, most)


def _inflate(environ: dict[str, Any], most: InputLimits) -> None:
    """Have a body that was compressed read as what it was, by who reads it (RFC 9110 section 8.4).

    One that is too large as it is sent is left to be refused.
    """
    coding = environ.pop("HTTP_CONTENT_ENCODING").strip().lower()
    if coding in {"gzip", "x-gzip"}:
        length = environ.get("CONTENT_LENGTH", "")
        if not length.isdecimal() or int(length) <= most.body_bytes:
            environ.pop("CONTENT_LENGTH", None)
            environ["wsgi.input"] = Inflated(environ["wsgi.input"], most.inflated_bytes)
            environ["wsgi.input_terminated"] = True
    elif coding not in {"", "identity"}:
        raise Unsupported("Send it as it is, or compressed with gzip.", where="Content-Encoding")


def _recorded(recording: Recording, silent: Container[Route], answer: Response) -> Response:
    """Let an answer go once it is on record what it discloses, or denies; else say that there is none."""
    asked = request_ctx.request
    route = (asked.endpoint or "", "GET" if asked.method == "HEAD" else asked.method)
    try:
        recording.record_answer(asked, answer.status_code, is_silent=route in silent)
    except Exception as failure:  # noqa: BLE001 - whatever it is, nothing may leave
        return _failed(failure)
    return answer


def _count(access: Access, answer: Response) -> Response:
    """Count an answer; of a redirect leave out the library's page: all it says stands in Location."""
    if answer.status_code == 308:
        answer.set_data(b"")
        del answer.headers["Content-Type"]
    asked, known = request_ctx.request, app_ctx.g
    if "counted" in known:
        access.quotas.end(known.counted)
    rule = asked.url_rule
    method, route = (asked.method, rule.rule) if rule is not None else ("", "none")
    count_answer(method, route, answer.status_code, perf_counter() - known.started)
    return answer


def _failed(error: Exception) -> Response:
    """Answer an error in the form of its door; a foreign one is a bug and shows its correlation id alone."""
    failure = error if isinstance(error, CasebridgeError) else _translated(error)
    status = error.code if isinstance(error, HTTPException) and error.code else failure.status
    if status == 500:
        log.error("request.failed", kind=type(error).__name__)
    in_fhir = request.path.startswith("/fhir")
    body = operation_outcome(failure) if in_fhir else {**problem(failure), "status": status}
    kind = "application/fhir+json" if in_fhir else "application/problem+json"
    answer = Response(dump(body), status, mimetype=kind)
    answer.headers["X-Correlation-Id"] = correlation.get()
    answer.headers.update(challenge(failure))
    if isinstance(failure, TooMany):
        answer.headers["Retry-After"] = str(failure.seconds)
    if isinstance(error, HTTPException) and getattr(error, "valid_methods", None):
        answer.headers["Allow"] = ", ".join(error.valid_methods)  # type: ignore[attr-defined]
    return answer


def _translated(error: Exception) -> CasebridgeError:
    if isinstance(error, MethodNotAllowed):
        allowed = ", ".join(sorted(error.valid_methods or ())) or "other methods"
        hint = " What can be read, GET /fhir/metadata tells." if request.path in {"/fhir", "/fhir/"} else ""
        return Unallowed(f"This address takes {allowed}.{hint}")
    if isinstance(error, HTTPException):
        return _of_flask(error)
    return CasebridgeError(f"Something failed on our side; tell us {correlation.get()}.")


def _of_flask(error: HTTPException) -> CasebridgeError:
    if error.code == 404:
        in_fhir = request.path.startswith("/fhir")
        return NotFound(_NOWHERE.replace("/docs", "/fhir/metadata") if in_fhir else _NOWHERE)
    if error.code == 413:
        return TooLarge(f"Send at most {current_app.config[LIMITS].content_bytes} bytes.")
    return (Malformed if error.code == 400 else Rejected)(error.name)
