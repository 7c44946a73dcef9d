"""Errors as they go out: OperationOutcome (FHIR) and problem+json (RFC 9457).

https://hl7.org/fhir/R4/operationoutcome.html · https://www.rfc-editor.org/rfc/rfc9457
"""

from typing import Any

from service.errors import CasebridgeError


def operation_outcome(error: CasebridgeError) -> dict[str, Any]:
    """Return an OperationOutcome with an issue for each thing wrong."""
    issues = []
    for each in error.issues:
        issue: dict[str, Any] = {"severity": "error", "code": each.code, "details": {"text": each.what}}
        if each.where:
            issue["expression"] = [each.where]
        issues.append(issue)
    return {"resourceType": "OperationOutcome", "issue": issues}


def problem(error: CasebridgeError) -> dict[str, Any]:
    """Return a problem document; `issues` name each place by its JSON pointer."""
    return {
        "type": "about:blank",
        "title": error.title,
        "status": error.status,
        "detail": str(error.args[0]),
        "issues": [{"pointer": each.where, "detail": each.what} for each in error.issues],
    }
