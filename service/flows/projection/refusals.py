"""What of a client's data a consent keeps from whom."""

from collections.abc import Iterator
from typing import Any

from service.values.access.consents import ANYBODY, Refusal
from service.values.access.labels import bits
from service.values.access.purposes import mask_with_kinds
from service.values.dates import EVER, first_day, last_day


def refusals(client: dict[str, Any]) -> list[Refusal]:
    """Return what a client's active consents deny; the document has its links followed."""
    return [refusal for consent in client.get("consents", []) for refusal in _of(consent)]


def _of(consent: dict[str, Any]) -> Iterator[Refusal]:
    if consent["status"] != "active" or consent["decision"] != "deny":
        return
    period = consent.get("period", {})
    start, end = first_day(period.get("start", EVER[0])), last_day(period.get("end", EVER[1]))
    purposes, labels = mask_with_kinds(consent.get("purposes", ())), bits(consent.get("labels", ()))
    recipients = [ANYBODY]
    if "recipient" in consent:
        known = consent["recipient"].get("identifiers", [])
        # of whom nothing tells who they are anybody may be
        recipients = [(identifier["system"], identifier["value"]) for identifier in known] or [ANYBODY]
    for system, value in recipients:
        yield Refusal(system, value, purposes, labels, start, end)
