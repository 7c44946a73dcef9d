"""HL7 v2 that hospitals send, however it comes: taken in message by message, and acknowledged."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import uuid4

from service.errors import CasebridgeError, Rejected, Unsupported
from service.receive.discharge.messages import IN_HL7V2, ReceptionPort, issues_at_sender, outcome_issues
from service.values.access.scope import Partner
from service.values.inbound.inbox import Answer, InboundMessage, Outcome
from service.wire.hl7v2.er7.answer import (
    acknowledgements_of,
    answer,
    application_answer,
    batch_answer,
    verdict_of,
)
from service.wire.hl7v2.er7.charsets import of_partner
from service.wire.hl7v2.er7.message import Header, Message
from service.wire.hl7v2.er7.naming import content, keys
from service.wire.hl7v2.er7.read import Batch, UnreadableMessage, read

ER7: Final = "x-application/hl7-v2+er7"
TAKEN: Final = (ER7, "application/hl7-v2", "application/hl7-v2+er7", "x-application/hl7-v2")


@dataclass(frozen=True, slots=True)
class Acknowledgement:
    """What a payload is answered: an HTTP status, and a body that is empty when the sender wants none.

    A batch has the status 200: each of its messages is answered for itself. `later` are application
    acknowledgements that follow an accept acknowledgement, where a way has room for more than one answer.
    `errors` are those of messages of which nothing was kept, and of a batch from which messages are missing.
    """

    status: int
    body: bytes
    later: tuple[bytes, ...] = ()
    errors: tuple[CasebridgeError, ...] = ()


def _anybodys(_: Header) -> None:
    """Let every message of a payload in: its sender was known before."""


@dataclass(frozen=True, slots=True)
class Hl7v2Reception:
    """Takes payloads of HL7 v2 in and answers them."""

    reception: ReceptionPort
    clock: Callable[[], datetime]

    def answer(
        self,
        partner: Partner,
        raw: bytes,
        way: str,
        transport_keys: tuple[str, ...] = (),
        admit: Callable[[Header], None] = _anybodys,
    ) -> Acknowledgement:
        """Take a payload in and return what it is answered.

        Args:
            partner: who sends it.
            raw: one message, several, or a batch.
            way: how it came.
            transport_keys: the sender's own keys for it beside MSH-10.
            admit: raises Denied over a message that is not the partner's.
        """
        batch = _read_batch(partner, raw)
        keyed = [
            (
                item,
                transport_keys
                if len(batch.items) == 1
                else tuple(f"{key}|{index}" for key in transport_keys),
            )
            for index, item in enumerate(batch.items)
        ]
        replies = [self._one(partner, item, way, names, admit) for item, names in keyed]
        errors = tuple(error for reply in replies for error in reply.errors)
        if batch.envelope is None and not batch.issues:
            later = tuple(message for reply in replies for message in reply.later)
            return (
                replies[0]
                if len(replies) == 1
                else Acknowledgement(200, b"".join(reply.body for reply in replies), later, errors)
            )
        if batch.issues:
            errors += (Rejected("The batch is not whole.", issues=batch.issues),)
        bodies = [reply.body for reply in replies if reply.body]
        now, control_id = self.clock(), _control_id()
        body = batch_answer(batch.envelope, bodies, batch.issues, now=now, control_id=control_id)
        return Acknowledgement(200, body, errors=errors)

    def refusal_of(self, header: Header | None, error: CasebridgeError) -> Acknowledgement:
        """Return what a message is answered of which nothing is kept."""
        issues = issues_at_sender(error.issues, IN_HL7V2)
        body = answer(header, verdict_of(error), issues, now=self.clock(), control_id=_control_id())
        # the media type was right: what is unsupported is in the message
        status = 422 if isinstance(error, Unsupported) else error.status
        return Acknowledgement(status, body or b"", errors=(error,))

    def _one(
        self,
        partner: Partner,
        item: Message | UnreadableMessage,
        way: str,
        transport_keys: tuple[str, ...],
        admit: Callable[[Header], None],
    ) -> Acknowledgement:
        if isinstance(item, UnreadableMessage):
            return self.refusal_of(item.header, item.error)
        names = (*transport_keys, *keys(item))
        inbound = InboundMessage(item.raw, ER7, "hl7v2", way, names, content(item), parsed=item)

        def render(outcome: Outcome) -> Answer:
            issues = outcome_issues(outcome, IN_HL7V2)
            written = (
                answer(item.header, "accept", issues, now=self.clock(), control_id=_control_id()),
                application_answer(
                    item.header,
                    "error" if outcome.state == "quarantined" else "accept",
                    issues,
                    now=self.clock(),
                    control_id=_control_id(),
                ),
            )
            return Answer(
                200,
                ER7,
                b"".join(acknowledgement for acknowledgement in written if acknowledgement is not None),
            )

        try:
            admit(item.header)
            outcome = self.reception.receive(partner, inbound, render)
        except CasebridgeError as error:
            return self.refusal_of(item.header, error)
        reply = outcome.answer or render(outcome)
        first, *later = acknowledgements_of(reply.body) or [b""]
        return Acknowledgement(reply.status, first, tuple(later))


def _read_batch(partner: Partner, raw: bytes) -> Batch:
    charset = partner.intake.charset
    return read(raw, charset=of_partner(charset) if charset else None)


def _control_id() -> str:
    return uuid4().hex[:20]
