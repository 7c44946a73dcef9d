"""What the doors for messages share: what is received, and what is told of what became of it.

Rules name places in the Discharge; a sender is told where these stand in what it sent.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Final, Protocol

from service.errors import Issue
from service.values.inbox import Outcome, Received, Render
from service.values.scope import Partner
from service.wire.outcomes import Severity
from service.wire.outcomes import outcome as told_as

FHIR_JSON: Final = "application/fhir+json"
DONE: Final = Issue("Kept, and used.", "", "informational")


class Reception(Protocol):
    """The story of messages, as doors see it."""

    def receive(self, partner: Partner, received: Received, render: Render) -> Outcome:
        """Take a message in, once; the outcome carries the answer that was committed with it.

        Raises:
            Rejected: it can never be used; nothing of it is kept.
            Unavailable: it cannot be kept now.
        """


IN_HL7V2: Final = {
    "/patient/identifiers": "PID-3",
    "/patient/merged_from": "MRG-1",
    "/stay/identifiers": "PV1-19",
    "/recorded": "EVN-2",
    "/processing": "MSH-11",
}
IN_FHIR: Final = {
    "/patient/identifiers": "Patient.identifier",
    "/patient/merged_from": "Patient.link",
    "/stay/identifiers": "Encounter.identifier",
    "/recorded": "Encounter.meta.lastUpdated",
    "/processing": "Bundle.meta.tag",
}


def told(outcome: Outcome, places: Mapping[str, str]) -> tuple[Issue, ...]:
    """Return what to tell of an outcome; what waits in quarantine is named first."""
    issues = located(outcome.issues, places)
    if outcome.state != "quarantined":
        return issues
    what = f"Kept in quarantine as {outcome.entry} ({outcome.reason}); it needs not be sent again."
    return (Issue(what, issues[0].where if issues else "", "incomplete"), *issues)


def said(outcome: Outcome, places: Mapping[str, str]) -> dict[str, Any]:
    """Return the OperationOutcome of what became of a message."""
    severity: Severity = "warning" if outcome.state == "quarantined" else "information"
    return told_as(told(outcome, places) or [DONE], severity)


def located(issues: Sequence[Issue], places: Mapping[str, str]) -> tuple[Issue, ...]:
    """Return issues with their places as the sender knows them."""
    return tuple(replace(each, where=places.get(each.where, each.where)) for each in issues)


def keyed(key: str | None) -> tuple[str, ...]:
    """Return the sender's own key for a message, as the inbox has it, or none."""
    return (f"Idempotency-Key|{key}",) if key else ()
