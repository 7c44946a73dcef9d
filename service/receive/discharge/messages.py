"""What the doors for messages share: what is received, and what is told of what became of it.

Rules name places in the Discharge; a sender is told where these stand in what it sent.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Final, Protocol

from service.errors import Issue, Refused
from service.values.access.scope import Partner
from service.values.inbound.inbox import InboundMessage, Outcome, Render
from service.wire.fhir.exchange.bundles import unused_entries
from service.wire.outcomes import Severity
from service.wire.outcomes import outcome as told_as

FHIR_JSON: Final = "application/fhir+json"
DONE: Final = Issue("Kept, and used.", "", "informational")
NOT_RETAINED: Final = Issue("Not retained; it tells nothing of a stay here.", "", "informational")


class ReceptionPort(Protocol):
    """The story of messages, as doors see it."""

    def receive(self, partner: Partner, inbound: InboundMessage, render: Render) -> Outcome:
        """Take a message in, once; the outcome carries the answer that was committed with it.

        Raises:
            Rejected: it can never be used; nothing of it is kept.
            Unavailable: it cannot be kept now.
        """


IN_HL7V2: Final = {
    "/patient": "PID-3",
    "/patient/identifiers": "PID-3",
    "/patient/merged_from": "MRG-1",
    "/stay/identifiers": "PV1-19",
    "/stay/period/start": "PV1-44",
    "/stay/period/end": "PV1-45",
    "/recorded": "EVN-2",
    "/processing": "MSH-11",
}
IN_FHIR: Final = {
    "/patient": "Encounter.subject",
    "/patient/identifiers": "Patient.identifier",
    "/patient/merged_from": "Patient.link",
    "/stay/identifiers": "Encounter.identifier",
    "/stay/period/start": "Encounter.period.start",
    "/stay/period/end": "Encounter.period.end",
    "/recorded": "Encounter.meta.lastUpdated",
    "/processing": "Bundle.meta.tag",
}


def outcome_issues(outcome: Outcome, places: Mapping[str, str]) -> tuple[Issue, ...]:
    """Return what to tell of an outcome; what waits in quarantine is named first."""
    issues = issues_at_sender(outcome.issues, places)
    if outcome.state != "quarantined":
        return issues
    what = f"Kept in quarantine as {outcome.entry} ({outcome.reason}); it needs not be sent again."
    return (Issue(what, issues[0].where if issues else "", "incomplete"), *issues)


def outcome_resource(outcome: Outcome, places: Mapping[str, str]) -> dict[str, Any]:
    """Return the OperationOutcome of what became of a message."""
    severity: Severity = "warning" if outcome.state == "quarantined" else "information"
    return told_as(outcome_issues(outcome, places) or [DONE], severity)


def issues_at_sender(issues: Sequence[Issue], places: Mapping[str, str]) -> tuple[Issue, ...]:
    """Return issues with their places as the sender knows them."""
    return tuple(replace(issue, where=places.get(issue.where, issue.where)) for issue in issues)


PLACES: Final[Mapping[str, Mapping[str, str]]] = {"fhir": IN_FHIR, "hl7v2": IN_HL7V2}
"""Where in what was sent a place of the Discharge usually stands, by `InboundMessage.form`."""


def not_to_leave_out(partner: Partner, sent: dict[str, Any]) -> dict[int, Issue]:
    """Return by number the entries of types that nothing is kept of, where the registry refuses these."""
    if partner.intake.not_retained != "refuse":
        return {}
    left = [index for index, type_ in unused_entries(sent) if type_ != "MessageHeader"]
    return {
        index: replace(NOT_RETAINED, where=f"Bundle.entry[{index}].resource", code="not-supported")
        for index in left
    }


def check_retained(partner: Partner, sent: dict[str, Any]) -> None:
    """Raise Refused with the entries of a Bundle that `not_to_leave_out` returns."""
    if issues := not_to_leave_out(partner, sent):
        what = "It holds what this partner's settings do not let us leave out."
        raise Refused(what, issues=list(issues.values()))


def sender_keys(key: str | None) -> tuple[str, ...]:
    """Return the sender's own key for a message, as the inbox has it, or none."""
    return (f"Idempotency-Key|{key}",) if key else ()
