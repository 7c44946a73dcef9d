"""Frames of HL7 v2 over MLLP: whose they are, by connection and MSH-3/4, and what they are answered."""

from collections.abc import Collection
from ipaddress import ip_address, ip_network

from service.errors import Denied, Malformed
from service.receive.discharge.hl7v2 import Hl7v2Reception
from service.receive.mllp.admission import Who
from service.receive.mllp.conversation import FrameResult
from service.receive.mllp.server import Handler
from service.values.access.scope import Partner
from service.values.inbound.senders import Sender, SenderPattern
from service.wire.hl7v2.er7.message import Header
from service.wire.hl7v2.er7.read import UnreadableMessage, acknowledges, read, sender_of


def over_mllp(messages: Hl7v2Reception, partners: Collection[Partner]) -> Handler:
    """Return what an MLLP server does with a frame: who sent it is told by connection and MSH-3/4.

    Acknowledgements are not answered, or two listeners would acknowledge each other for ever.
    """

    def handle(raw: bytes, sender: Sender) -> FrameResult:
        if acknowledges(raw):
            return FrameResult()
        header = sender_of(raw)
        if header is None:
            error = Malformed("There is no MSH here that can be read; begin each message with it.")
            broken = (item for item in read(raw).items if isinstance(item, UnreadableMessage))
            return FrameResult(
                (messages.refusal_of(None, next((item.error for item in broken), error)).body,)
            )
        partner = partner_of(partners, sender, header)

        def admit(later: Header) -> None:
            if partner_of(partners, sender, later).name != partner.name:
                what = "Another partner's than the first of what came in one piece; send it alone."
                raise Denied(what, where="MSH-3")

        acknowledgement = messages.answer(partner, raw, "mllp", admit=admit)
        return FrameResult(
            tuple(body for body in (acknowledgement.body, *acknowledgement.later) if body), partner.name
        )

    return handle


def partners_by_sender(partners: Collection[Partner]) -> Who:
    """Return what tells whose a connection may be: those whose `senders` name its address or certificate."""

    def who(sender: Sender) -> frozenset[str]:
        return frozenset(
            partner.name
            for partner in partners
            if any(_connects(one, sender) for one in partner.intake.senders)
        )

    return who


def partner_of(partners: Collection[Partner], sender: Sender, header: Header) -> Partner:
    """Return the partner that a message comes from.

    Raises:
        Denied: nobody in the registry is known by this connection and MSH-3/4, or several are.
    """
    senders_partners = [
        partner
        for partner in partners
        if any(_is_from(one, sender, header) for one in partner.intake.senders)
    ]
    if len(senders_partners) == 1:
        return senders_partners[0]
    what = "No partner is" if not senders_partners else "Several partners are"
    remedy = "correct these, or intake/senders in the registry"
    raise Denied(f"{what} registered for this connection, MSH-3 and MSH-4; {remedy}.", where="MSH-3")


def _is_from(pattern: SenderPattern, sender: Sender, header: Header) -> bool:
    if pattern.application not in {None, header.application}:
        return False
    if pattern.facility not in {None, header.facility}:
        return False
    return _connects(pattern, sender)


def _connects(pattern: SenderPattern, sender: Sender) -> bool:
    return any(name in sender.names for name in pattern.certificates) or any(
        _holds(network, sender.address) for network in pattern.addresses
    )


def _holds(network: str, address: str) -> bool:
    try:
        return ip_address(address) in ip_network(network)
    except ValueError:
        return False
