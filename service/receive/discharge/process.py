"""FHIR messages: each is answered by a message.

https://hl7.org/fhir/R4/messaging.html
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from service.errors import CasebridgeError, Issue, Refused, Unavailable
from service.receive.discharge.messages import (
    FHIR_JSON,
    IN_FHIR,
    ReceptionPort,
    check_retained,
    outcome_resource,
)
from service.values.access.scope import Partner
from service.values.inbound.inbox import Answer, InboundMessage, Outcome
from service.wire.fhir.check.check import check
from service.wire.fhir.exchange.answers import Code, response_message
from service.wire.fhir.exchange.naming import content, header_of, keys
from service.wire.json import dump
from service.wire.outcomes import operation_outcome, outcome

PROMISED: Final = Issue("Kept; the response message follows.", "", "informational")


@dataclass(frozen=True, slots=True)
class Processing:
    """Takes messages in and answers them; `base` is our address."""

    reception: ReceptionPort
    clock: Callable[[], datetime]
    base: str

    def answer(
        self, partner: Partner, raw: bytes, sent: dict[str, Any], transport_keys: tuple[str, ...]
    ) -> Answer:
        """Return the response message: 200, 202 when it waits in quarantine, else the status of the error.

        Args:
            partner: who sends it.
            raw: the Bundle as it came.
            sent: the same, parsed.
            transport_keys: the sender's own keys for it beside those in it.

        Raises:
            Refused: it is no message, or has nothing that an answer could name.
        """
        _check_header(sent)
        try:
            return self._take(partner, raw, sent, transport_keys, None)
        except CasebridgeError as error:
            code: Code = "transient-error" if isinstance(error, Unavailable) else "fatal-error"
            body = response_message(sent, code, operation_outcome(error), self.base, self.clock())
            if check(body):  # what it would repeat of the header is broken: without it there is no message
                raise
            return Answer(error.status, FHIR_JSON, dump(body))

    def promise(
        self,
        partner: Partner,
        raw: bytes,
        sent: dict[str, Any],
        transport_keys: tuple[str, ...],
        url: str | None,
    ) -> Answer:
        """Return 202 once it is kept, and owe the response message to an address.

        Arguments are as those of `answer`; `url` is where the sender wants the response message, when not
        at MessageHeader.source.endpoint.

        Raises:
            Refused: as `answer`, or the registry does not name the address as one of the partner's.
            Rejected, Unavailable: as `ReceptionPort.receive`; then nothing is owed.
        """
        _check_header(sent)
        source = header_of(sent).get("source")
        to = url or (source.get("endpoint") if isinstance(source, dict) else None)
        if to not in partner.intake.endpoints:
            what = "Answers go to registered addresses alone: have it put in the registry's intake/endpoints."
            raise Refused(what, where="response-url" if url else "MessageHeader.source.endpoint")
        self._take(partner, raw, sent, transport_keys, to)
        return Answer(202, FHIR_JSON, dump(outcome([PROMISED], "information")))

    def _take(
        self,
        partner: Partner,
        raw: bytes,
        sent: dict[str, Any],
        transport_keys: tuple[str, ...],
        to: str | None,
    ) -> Answer:
        check_retained(partner, sent)
        names = (*transport_keys, *keys(sent))
        inbound = InboundMessage(raw, FHIR_JSON, "fhir", "http", names, content(sent), to, parsed=sent)

        def render(became: Outcome) -> Answer:
            body = response_message(sent, "ok", outcome_resource(became, IN_FHIR), self.base, self.clock())
            return Answer(202 if became.state == "quarantined" else 200, FHIR_JSON, dump(body))

        became = self.reception.receive(partner, inbound, render)
        return became.answer or render(became)


def _check_header(sent: dict[str, Any]) -> None:
    header = header_of(sent)
    if sent.get("type") != "message":
        raise Refused("A message is taken here; a transaction or a batch at /fhir.", where="Bundle.type")
    if not header:
        raise Refused("A message begins with its MessageHeader.", where="Bundle.entry[0].resource")
    if not isinstance(header.get("id"), str):
        raise Refused("The answer names it: give the MessageHeader an id.", where="MessageHeader.id")
