"""What is said of a route: the parts that all descriptions are made of."""

from dataclasses import dataclass
from typing import Any, Final

Described = dict[str, Any]
JSON: Final = "application/json"
FHIR: Final = "application/fhir+json"
FHIR_TAG: Final = "FHIR"


@dataclass(frozen=True, slots=True)
class Operation:
    """One method on one path.

    `answers` are OpenAPI responses by status; `faults` are the statuses of errors beside those that every
    route, or every guarded one, has. `parameters` are names of components or descriptions of their own.
    `right` is what the partner's kind needs; a door fills in its own where none is named, and none is needed
    for what is public. `silent` says why no answer of it discloses anything; without it the route says what
    each discloses.
    """

    method: str
    path: str
    name: str
    tag: str
    summary: str
    answers: dict[int, Described]
    faults: tuple[int, ...] = ()
    parameters: tuple[str | Described, ...] = ()
    body: Described | None = None
    right: str | None = None
    silent: str = ""


def answer(what: str, kind: str, schema: Described, headers: tuple[str, ...] = ()) -> Described:
    """Return the description of an answer of a media type; `headers` name components."""
    described: Described = {"description": what, "content": {kind: {"schema": schema}}}
    return {**described, "headers": {name: name for name in headers}} if headers else described


def query(name: str, what: str, **schema: Any) -> Described:
    """Return a query parameter."""
    return {"name": name, "in": "query", "description": what, "schema": {"type": "string", **schema}}


def place(name: str, what: str, **schema: Any) -> Described:
    """Return a parameter in the path."""
    where = {"name": name, "in": "path", "required": True}
    return {**where, "description": what, "schema": {"type": "string", **schema}}


def resource(type_: str | None = None) -> Described:
    """Return the schema of a resource: FHIR itself says what is in it."""
    described: Described = {"type": "object", "required": ["resourceType"]}
    if type_ is None:
        return {**described, "externalDocs": {"url": "https://hl7.org/fhir/R4/resourcelist.html"}}
    page = f"https://hl7.org/fhir/R4/{type_.lower()}.html"
    return {**described, "properties": {"resourceType": {"const": type_}}, "externalDocs": {"url": page}}
