"""An ASGI application around a WSGI one: no thread waits for what a client sends.

https://asgi.readthedocs.io/en/latest/specs/www.html · https://peps.python.org/pep-3333/
"""

import io
import sys
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from time import perf_counter
from typing import Any, Final
from urllib.parse import unquote_to_bytes

from service.errors import CasebridgeError, TooLarge, Unavailable, Unsupported
from service.front.bodies import Bodies, Body, BodyLimits, Receive
from service.front.connections import Peer
from service.front.headers import AnswerHeaders
from service.front.threads import Application, Environ, ThreadPool, WsgiAnswer
from service.telemetry import count_answer
from service.wire.json import dump
from service.wire.outcomes import operation_outcome, problem

THREADS: Final = 16
PATIENCE: Final = 8.0
"""How many seconds a request that has come waits for a thread."""
APART: Final = ("/health/live", "/health/ready")
"""What is answered whatever the threads for all else are at."""
_ALWAYS: Final[Environ] = {
    "SCRIPT_NAME": "",
    "wsgi.version": (1, 0),
    "wsgi.errors": sys.stderr,
    "wsgi.multithread": True,
    "wsgi.multiprocess": False,
    "wsgi.run_once": False,
    # else a body without Content-Length is not looked at
    "wsgi.input_terminated": True,
}
_NAMED_SO: Final = {b"content-type": "CONTENT_TYPE", b"content-length": "CONTENT_LENGTH"}
Send = Callable[[dict[str, Any]], Awaitable[None]]


class Front:
    """Takes requests in whole, and has them answered in a bounded number of threads."""

    def __init__(
        self, application: Application, limits: BodyLimits | None = None, headers: AnswerHeaders | None = None
    ) -> None:
        """Take the application, what senders of bodies may use, and the headers of every answer."""
        self._bodies = Bodies(limits)
        self._headers = headers or AnswerHeaders()
        self.working: set[Peer] = set()
        """Whose requests are there in whole, and are being answered."""
        self._pools = {path: ThreadPool(application, 1) for path in APART}
        self._pool = ThreadPool(application, THREADS)

    async def __call__(self, scope: dict[str, Any], receive: Receive, send: Send) -> None:
        """Answer a request (`http`; the server is told to offer nothing else)."""
        environ = environ_of(scope)
        if not _has_body(environ):
            environ["wsgi.input"] = io.BytesIO()
            await self._say(await self._answer(environ, scope["client"]), send)
            return
        async with self._bodies.body(environ["REMOTE_ADDR"], _content_length(environ)) as body:
            dropped = await self._take(body, environ, receive)
            await self._say(await self._answer(environ, scope["client"]), send)
        if dropped and "HTTP_EXPECT" not in environ:
            await self._bodies.drain(receive)

    async def _take(self, body: Body, environ: Environ, receive: Receive) -> bool:
        """Put a body, or why there is none, where the application reads it; tell whether it was too large."""
        coding = environ.pop("HTTP_TRANSFER_ENCODING", "chunked")
        try:
            if coding.lower() != "chunked":
                raise Unsupported("Send it as it is, or chunked.", where="Transfer-Encoding")
            content = await self._bodies.take(body, receive)
        except TooLarge:
            # the application refuses what says so of itself, each door in its own form
            environ["CONTENT_LENGTH"] = str(sys.maxsize)
            environ["wsgi.input"] = io.BytesIO()
            return True
        except CasebridgeError as error:
            environ["CONTENT_LENGTH"] = "1"
            environ["wsgi.input"] = _Missing(error)
            return False
        environ["CONTENT_LENGTH"] = str(len(content))
        environ["wsgi.input"] = io.BytesIO(content)
        return False

    async def _answer(self, environ: Environ, peer: Peer) -> WsgiAnswer:
        began = perf_counter()
        pool = self._pools.get(environ["PATH_INFO"], self._pool)
        self.working.add(peer)
        try:
            answer = await pool.answer(environ, PATIENCE)
        finally:
            self.working.discard(peer)
        if answer is None:
            answer = _busy(environ["PATH_INFO"].startswith("/fhir"))
            count_answer("", "none", answer.status, perf_counter() - began)
        return answer

    async def _say(self, answer: WsgiAnswer, send: Send) -> None:
        headers = self._headers.whole(answer.headers)
        await send({"type": "http.response.start", "status": answer.status, "headers": headers})
        await send({"type": "http.response.body", "body": answer.body})


@dataclass(frozen=True, slots=True)
class _Missing:
    """A body that has not come: who reads it is told why."""

    error: CasebridgeError

    def read(self, _size: int = -1) -> bytes:
        raise self.error


def environ_of(scope: dict[str, Any]) -> Environ:
    """Return what PEP 3333 has an application know of a request, but for its body.

    A field that comes twice is one with both values, by a comma (RFC 9110 section 5.3). One with an
    underscore is left out: it would be taken for the one with a hyphen, which a proxy may drop or set.
    """
    raw_path: bytes = scope["raw_path"]
    path = unquote_to_bytes(raw_path) if b"%" in raw_path else raw_path
    host, port = scope["server"]
    environ: Environ = {
        **_ALWAYS,
        "REQUEST_METHOD": scope["method"],
        "PATH_INFO": path.decode("latin-1"),
        "QUERY_STRING": scope["query_string"].decode("latin-1"),
        "SERVER_NAME": host,
        "SERVER_PORT": str(port),
        "SERVER_PROTOCOL": "HTTP/1.1" if scope["http_version"] == "1.1" else "HTTP/1.0",
        "REMOTE_ADDR": scope["client"][0],
        "wsgi.url_scheme": scope["scheme"],
    }
    for raw_name, raw_value in scope["headers"]:
        if b"_" in raw_name:
            continue
        name = _NAMED_SO.get(raw_name) or "HTTP_" + raw_name.decode("latin-1").upper().replace("-", "_")
        value = raw_value.decode("latin-1")
        environ[name] = f"{environ[name]},{value}" if name in environ else value
    return environ


def _has_body(environ: Environ) -> bool:
    """Tell whether a body follows the head (RFC 9112 section 6)."""
    return "HTTP_TRANSFER_ENCODING" in environ or environ.get("CONTENT_LENGTH", "0") != "0"


def _content_length(environ: Environ) -> int | None:
    text = environ.get("CONTENT_LENGTH", "")
    return int(text) if text.isdecimal() and "HTTP_TRANSFER_ENCODING" not in environ else None


def _busy(in_fhir: bool) -> WsgiAnswer:
    error = Unavailable("Too much is asked at once; try again later.")
    body = dump(operation_outcome(error) if in_fhir else problem(error))
    kind = b"application/fhir+json" if in_fhir else b"application/problem+json"
    headers = [(b"content-type", kind), (b"content-length", str(len(body)).encode()), (b"retry-after", b"5")]
    return WsgiAnswer(error.status, headers, body)
