"""What tells whether an HL7 v2 message came before: MSH-10, and what the message says."""

from hashlib import sha256

from service.wire.hl7v2.er7.message import Message


def keys(message: Message) -> tuple[str, ...]:
    """Return the sender's name for a message: MSH-10 with the application and facility that give it."""
    header = message.header
    if not header.control_id:
        return ()
    return (f"MSH-10|{header.application}|{header.facility}|{header.control_id}",)


def content(message: Message) -> str:
    """Return the digest of what is said, without the time of sending, MSH-7, and the name, MSH-10."""
    first, *rest = message.segments
    header = [field for number, field in enumerate(first.fields) if number not in {7, 10}]
    lines = [message.delimiters.field.join(header), *(segment.text for segment in rest)]
    return sha256("\r".join(lines).encode()).hexdigest()
