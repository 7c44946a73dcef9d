"""The doors for HL7 v2: what comes over MLLP and over HTTP is taken in, message by message, and acknowledged.

HL7 over HTTP: https://hapifhir.github.io/hapi-hl7v2/hapi-hl7overhttp/specification.html
"""

from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import datetime
from ipaddress import ip_address, ip_network
from typing import Final
from uuid import uuid4

from flask import Blueprint, Response, g, request

from service.errors import CasebridgeError, Denied, Unsupported
from service.receive.messages import IN_HL7V2, Reception, located, told
from service.receive.mllp import Handler
from service.values.inbox import Answer, Outcome, Received
from service.values.scope import Partner
from service.values.senders import Sender, SenderPattern
from service.wire.hl7v2.answer import answer, batch_answer, verdict_of
from service.wire.hl7v2.charsets import UTF8, of_partner
from service.wire.hl7v2.message import Header, Message
from service.wire.hl7v2.naming import content, keys
from service.wire.hl7v2.parse import header_of
from service.wire.hl7v2.read import Broken, read

ER7: Final = "x-application/hl7-v2+er7"
TAKEN: Final = (ER7, "application/hl7-v2", "application/hl7-v2+er7", "x-application/hl7-v2")
XML: Final = "XML-encoded messages are not taken; send the vertical bar encoding (ER7)."


@dataclass(frozen=True, slots=True)
class Messages:
    """Takes payloads of HL7 v2 in and answers them."""

    reception: Reception
    clock: Callable[[], datetime]

    def answered(self, partner: Partner, raw: bytes, way: str) -> tuple[int, bytes]:
        """Return the acknowledgement of a payload, empty when the sender wants none, and its HTTP status.

        A batch has the status 200: each of its messages is answered for itself.
        """
        charset = partner.intake.charset
        batch = read(raw, charset=of_partner(charset) if charset else UTF8)
        replies = [self._one(partner, each, way) for each in batch.items]
        if batch.envelope is None and len(replies) == 1:
            return replies[0]
        bodies = [body for _, body in replies if body]
        if batch.envelope is None:
            return 200, b"".join(bodies)
        return 200, batch_answer(batch.envelope, bodies, now=self.clock(), control_id=_control_id())

    def _one(self, partner: Partner, item: Message | Broken, way: str) -> tuple[int, bytes]:
        if isinstance(item, Broken):
            return self._refused(item.header, item.error)
        received = Received(item.raw, ER7, "hl7v2", way, keys(item), content(item))

        def render(outcome: Outcome) -> Answer:
            issues = told(outcome, IN_HL7V2)
            body = answer(item.header, "accept", issues, now=self.clock(), control_id=_control_id())
            return Answer(200, ER7, body or b"")

        try:
            outcome = self.reception.receive(partner, received, render)
        except CasebridgeError as error:
            return self._refused(item.header, error)
        given = outcome.answer or render(outcome)
        return given.status, given.body

    def _refused(self, header: Header | None, error: CasebridgeError) -> tuple[int, bytes]:
        issues = located(error.issues, IN_HL7V2)
        body = answer(header, verdict_of(error), issues, now=self.clock(), control_id=_control_id())
        # the media type was right: what is unsupported is in the message
        return 422 if isinstance(error, Unsupported) else error.status, body or b""


def blueprint(messages: Messages) -> Blueprint:
    """Return the route /hl7v2."""
    door = Blueprint("hl7v2", __name__)

    @door.post("/hl7v2")
    def post() -> Response:
        raw = request.get_data()
        if "xml" in request.mimetype or raw[:64].lstrip(b"\xef\xbb\xbf\r\n\t ").startswith(b"<"):
            raise Unsupported(XML, where="Content-Type")
        if request.mimetype not in TAKEN:
            raise Unsupported(f"Send {ER7}.", where="Content-Type")
        status, body = messages.answered(g.partner, raw, "http")
        return Response(body, status if body else 204, mimetype=ER7)

    return door


def over_mllp(messages: Messages, partners: Collection[Partner]) -> Handler:
    """Return what an MLLP server does with a frame: who sent it is told by connection and MSH-3/4."""

    def handle(raw: bytes, sender: Sender) -> bytes | None:
        partner = known(partners, sender, header_of(raw))
        _, body = messages.answered(partner, raw, "mllp")
        return body or None

    return handle


def known(partners: Collection[Partner], sender: Sender, header: Header | None) -> Partner:
    """Return the partner that a message comes from.

    Raises:
        Denied: nobody in the registry is known by this connection and MSH-3/4, or several are.
    """
    application, facility = (header.application, header.facility) if header else ("", "")
    found = [
        each
        for each in partners
        if any(_is_from(one, sender, application, facility) for one in each.intake.senders)
    ]
    if len(found) == 1:
        return found[0]
    what = "No partner is" if not found else "Several partners are"
    remedy = "correct these, or intake/senders in the registry"
    raise Denied(f"{what} registered for this connection, MSH-3 and MSH-4; {remedy}.", where="MSH-3")


def _is_from(pattern: SenderPattern, sender: Sender, application: str, facility: str) -> bool:
    if pattern.application not in {None, application} or pattern.facility not in {None, facility}:
        return False
    return any(each in sender.names for each in pattern.certificates) or any(
        _holds(network, sender.address) for network in pattern.addresses
    )


def _holds(network: str, address: str) -> bool:
    try:
        return ip_address(address) in ip_network(network)
    except ValueError:
        return False


def _control_id() -> str:
    return uuid4().hex[:20]
