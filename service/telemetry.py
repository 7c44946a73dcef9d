"""Structured logs with a correlation id, the trace that work belongs to, and metrics.

Only identifiers of ours, of traces and static names go in. https://www.w3.org/TR/trace-context/
"""

import logging
import os
import re
from contextlib import suppress
from contextvars import ContextVar
from functools import cache
from pathlib import Path
from random import getrandbits
from typing import Any, Final

import structlog
from prometheus_client import (
    CONTENT_TYPE_LATEST,
    REGISTRY,
    CollectorRegistry,
    Counter,
    Histogram,
    generate_latest,
    start_http_server,
)
from prometheus_client.multiprocess import MultiProcessCollector, mark_process_dead

from service.errors import Misconfigured

correlation: ContextVar[str] = ContextVar("correlation", default="")
traceparent: ContextVar[str] = ContextVar("traceparent", default="")
"""The trace that the present work belongs to, '' of work that nobody asked for."""

# of a version to come what ours says, too; neither id is all zeros
_TRACEPARENT: Final = re.compile(
    r"(?P<version>(?!ff)[0-9a-f]{2})-(?P<ids>(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16})"
    r"-(?P<flags>[0-9a-f]{2})(?P<more>-.*)?"
)

SHARED: Final = "PROMETHEUS_MULTIPROC_DIR"
"""Names the folder in which the workers of a server keep their metrics, one that has died its last."""
_BY = ("method", "route", "status")
_REQUESTS = Counter("casebridge_http_requests", "Requests answered, by the rule of their route", _BY)
_SECONDS = Histogram("casebridge_http_request_seconds", "From a request's head to its answer", _BY)


def configure(level: int = logging.INFO) -> None:
    """Write JSON lines to standard output, each with time, level and correlation id."""
    structlog.configure(
        processors=[
            _correlate,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.JSONRenderer(),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=_Lines,
        cache_logger_on_first_use=True,
    )


class _Lines(structlog.WriteLogger):
    """Writes lines as long as somebody reads them: that nobody does any more ends no work."""

    def msg(self, message: str) -> None:
        """Write a line."""
        with suppress(OSError, ValueError):
            super().msg(message)

    debug = info = warning = error = critical = msg


def begin(sent_id: str | None = None, sent_trace: Any = None) -> str:
    """Start a correlation id and return it; go on with the caller's trace, or start one.

    The id is the caller's when it is a plain short token, else the trace's.
    """
    traceparent.set(_trace_of(sent_trace))
    plain = sent_id is not None and len(sent_id) <= 64 and sent_id.replace("-", "").isalnum()
    chosen = sent_id if sent_id is not None and plain else traceparent.get()[3:35]
    correlation.set(chosen)
    return chosen


def _trace_of(sent: Any) -> str:
    """Return a traceparent of version 00: the one that was sent if it is valid, else a new one.

    No spans are recorded here, so the parent stays who it was: what follows of the work is the caller's.
    """
    told = _TRACEPARENT.fullmatch(sent) if isinstance(sent, str) else None
    if told is None or (told["version"] == "00" and told["more"]):
        # nobody has to be kept from guessing them, and to ask the system would let other threads go first
        return f"00-{getrandbits(128) or 1:032x}-{getrandbits(64) or 1:016x}-00"
    flags = told["flags"] if told["version"] == "00" else f"{int(told['flags'], 16) & 1:02x}"
    return f"00-{told['ids']}-{flags}"


def count_answer(method: str, route: str, status: int, seconds: float) -> None:
    """Count an answer; `route` is the rule, never the path: a path holds ids and has no end of values."""
    requests, times = _metrics_of(method, route, status)
    requests.inc()
    times.observe(seconds)


@cache
def _metrics_of(method: str, route: str, status: int) -> tuple[Counter, Histogram]:
    labels = (method, route, str(status))
    return _REQUESTS.labels(*labels), _SECONDS.labels(*labels)


def exposition() -> tuple[bytes, str]:
    """Return the metrics in Prometheus' text format, and its media type; a worker tells its server's."""
    folder = os.environ.get(SHARED)
    return generate_latest(REGISTRY if folder is None else _shared(folder)), CONTENT_TYPE_LATEST


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


def _shared(folder: str) -> CollectorRegistry:
    """Return the sums over all workers; of one that has died the counters stay, or they would go down."""
    for gauges in Path(folder).glob("gauge_live*.db"):
        pid = int(gauges.stem.rpartition("_")[2])
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            with suppress(FileNotFoundError):  # another was asked at the same time
                mark_process_dead(pid, folder)  # type: ignore[no-untyped-call]
    registry = CollectorRegistry()
    MultiProcessCollector(registry, folder)  # type: ignore[no-untyped-call]
    return registry


def _correlate(_logger: object, _name: str, event: structlog.typing.EventDict) -> structlog.typing.EventDict:
    if correlation.get():
        event["correlation"] = correlation.get()
    if traceparent.get():
        event["trace"] = traceparent.get()[3:35]
    return event
