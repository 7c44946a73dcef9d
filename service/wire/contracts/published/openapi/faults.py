"""The errors as answers, each with an example in the form of its door.

https://www.rfc-editor.org/rfc/rfc9457 · https://hl7.org/fhir/R4/operationoutcome.html
"""

from collections.abc import Callable
from typing import Any, Final

from service.errors import (
    CasebridgeError,
    Conflict,
    Denied,
    Gone,
    Issue,
    Malformed,
    NotFound,
    Precondition,
    Rejected,
    Stale,
    TooLarge,
    TooLong,
    TooMany,
    TooSlow,
    Unauthenticated,
    Unavailable,
    Unkept,
    Unspoken,
    Unsupported,
)
from service.wire.contracts.published.openapi.operations import Described
from service.wire.outcomes import operation_outcome, problem

PROBLEM: Final[Described] = {
    "type": "object",
    "description": "A problem (RFC 9457); `issues` names each place by its JSON pointer.",
    "required": ["type", "title", "status", "detail", "issues"],
    "properties": {
        "type": {"type": "string", "format": "uri-reference"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "issues": {
            "type": "array",
            "minItems": 1,
            "items": {
                "type": "object",
                "required": ["pointer", "detail"],
                "properties": {"pointer": {"type": "string"}, "detail": {"type": "string"}},
            },
        },
    },
}
OUTCOME: Final[Described] = {
    "type": "object",
    "description": "A FHIR OperationOutcome; `expression` names each place.",
    "externalDocs": {"url": "https://hl7.org/fhir/R4/operationoutcome.html"},
    "required": ["resourceType", "issue"],
    "properties": {
        "resourceType": {"const": "OperationOutcome"},
        "issue": {
            "type": "array",
            "minItems": 1,
            "items": {"type": "object", "required": ["severity", "code"]},
        },
    },
}
_MEANING: Final = {
    406: "The answer has no form that is accepted.",
    500: "Something failed on our side; the correlation id helps us to find it.",
}
_SHARED: Final[dict[int, CasebridgeError]] = {
    408: TooSlow("The body did not come in time; send it again, at once."),
    413: TooLarge("The body has 20000013 bytes; send at most 10000000."),
    414: TooLong("Over 16384 bytes stand behind `?`; ask in parts, or search by POST.", where="query"),
    415: Unsupported("Send it as its media type.", where="Content-Type"),
    401: Unauthenticated("The token is none of ours, or past; ask for a new one.", "invalid_token"),
    403: Denied("A partner of this kind has no right to this."),
    429: TooMany("You ask more often than 200 times a second; Retry-After says when to go on."),
    500: CasebridgeError("Something failed on our side; tell us 7c0e0f5e-58a5-4f0e-8a4f-0d6f6a1f2a11."),
    503: Unavailable("The database does not answer; try again in a moment."),
}
_PROBLEMS: Final[dict[int, CasebridgeError]] = {
    **_SHARED,
    400: Malformed("The key stands twice; keep one.", where="/names/0/family"),
    404: NotFound("There is no such client."),
    409: Conflict("The client has cases; erase them first."),
    410: Unkept("Messages after this position are no longer kept.", where="after"),
    412: Stale("The document is at revision 3; GET it, merge, and try again."),
    422: Rejected(
        "The client does not fit its contract.",
        issues=[Issue("Unknown field.", "/nams"), Issue("No such day in the calendar.", "/birth_date")],
    ),
    428: Precondition("The document exists: send If-Match with the ETag you last saw."),
}
_OUTCOMES: Final[dict[int, CasebridgeError]] = {
    **_SHARED,
    400: Malformed("Not a date with an optional prefix, e.g. ge2026-03.", where="birthdate"),
    404: NotFound("There is no such resource."),
    406: Unspoken("Only JSON is spoken here; ask for application/fhir+json.", where="Accept"),
    410: Gone("It was erased."),
    412: Stale("The resource has another version now: GET it, make your change in it, and try again."),
    422: Rejected("Not valid R4.", issues=[Issue("Unknown element.", "Parameters.parametr", "structure")]),
    428: Precondition("Send If-Match with the ETag that you read."),
}


def problems() -> dict[int, Described]:
    """Return the answers of /api and all that is not FHIR, by status."""
    return _answers(_PROBLEMS, "application/problem+json", "Problem", problem)


def outcomes() -> dict[int, Described]:
    """Return the answers of /fhir, by status."""
    return _answers(_OUTCOMES, "application/fhir+json", "OperationOutcome", operation_outcome)


def _answers(
    examples: dict[int, CasebridgeError], kind: str, schema: str, body_of: Callable[[CasebridgeError], Any]
) -> dict[int, Described]:
    return {
        status: {
            "description": _MEANING.get(status, type(error).__doc__),
            "content": {kind: {"schema": schema, "example": body_of(error)}},
        }
        for status, error in sorted(examples.items())
    }
