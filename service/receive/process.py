"""FHIR messages: each is answered by a message.

https://hl7.org/fhir/R4/messaging.html
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from service.errors import CasebridgeError, Refused, Unavailable
from service.receive.messages import FHIR_JSON, IN_FHIR, Reception, said
from service.values.inbox import Answer, Outcome, Received
from service.values.scope import Partner
from service.wire.fhir.answers import Code, response_message
from service.wire.fhir.naming import content, header_of, keys
from service.wire.json import dump
from service.wire.outcomes import operation_outcome


@dataclass(frozen=True, slots=True)
class Processing:
    """Takes messages in and answers them; `base` is our address."""

    reception: Reception
    clock: Callable[[], datetime]
    base: str

    def answered(self, partner: Partner, raw: bytes, sent: dict[str, Any], named: tuple[str, ...]) -> Answer:
        """Return the response message: 200, 202 when it waits in quarantine, else the status of the error.

        Args:
            partner: who sends it.
            raw: the Bundle as it came.
            sent: the same, parsed.
            named: the sender's own keys for it beside those in it.

        Raises:
            Refused: it is no message, or has nothing that an answer could name.
        """
        header = header_of(sent)
        if sent.get("type") != "message" or not header:
            raise Refused("A message begins with its MessageHeader.", where="Bundle.entry[0].resource")
        if not isinstance(header.get("id"), str):
            raise Refused("The answer names it: give the MessageHeader an id.", where="MessageHeader.id")
        received = Received(raw, FHIR_JSON, "fhir", "http", (*named, *keys(sent)), content(sent))

        def render(became: Outcome) -> Answer:
            body = response_message(sent, "ok", said(became, IN_FHIR), self.base, self.clock())
            return Answer(202 if became.state == "quarantined" else 200, FHIR_JSON, dump(body))

        try:
            became = self.reception.receive(partner, received, render)
        except CasebridgeError as error:
            code: Code = "transient-error" if isinstance(error, Unavailable) else "fatal-error"
            body = response_message(sent, code, operation_outcome(error), self.base, self.clock())
            return Answer(error.status, FHIR_JSON, dump(body))
        return became.answer or render(became)
