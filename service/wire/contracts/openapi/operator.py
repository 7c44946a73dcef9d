"""The routes beside the two doors: the feed of messages, health, metrics, and the reference itself."""

from collections.abc import Iterator
from functools import partial
from typing import Final

from service.wire.contracts.messages import ENVELOPE
from service.wire.contracts.openapi.operations import Described, Operation, answer, query

_NUMBER: Final[Described] = {"type": "integer", "minimum": 0}
_TEXT: Final[Described] = {"type": "string"}
_WARNINGS: Final[Described] = {
    "warnings": {
        "type": "array",
        "items": _TEXT,
        "description": "What does not keep it from answering, as a clock that differs from the database's.",
    }
}


def operations() -> tuple[Operation, ...]:
    """Return the operations."""
    return (_feed(), *_health(), _metrics(), *_reference())


def _feed() -> Operation:
    kind, batch = "application/cloudevents-batch+json", {"$ref": f"./messages/{ENVELOPE}"}
    messages = answer(
        "Messages in the order of their positions.",
        kind,
        {"type": "array", "items": batch},
        ("Casebridge-Position",),
    )
    after = query("after", "The last position you have seen.", **_NUMBER, default=0)
    count = query("_count", "How many messages at most.", **_NUMBER, default=100, maximum=1000)
    return Operation(
        "get",
        "/events",
        "feed",
        tag="Messages",
        summary="Follow the messages without a broker",
        right="events",
        parameters=(after, count),
        answers={200: messages},
    )


def _health() -> Iterator[Operation]:
    paths = {word: {"const": f"/health/{word}"} for word in ("live", "ready")}
    listed = {"type": "object", "required": list(paths), "properties": paths}
    yield Operation(
        "get",
        "/health",
        "health",
        tag="Operation",
        summary="List what tells of health",
        right=None,
        answers={200: answer("Where each is told.", "application/json", listed)},
    )
    for word, summary, faults in (
        ("live", "Tell whether the process answers", ()),
        ("ready", "Tell whether the database is there and of this release", (503,)),
    ):
        schema = {
            "type": "object",
            "required": ["status"],
            "properties": {"status": {"const": word}, **(_WARNINGS if word == "ready" else {})},
        }
        yield Operation(
            "get",
            f"/health/{word}",
            word,
            tag="Operation",
            summary=summary,
            right=None,
            answers={200: answer(f"It is {word}.", "application/json", schema)},
            faults=faults,
        )


def _metrics() -> Operation:
    return Operation(
        "get",
        "/metrics",
        "metrics",
        tag="Operation",
        summary="Read the metrics of this process",
        right="metrics",
        answers={200: answer("Prometheus' text format.", "text/plain", _TEXT)},
    )


def _reference() -> Iterator[Operation]:
    kinds = {"application/yaml": {"schema": _TEXT}, "application/schema+json": {"schema": {"type": "object"}}}
    file = {200: {"description": "The file, as it is generated.", "content": kinds}}
    name: Described = {"name": "name", "in": "path", "required": True, "schema": _TEXT}
    said = partial(Operation, "get", tag="Reference", right=None)
    yield said(
        "/",
        "start",
        summary="Be led to this reference",
        answers={302: {"description": "It stands at /docs."}},
    )
    yield said(
        "/docs",
        "reference",
        summary="Read this reference",
        answers={200: answer("A page that needs nothing else.", "text/html", _TEXT)},
    )
    for path, called, summary in (
        ("/docs/{name}", "contract", "Read a contract: openapi.yaml, asyncapi.yaml, case.schema.json, …"),
        ("/docs/messages/{name}", "message-schema", "Read the schema of a message, or of its data"),
    ):
        yield said(path, called, summary=summary, answers=file, faults=(404,), parameters=(name,))
