"""Structured logs with a correlation id, and metrics; only identifiers of ours and static names go in."""

import logging
from contextvars import ContextVar
from uuid import uuid4

import structlog
from prometheus_client import CONTENT_TYPE_LATEST, Counter, Histogram, generate_latest, start_http_server

from service.errors import Misconfigured

correlation: ContextVar[str] = ContextVar("correlation", default="")

_BY = ("method", "route", "status")
_REQUESTS = Counter("casebridge_http_requests", "Requests answered, by the rule of their route", _BY)
_SECONDS = Histogram("casebridge_http_request_seconds", "From a request's head to its answer", _BY)


def configure(level: int = logging.INFO) -> None:
    """Write JSON lines to standard error, each with time, level and correlation id."""
    structlog.configure(
        processors=[
            _correlate,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.JSONRenderer(),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.WriteLoggerFactory(),
        cache_logger_on_first_use=True,
    )


def begin(sent_id: str | None = None) -> str:
    """Start a correlation id, the caller's when it is a plain short token, and return it."""
    plain = sent_id is not None and len(sent_id) <= 64 and sent_id.replace("-", "").isalnum()
    chosen = sent_id if sent_id is not None and plain else str(uuid4())
    correlation.set(chosen)
    return chosen


def answered(method: str, route: str, status: int, seconds: float) -> None:
    """Count an answer; `route` is the rule, never the path: a path holds ids and has no end of values."""
    labels = (method, route, str(status))
    _REQUESTS.labels(*labels).inc()
    _SECONDS.labels(*labels).observe(seconds)


def exposition() -> tuple[bytes, str]:
    """Return this process's metrics in Prometheus' text format, and its media type."""
    return generate_latest(), CONTENT_TYPE_LATEST


def expose(host: str, port: int) -> int:
    """Serve this process's metrics at /metrics until it ends; return the port, which 0 leaves to choose.

    Raises:
        Misconfigured: it cannot listen there.
    """
    try:
        server, _ = start_http_server(port, host)
    except (OSError, OverflowError) as exc:
        raise Misconfigured("Cannot listen there; name a free port.", where="--metrics") from exc
    return server.server_port


def _correlate(_logger: object, _name: str, event: structlog.typing.EventDict) -> structlog.typing.EventDict:
    if correlation.get():
        event["correlation"] = correlation.get()
    return event
