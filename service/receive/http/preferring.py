"""How much of what was put a client wants back: https://hl7.org/fhir/R4/http.html#ops."""

from typing import Final

from flask import Response, request

from service.errors import Issue
from service.wire.json import dump
from service.wire.outcomes import outcome
from service.wire.preferences import preference

_DONE: Final = Issue("It is stored; ETag names its version.", code="informational")


def as_preferred(answer: Response) -> Response:
    """Return the answer of a resource that is stored as `Prefer: return=` has it; other words are not heeded.

    `minimal` leaves its body out, `OperationOutcome` says that it was done.
    """
    if _preferred() == "OperationOutcome":
        answer.set_data(dump(outcome([_DONE], "information")))
        answer.headers["Preference-Applied"] = "return=OperationOutcome"
    return minimal_if_preferred(answer)


def minimal_if_preferred(answer: Response) -> Response:
    """Return an answer without its body where `return=minimal` is preferred, and what was sent is used."""
    if answer.status_code in {200, 201} and _preferred() == "minimal":
        answer.set_data(b"")
        del answer.headers["Content-Type"]
        answer.headers["Preference-Applied"] = "return=minimal"
    return answer


def _preferred() -> str:
    return preference(request.headers.get("Prefer", ""), "return")
