"""What is said of a route: the parts that all descriptions are made of."""

from dataclasses import dataclass, field
from typing import Any

Described = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Operation:
    """One method on one path.

    `right` is what the partner's kind needs, None on what is public. `answers` are OpenAPI responses by
    status; `faults` are the statuses of errors beside those that every route, or every guarded one, has.
    `parameters` are names of components or descriptions of their own.
    """

    method: str
    path: str
    name: str
    tag: str
    summary: str
    right: str | None
    answers: dict[int, Described]
    faults: tuple[int, ...] = ()
    parameters: tuple[str | Described, ...] = ()
    body: Described | None = field(default=None)


def answer(what: str, kind: str, schema: Described, headers: tuple[str, ...] = ()) -> Described:
    """Return the description of an answer of a media type; `headers` name components."""
    found: Described = {"description": what, "content": {kind: {"schema": schema}}}
    return {**found, "headers": {name: name for name in headers}} if headers else found


def query(name: str, what: str, **schema: Any) -> Described:
    """Return a query parameter."""
    return {"name": name, "in": "query", "description": what, "schema": {"type": "string", **schema}}
