"""The door for discharges that come over AMQP: HL7 v2 or FHIR, as the content type says."""

from collections.abc import Callable, Collection
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from service.access import policy
from service.errors import CasebridgeError, Denied, Malformed, Refused, Unsupported
from service.receive.amqp.taking import Delivery, DeliveryResult, Taken, take
from service.receive.discharge.bundles import Bundles
from service.receive.discharge.compressed import check_plain
from service.receive.discharge.hl7v2 import ER7, TAKEN, Hl7v2Reception
from service.receive.discharge.messages import FHIR_JSON, ReceptionPort, sender_keys
from service.receive.discharge.process import Processing
from service.receive.discharge.sent import JSON, sent_as
from service.receive.discharge.single import Encounters
from service.values.access.scope import Partner
from service.values.inbound.inbox import Answer, InboundMessage, Outcome, Render
from service.values.limits import InputLimits
from service.wire.json import dump
from service.wire.outcomes import operation_outcome


@dataclass(slots=True)
class _Listening:
    """The story of messages, for one delivery: it notes the way, and what was not kept."""

    reception: ReceptionPort
    errors: list[CasebridgeError] = field(default_factory=list)

    def receive(self, partner: Partner, inbound: InboundMessage, render: Render) -> Outcome:
        """As `ReceptionPort.receive`."""
        try:
            return self.reception.receive(partner, replace(inbound, way="amqp"), render)
        except CasebridgeError as error:
            self.errors.append(error)
            raise


@dataclass(frozen=True, slots=True)
class Discharges:
    """Takes deliveries in. `partners` have AMQP users each of their own; `base` is our address."""

    reception: ReceptionPort
    partners: Collection[Partner]
    clock: Callable[[], datetime]
    base: str
    limits: InputLimits

    def take(self, delivery: Delivery) -> DeliveryResult:
        """Take a delivery in; what it was answered is committed when this returns.

        Raises:
            Unavailable: it can be neither kept nor refused now; it is to be tried again.
        """
        listening = _Listening(self.reception)

        def use(partner: Partner) -> Taken:
            if not policy.allows(partner, "discharges"):
                raise Denied("This partner has no right to discharges.")
            answer, errors = self._answer_and_errors(partner, delivery, listening)
            return Taken(answer, errors)

        return take(self.partners, delivery, use, _refusal)

    def _answer_and_errors(
        self, partner: Partner, delivery: Delivery, listening: _Listening
    ) -> tuple[Answer, list[CasebridgeError]]:
        kind = delivery.content_type.partition(";")[0].strip().lower()
        if "\0" in delivery.message_id:
            raise Malformed("A NUL character; remove it.", where="message-id")
        check_plain(delivery.body, "content-encoding", delivery.content_encoding)
        transport_keys = sender_keys(delivery.message_id)
        if kind in TAKEN:
            acknowledgement = Hl7v2Reception(listening, self.clock).answer(
                partner, delivery.body, "amqp", transport_keys
            )
            return Answer(acknowledgement.status, ER7, acknowledgement.body), list(acknowledgement.errors)
        if kind not in JSON:
            raise Unsupported(f"Send {ER7} or {JSON[0]}.", where="content-type")
        sent = sent_as(delivery.body, self.limits, "Bundle", "Encounter")
        return self._fhir(partner, delivery.body, sent, transport_keys, listening), listening.errors

    def _fhir(
        self,
        partner: Partner,
        raw: bytes,
        sent: dict[str, Any],
        transport_keys: tuple[str, ...],
        listening: _Listening,
    ) -> Answer:
        if sent["resourceType"] == "Encounter":
            return Encounters(listening, self.base).answer(partner, raw, sent, transport_keys)[0]
        if sent.get("type") == "message":
            return Processing(listening, self.clock, self.base).answer(partner, raw, sent, transport_keys)
        if sent.get("type") == "transaction":
            return Bundles(listening).transaction(partner, raw, sent, transport_keys)
        # of a batch some would be kept and some put aside, and which is told by the answer alone
        raise Refused("A message, a transaction or an Encounter is taken here.", where="Bundle.type")


def _refusal(error: CasebridgeError) -> Answer:
    return Answer(error.status, FHIR_JSON, dump(operation_outcome(error)))
