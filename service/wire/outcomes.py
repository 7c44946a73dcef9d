"""Errors as they go out: OperationOutcome (FHIR) and problem+json (RFC 9457).

https://hl7.org/fhir/R4/operationoutcome.html · https://www.rfc-editor.org/rfc/rfc9457
"""

from collections.abc import Iterable
from typing import Any, Literal

from service.errors import CasebridgeError, Issue

Severity = Literal["error", "warning", "information"]


def operation_outcome(error: CasebridgeError) -> dict[str, Any]:
    """Return an OperationOutcome with an issue for each thing wrong."""
    return outcome(error.issues, "error")


def outcome(issues: Iterable[Issue], severity: Severity) -> dict[str, Any]:
    """Return an OperationOutcome that tells issues of one severity; at least one."""
    entries = []
    for issue in issues:
        # HAPI's client tells its user what stands in diagnostics, and nothing of details
        entry: dict[str, Any] = {
            "severity": severity,
            "code": issue.code,
            "details": {"text": issue.what},
            "diagnostics": issue.what,
        }
        if issue.where:
            entry["expression"] = [issue.where]
        entries.append(entry)
    return {"resourceType": "OperationOutcome", "issue": entries}


def problem(error: CasebridgeError) -> dict[str, Any]:
    """Return a problem document; `issues` name each place by its JSON pointer."""
    return {
        "type": "about:blank",
        "title": error.title,
        "status": error.status,
        "detail": str(error.args[0]),
        "issues": [{"pointer": issue.where, "detail": issue.what} for issue in error.issues],
    }
