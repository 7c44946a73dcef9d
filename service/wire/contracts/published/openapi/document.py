"""The OpenAPI document.

https://spec.openapis.org/oas/v3.1.1
"""

from collections.abc import Iterable
from typing import Any, Final

from apispec import APISpec

from service.wire.contracts.published.openapi.faults import OUTCOME, PROBLEM, outcomes, problems
from service.wire.contracts.published.openapi.operations import Described, Operation

_VERSION: Final = "3.1.0"
ABOUT: Final = """\
A case-management system writes clients, cases and directory entries under `/api`. They are projected to
FHIR R4 in the same transaction, and read under `/fhir` by those whom they concern. Each change is a message,
on RabbitMQ (asyncapi.yaml) and in the feed `/events`.

What is outside of a partner's scope does not exist for it: 404. What its kind has no right to is 403.
"""
_EVERYWHERE: Final = (400, 414, 429, 500)
_GUARDED: Final = (401, 403, 503)
_TAGS: Final = {
    "Documents": "Clients, cases and directory entries as internal JSON.",
    "Mappings": "What is made of a document, before it is.",
    "Quarantine": "What hospitals sent and could not be used yet; nothing is thrown away.",
    "FHIR": "FHIR R4 (4.0.1).",
    "Hospitals": "What hospitals send: FHIR messages, transactions, batches and Encounters, and HL7 v2.",
    "Terminology": "What our codes mean: FHIR's terminology operations.",
    "Messages": "The outbox as a feed.",
    "Authorization": "Tokens for partners, by SMART Backend Services.",
    "Operation": "Health and metrics.",
    "Reference": "What you are reading, for people and for programs.",
}
_TEXT: Final[Described] = {"type": "string"}
_ETAG: Final[Described] = {"examples": ['W/"3"']}
_HEADERS: Final[dict[str, tuple[str, Described]]] = {
    "ETag": ("The version; send it back in If-Match or If-None-Match.", _ETAG),
    "Last-Modified": ("When that version was stored.", {}),
    "Location": ("Where the document is from now on, by our id.", {"format": "uri-reference"}),
    "Casebridge-Id": ("Our id of the document.", {}),
    "Casebridge-Position": ("The position of the last message; send it as `after`.", {}),
    "Content-Location": ("Where to ask how far it is.", {"format": "uri"}),
    "X-Progress": ("How far it is, in words.", {}),
    "Retry-After": ("After how many seconds to ask again.", {}),
    "Expires": ("Until when it is there.", {}),
    "Content-Language": ("The language of displays and narratives.", {"examples": ["en"]}),
}
_PARAMETERS: Final[dict[str, tuple[str, str, str, Described]]] = {
    "Ref": ("path", "ref", "Your id of the document, or ours.", {"pattern": r"^[A-Za-z0-9\-.]{1,64}$"}),
    "If-Match": (
        "header",
        "If-Match",
        "The ETag you last saw: needed to change what exists (428), and not to be old (412).",
        _ETAG,
    ),
    "If-None-Match": ("header", "If-None-Match", "The ETag of the version you have.", _ETAG),
    "If-Modified-Since": (
        "header",
        "If-Modified-Since",
        "The Last-Modified of the version you have; If-None-Match is heeded before it.",
        {"examples": ["Mon, 02 Mar 2026 08:00:00 GMT"]},
    ),
    "If-Absent": ("header", "If-None-Match", "`*` creates only: 412 when it exists.", {"const": "*"}),
    "Accept-Language": ("header", "Accept-Language", "Which languages of displays and narratives.", {}),
    "Count": ("query", "_count", "How many at most.", {"type": "integer", "minimum": 0, "default": 50}),
    "Since": ("query", "_since", "Versions stored at this instant or later.", {"format": "date-time"}),
    "At": ("query", "_at", "Versions current at some time in this date, month, year or second.", {}),
    "Cursor": ("query", "_cursor", "Part of a `next` link; never made by hand.", {}),
    "Id": ("query", "_id", "Logical ids, separated by commas.", {}),
    "Last-Updated": ("query", "_lastUpdated", "A date or instant with an optional prefix.", {}),
    "Format": ("query", "_format", "Only JSON is spoken.", {"examples": ["json"]}),
    "Pretty": ("query", "_pretty", "`true` indents the answer.", {"enum": ["true", "false"]}),
    "Return": (
        "header",
        "Prefer",
        "`return=minimal` leaves out the body, `return=OperationOutcome` says that it was done.",
        {"examples": ["return=minimal"]},
    ),
}


def openapi(operations: Iterable[Operation], version: str) -> dict[str, Any]:
    """Return the document of these operations, in their order; `version` is that of the service."""
    spec = APISpec(
        "Casebridge",
        version,
        _VERSION,
        info={"description": ABOUT, "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"}},
        servers=[{"url": "/"}],
        tags=[{"name": name, "description": what} for name, what in _TAGS.items()],
    )
    _components(spec)
    for operation in operations:
        spec.path(operation.path, operations={operation.method: _operation_object(operation)})
    return {"openapi": _VERSION, **spec.to_dict()}


def _components(spec: APISpec) -> None:
    spec.components.security_scheme(
        "partner",
        {
            "type": "apiKey",
            "in": "header",
            "name": "Casebridge-Partner",
            "description": "A registered partner, while CASEBRIDGE_AUTH is `off`; without it, the operator.",
        },
    )
    spec.components.security_scheme(
        "token",
        {
            "type": "http",
            "scheme": "bearer",
            "bearerFormat": "JWT",
            "description": "A token of /oauth2/token, while CASEBRIDGE_AUTH is `smart`.",
        },
    )
    spec.components.schema("Problem", PROBLEM)
    spec.components.schema("OperationOutcome", OUTCOME)
    for name, (what, schema) in _HEADERS.items():
        spec.components.header(name, {"description": what, "schema": {**_TEXT, **schema}})
    for name, (where, called, what, schema) in _PARAMETERS.items():
        spec.components.parameter(
            name, where, {"name": called, "description": what, "schema": {**_TEXT, **schema}}
        )
    for status, response in problems().items():
        spec.components.response(f"problem-{status}", response)
    for status, response in outcomes().items():
        spec.components.response(f"outcome-{status}", response)


def _operation_object(operation: Operation) -> Described:
    form = "outcome" if operation.path.startswith("/fhir") else "problem"
    described: Described = {
        "operationId": operation.name,
        "tags": [operation.tag],
        "summary": operation.summary,
        "security": [{"token": []}, {"partner": []}, {}] if operation.right else [],
    }
    if operation.right:
        described["description"] = f"Needs the right `{operation.right}`."
    if operation.parameters:
        described["parameters"] = list(operation.parameters)
    if operation.body:
        described["requestBody"] = operation.body
    faults = {*_EVERYWHERE, *operation.faults, *(_GUARDED if operation.right else ())}
    responses = {**{status: f"{form}-{status}" for status in faults}, **operation.answers}
    return {**described, "responses": dict(sorted(responses.items()))}
