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


def health(ready: Callable[[], None]) -> Door:
    """Return the door to health; `ready` raises what keeps it from answering."""
    routes = Blueprint("health", __name__)

    @routes.get("/health")
    def index() -> Response:
        return Response(b'{"live":"/health/live","ready":"/health/ready"}', mimetype=JSON)

    @routes.get("/health/live")
    def live() -> Response:
        return Response(b'{"status":"live"}', mimetype=JSON)

    @routes.get("/health/ready")
    def is_ready() -> Response:
        ready()
        return Response(b'{"status":"ready"}', mimetype=JSON)

    return Door(routes, PUBLIC, tuple(_of_health()), is_limited=False)


def metrics(warnings: Callable[[], Sequence[str]]) -> Door:
    """Return the door to the metrics of this process, and to what there is to warn of."""
    routes = Blueprint("metrics", __name__)

    @routes.get("/health/details")
    def details() -> Response:
        return Response(dump({"warnings": list(warnings())}), mimetype=JSON)

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
    detailed = {"type": "object", "required": list(_WARNINGS), "properties": _WARNINGS}
    details_operation = Operation(
        "get",
        "/health/details",
        "details",
        tag=_TAG,
        summary="Tell what to look at though this process answers",
        silent="It is of the machine, and of nobody.",
        answers={200: answer("What to warn of.", JSON, detailed)},
        faults=(503,),
    )
    return Door(routes, "metrics", (operation, details_operation))


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
        answers={200: answer("It is ready.", JSON, _status("ready"))},
        faults=(503,),
    )


def _status(word: str) -> Described:
    return {"type": "object", "required": ["status"], "properties": {"status": {"const": word}}}
