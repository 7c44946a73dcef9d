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
from werkzeug.exceptions import RequestEntityTooLarge

from service.errors import CasebridgeError, Denied, Malformed, Rejected, TooLarge, Unsupported
from service.receive.admission import Who
from service.receive.compressed import check_plain
from service.receive.conversation import Handled
from service.receive.messages import IN_HL7V2, Reception, keyed, located, told
from service.receive.mllp import Handler
from service.values.inbox import Answer, Outcome, Received
from service.values.scope import Partner
from service.values.senders import Sender, SenderPattern
from service.wire.hl7v2.answer import answer, application_answer, batch_answer, parted, verdict_of
from service.wire.hl7v2.charsets import of_partner
from service.wire.hl7v2.message import Header, Message
from service.wire.hl7v2.naming import content, keys
from service.wire.hl7v2.read import Batch, Broken, acknowledges, read, sender_of
from service.wire.parameters import parameters

ER7: Final = "x-application/hl7-v2+er7"
TAKEN: Final = (ER7, "application/hl7-v2", "application/hl7-v2+er7", "x-application/hl7-v2")
XML: Final = "XML-encoded messages are not taken; send the vertical bar encoding (ER7)."


@dataclass(frozen=True, slots=True)
class Acknowledged:
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
class Messages:
    """Takes payloads of HL7 v2 in and answers them."""

    reception: Reception
    clock: Callable[[], datetime]

    def answered(
        self,
        partner: Partner,
        raw: bytes,
        way: str,
        named: tuple[str, ...] = (),
        admit: Callable[[Header], None] = _anybodys,
    ) -> Acknowledged:
        """Take a payload in and return what it is answered.

        Args:
            partner: who sends it.
            raw: one message, several, or a batch.
            way: how it came.
            named: the sender's own keys for it beside MSH-10.
            admit: raises Denied over a message that is not the partner's.
        """
        batch = _read(partner, raw)
        keyed = [
            (each, named if len(batch.items) == 1 else tuple(f"{name}|{index}" for name in named))
            for index, each in enumerate(batch.items)
        ]
        replies = [self._one(partner, each, way, names, admit) for each, names in keyed]
        errors = tuple(error for each in replies for error in each.errors)
        if batch.envelope is None and not batch.issues:
            later = tuple(one for each in replies for one in each.later)
            return (
                replies[0]
                if len(replies) == 1
                else Acknowledged(200, b"".join(each.body for each in replies), later, errors)
            )
        if batch.issues:
            errors += (Rejected("The batch is not whole.", issues=batch.issues),)
        bodies = [each.body for each in replies if each.body]
        now, control_id = self.clock(), _control_id()
        body = batch_answer(batch.envelope, bodies, batch.issues, now=now, control_id=control_id)
        return Acknowledged(200, body, errors=errors)

    def refused(self, header: Header | None, error: CasebridgeError) -> Acknowledged:
        """Return what a message is answered of which nothing is kept."""
        issues = located(error.issues, IN_HL7V2)
        body = answer(header, verdict_of(error), issues, now=self.clock(), control_id=_control_id())
        # the media type was right: what is unsupported is in the message
        status = 422 if isinstance(error, Unsupported) else error.status
        return Acknowledged(status, body or b"", errors=(error,))

    def _one(
        self,
        partner: Partner,
        item: Message | Broken,
        way: str,
        named: tuple[str, ...],
        admit: Callable[[Header], None],
    ) -> Acknowledged:
        if isinstance(item, Broken):
            return self.refused(item.header, item.error)
        received = Received(item.raw, ER7, "hl7v2", way, (*named, *keys(item)), content(item))

        def render(outcome: Outcome) -> Answer:
            issues = told(outcome, IN_HL7V2)
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
            return Answer(200, ER7, b"".join(each for each in written if each is not None))

        try:
            admit(item.header)
            outcome = self.reception.receive(partner, received, render)
        except CasebridgeError as error:
            return self.refused(item.header, error)
        given = outcome.answer or render(outcome)
        first, *later = parted(given.body) or [b""]
        return Acknowledged(given.status, first, tuple(later))


