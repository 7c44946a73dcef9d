"""The doors for who operates the service: health, for everybody, and metrics."""

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Final

from flask import Blueprint, Response

from service.door import PUBLIC, Door
from service.telemetry import exposition
from service.wire.contracts.published.openapi.operations import JSON, Described, Operation, answer
from service.wire.json import dump

_TAG: Final = "Operation"
_TEXT: Final[Described] = {"type": "string"}
_WARNINGS: Final[Described] = {
    "warnings": {
        "type": "array",
        "items": _TEXT,
        "description": "What does not keep it from answering, as a clock that differs from the database's.",
    }
}


def health(ready: Callable[[], Sequence[str]]) -> Door:
    """Return the door to health; `ready` returns what to warn of, or raises what keeps it from answering."""
    routes = Blueprint("health", __name__)

    @routes.get("/health")
    def index() -> Response:
        return Response(b'{"live":"/health/live","ready":"/health/ready"}', mimetype=JSON)

    @routes.get("/health/live")
    def live() -> Response:
        return Response(b'{"status":"live"}', mimetype=JSON)

    @routes.get("/health/ready")
    def is_ready() -> Response:
        warnings = list(ready())
        status = {"status": "ready", **({"warnings": warnings} if warnings else {})}
        return Response(dump(status), mimetype=JSON)

    return Door(routes, PUBLIC, tuple(_of_health()), is_limited=False)


def metrics() -> Door:
    """Return the door to the metrics of this process."""
    routes = Blueprint("metrics", __name__)

    @routes.get("/metrics")
    def metrics() -> Response:
        text, kind = exposition()
        return Response(text, content_type=kind)

    operation = Operation(
        "get",
        "/metrics",
        "metrics",
        tag=_TAG,
        summary="Read the metrics of this process",
        silent="No label holds an id or personal data.",
        answers={200: answer("Prometheus' text format.", "text/plain", _TEXT)},
    )
    return Door(routes, "metrics", (operation,))


def _of_health() -> Iterator[Operation]:
    describe = partial(Operation, "get", tag=_TAG)
    paths = {word: {"const": f"/health/{word}"} for word in ("live", "ready")}
    listed = {"type": "object", "required": list(paths), "properties": paths}
    yield describe(
        "/health",
        "health",
        summary="List what tells of health",
        answers={200: answer("Where each is told.", JSON, listed)},
    )
    yield describe(
        "/health/live",
        "live",
        summary="Tell whether the process answers",
        answers={200: answer("It is live.", JSON, _status("live"))},
    )
    yield describe(
        "/health/ready",
        "ready",
        summary="Tell whether the database is there and of this release",
        answers={200: answer("It is ready.", JSON, _status("ready", **_WARNINGS))},
        faults=(503,),
    )


def _status(word: str, **properties: Described) -> Described:
    return {"type": "object", "required": ["status"], "properties": {"status": {"const": word}, **properties}}
