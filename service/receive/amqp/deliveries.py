"""The door for discharges that come over AMQP: HL7 v2 or FHIR, as the content type says.

Who sends is known by the message's user-id, which the broker holds to the connection's user:
https://www.rabbitmq.com/docs/validated-user-id
"""

from collections.abc import Callable, Collection
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Final

import structlog
from prometheus_client import Counter

from service import telemetry
from service.errors import CasebridgeError, Denied, Issue, Malformed, Refused, Unavailable, Unsupported
from service.receive.discharge.bundles import Bundles
from service.receive.discharge.compressed import check_plain
from service.receive.discharge.hl7v2 import ER7, TAKEN, Hl7v2Reception
from service.receive.discharge.messages import FHIR_JSON, ReceptionPort, sender_keys
from service.receive.discharge.process import Processing
from service.receive.discharge.sent import JSON, sent_as
from service.receive.discharge.single import Encounters
from service.values.inbound.inbox import Answer, InboundMessage, Outcome, Render
from service.values.limits import InputLimits
from service.values.scope import Partner
from service.wire.json import dump
from service.wire.outcomes import operation_outcome

OWN_QUEUES: Final = "amq."
"""How the broker's own names begin: direct reply-to, and queues that a connection has for itself."""

DELIVERIES = Counter(
    "casebridge_amqp_deliveries", "Discharges from the queue, by what became of them", ["outcome"]
)

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Delivery:
    """A message as the broker delivers it; what its properties do not tell is empty."""

    body: bytes
    content_type: str = ""
    user: str = ""
    message_id: str = ""
    reply_to: str = ""
    content_encoding: str = ""


@dataclass(frozen=True, slots=True)
class DeliveryResult:
    """What became of a delivery.

    `answer` goes to `reply_to` when both are there. `why` says what of it could not be kept: then it is to be
    put aside; without, all of it is kept.
    """

    answer: Answer | None = None
    reply_to: str = ""
    why: tuple[Issue, ...] = ()
    correlation: str = ""


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
        correlation = telemetry.begin()
        listening = _Listening(self.reception)
        reply_to = ""
        errors: list[CasebridgeError]
        try:
            partner = self._partner(delivery)
            reply_to = _allowed_queue(partner, delivery)
            answer, errors = self._answer_and_errors(partner, delivery, listening)
        except CasebridgeError as error:
            errors = [error]
            answer = Answer(error.status, FHIR_JSON, dump(operation_outcome(error)))
        except Exception as exc:  # noqa: BLE001 - one message may not keep the others from being taken
            log.error("delivery_failed", kind=type(exc).__name__)  # noqa: TRY400 - a trace could quote values
            what = f"An error of ours, not of the message; ask us for {correlation}."
            errors = [CasebridgeError(what)]
            answer = Answer(500, FHIR_JSON, dump(operation_outcome(errors[0])))
        if passing := next((failure for failure in errors if isinstance(failure, Unavailable)), None):
            raise passing
        why = tuple(issue for failure in errors for issue in failure.issues)
        DELIVERIES.labels("dead" if why else "taken").inc()
        if why:
            log.warning("delivery_put_aside", kind=type(errors[0]).__name__)
        return DeliveryResult(answer, reply_to, why, correlation)

    def _partner(self, delivery: Delivery) -> Partner:
        for partner in self.partners:
            if delivery.user in partner.intake.amqp_users:
                return partner
        what = "No partner is registered for this AMQP user"
        raise Denied(f"{what}; set user-id, and intake/amqp_users in the registry.", where="user-id")

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


def _allowed_queue(partner: Partner, delivery: Delivery) -> str:
    """Return where an answer goes: a queue of the sender's own or one that the registry names, no other."""
    wanted = delivery.reply_to
    if not wanted or wanted.startswith(OWN_QUEUES) or wanted in partner.intake.amqp_replies:
        return wanted
    log.warning("reply_not_sent", partner=partner.name)
    return ""
