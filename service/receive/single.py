"""An Encounter alone: a stay that a hospital creates or updates by its identifier."""

from dataclasses import dataclass, replace
from typing import Any

from service.receive.messages import FHIR_JSON, IN_FHIR, Reception, said
from service.values.inbox import Answer, Outcome, Received
from service.values.scope import Partner
from service.wire.fhir.naming import content
from service.wire.json import dump


@dataclass(frozen=True, slots=True)
class Encounters:
    """Takes Encounters in; `base` is our address."""

    reception: Reception
    base: str

    def answered(
        self, partner: Partner, raw: bytes, sent: dict[str, Any], named: tuple[str, ...]
    ) -> tuple[Answer, str | None]:
        """Return an OperationOutcome, and where the stay is read: 201 the first time, 200 after that.

        In quarantine it is 202. Raises as `Reception.receive`.
        """
        received = Received(raw, FHIR_JSON, "fhir", "http", named, content(sent))
        became = self.reception.receive(partner, received, render)
        given = became.answer or render(became)
        if became.state == "duplicate" and not named and given.status == 201:
            # not a lost answer repeated, but the same stay once more
            given = replace(given, status=200)
        return given, self._location(became)

    def _location(self, became: Outcome) -> str | None:
        known = [each.encounter for each in became.stays if each.encounter]
        return f"{self.base}/Encounter/{known[0]}" if known else None


def render(became: Outcome) -> Answer:
    """Return what is answered."""
    is_new = any(each.is_new for each in became.stays)
    status = {"quarantined": 202, "accepted": 201 if is_new else 200}.get(became.state, 200)
    return Answer(status, FHIR_JSON, dump(said(became, IN_FHIR)))
