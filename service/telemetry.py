"""Structured logs with a correlation id; only identifiers of ours and static event names go in."""

import logging
from contextvars import ContextVar
from uuid import uuid4

import structlog

correlation: ContextVar[str] = ContextVar("correlation", default="")


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


def begin(given: str | None = None) -> str:
    """Start a correlation id, the caller's when it is a plain short token, and return it."""
    plain = given is not None and len(given) <= 64 and given.replace("-", "").isalnum()
    chosen = given if given is not None and plain else str(uuid4())
    correlation.set(chosen)
    return chosen


def _correlate(_logger: object, _name: str, event: structlog.typing.EventDict) -> structlog.typing.EventDict:
    if correlation.get():
        event["correlation"] = correlation.get()
    return event
