"""An Encounter alone: a stay that a hospital creates or updates by its identifier."""

from dataclasses import dataclass, replace
from hashlib import sha256
from typing import Any

from service.receive.discharge.messages import FHIR_JSON, IN_FHIR, ReceptionPort, outcome_resource
from service.values.access.scope import Partner
from service.values.inbound.inbox import Answer, InboundMessage, Outcome
from service.wire.fhir.exchange.naming import content
from service.wire.json import dump


@dataclass(frozen=True, slots=True)
class Encounters:
    """Takes Encounters in; `base` is our address."""

    reception: ReceptionPort
    base: str

    def answer(
        self,
        partner: Partner,
        raw: bytes,
        sent: dict[str, Any],
        transport_keys: tuple[str, ...],
        *,
        if_none_exist: str | None = None,
        if_match: str | None = None,
    ) -> tuple[Answer, dict[str, str]]:
        """Return an OperationOutcome, and headers that say where the stay is and its version.

        Without a name of its own it says how the stay is now: what it was before may come back by it.

        It is 201 the first time, 200 after that, 202 in quarantine. Raises as `ReceptionPort.receive`.
        """
        said_so = content(sent)
        if if_none_exist is not None or if_match is not None:
            # the same stay, sent on another condition, is not the same once more
            said_so = sha256(f"{said_so}|{if_none_exist}|{if_match}".encode()).hexdigest()
        inbound = InboundMessage(
            raw,
            FHIR_JSON,
            "fhir",
            "http",
            transport_keys,
            said_so,
            if_none_exist=if_none_exist,
            if_match=if_match,
            is_state=not transport_keys,
            parsed=sent,
        )
        became = self.reception.receive(partner, inbound, render)
        answer = became.answer or render(became)
        if became.state == "duplicate" and not transport_keys and answer.status == 201:
            # not a lost answer repeated, but the same stay once more
            answer = replace(answer, status=200)
        return answer, self._headers(became)

    def _headers(self, became: Outcome) -> dict[str, str]:
        known_stay = next((stay for stay in became.stays if stay.encounter), None)
        if known_stay is None:
            return {}
        tag = {"ETag": f'W/"{known_stay.version}"'} if known_stay.version is not None else {}
        return {"Location": f"{self.base}/Encounter/{known_stay.encounter}", **tag}


def render(became: Outcome) -> Answer:
    """Return what is answered."""
    is_new = any(stay.is_new for stay in became.stays)
    status = {"quarantined": 202, "accepted": 201 if is_new else 200}.get(became.state, 200)
    return Answer(status, FHIR_JSON, dump(outcome_resource(became, IN_FHIR)))