def blueprint(messages: Messages) -> Blueprint:
    """Return the route /hl7v2."""
    door = Blueprint("hl7v2", __name__)

    @door.post("/hl7v2")
    def post() -> Response:
        parameters(request.args.items(multi=True))
        try:
            raw = request.get_data()
        except RequestEntityTooLarge:
            return _response(messages.refused(None, TooLarge("It is too large for one; send it in parts.")))
        check_plain(raw, "Content-Encoding")
        if "xml" in request.mimetype or raw[:64].lstrip(b"\xef\xbb\xbf\r\n\t ").startswith(b"<"):
            raise Unsupported(XML, where="Content-Type")
        key = keyed(request.headers.get("Idempotency-Key"))
        if request.mimetype not in TAKEN:
            raise Unsupported(f"Send {ER7}.", where="Content-Type")
        return _response(messages.answered(g.partner, raw, "http", key))

    return door


def _response(given: Acknowledged) -> Response:
    return Response(given.body, given.status if given.body else 204, mimetype=ER7)


def over_mllp(messages: Messages, partners: Collection[Partner]) -> Handler:
    """Return what an MLLP server does with a frame: who sent it is told by connection and MSH-3/4.

    Acknowledgements are not answered, or two listeners would acknowledge each other for ever.
    """

    def handle(raw: bytes, sender: Sender) -> Handled:
        if acknowledges(raw):
            return Handled()
        header = sender_of(raw)
        if header is None:
            error = Malformed("There is no MSH here that can be read; begin each message with it.")
            broken = (each for each in read(raw).items if isinstance(each, Broken))
            return Handled((messages.refused(None, next((each.error for each in broken), error)).body,))
        partner = known(partners, sender, header)

        def admit(each: Header) -> None:
            if known(partners, sender, each) is not partner:
                what = "Another partner's than the first of what came in one piece; send it alone."
                raise Denied(what, where="MSH-3")

        given = messages.answered(partner, raw, "mllp", admit=admit)
        return Handled(tuple(each for each in (given.body, *given.later) if each), partner.name)

    return handle


def registered(partners: Collection[Partner]) -> Who:
    """Return what tells whose a connection may be: those whose `senders` name its address or certificate."""

    def who(sender: Sender) -> frozenset[str]:
        return frozenset(
            each.name for each in partners if any(_connects(one, sender) for one in each.intake.senders)
        )

    return who


def known(partners: Collection[Partner], sender: Sender, header: Header) -> Partner:
    """Return the partner that a message comes from.

    Raises:
        Denied: nobody in the registry is known by this connection and MSH-3/4, or several are.
    """
    found = [each for each in partners if any(_is_from(one, sender, header) for one in each.intake.senders)]
    if len(found) == 1:
        return found[0]
    what = "No partner is" if not found else "Several partners are"
    remedy = "correct these, or intake/senders in the registry"
    raise Denied(f"{what} registered for this connection, MSH-3 and MSH-4; {remedy}.", where="MSH-3")


def _is_from(pattern: SenderPattern, sender: Sender, header: Header) -> bool:
    if pattern.application not in {None, header.application}:
        return False
    if pattern.facility not in {None, header.facility}:
        return False
    return _connects(pattern, sender)


def _connects(pattern: SenderPattern, sender: Sender) -> bool:
    return any(each in sender.names for each in pattern.certificates) or any(
        _holds(network, sender.address) for network in pattern.addresses
    )


def _holds(network: str, address: str) -> bool:
    try:
        return ip_address(address) in ip_network(network)
    except ValueError:
        return False


def _read(partner: Partner, raw: bytes) -> Batch:
    charset = partner.intake.charset
    return read(raw, charset=of_partner(charset) if charset else None)


def _control_id() -> str:
    return uuid4().hex[:20]
