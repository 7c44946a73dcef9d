"""Reads what came in one piece: one message, several after one another, or a batch (FHS, BHS, BTS, FTS).

HL7 v2 chapter 2, "Batch message protocol". Nothing wrong with one message keeps another from being read.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from service.errors import CasebridgeError, Issue, Malformed, TooLarge, Unsupported
from service.wire.hl7v2.er7.charsets import BOM, UTF8, is_wide
from service.wire.hl7v2.er7.delimiters import delimiters_of
from service.wire.hl7v2.er7.message import Header, Message, Segment
from service.wire.hl7v2.er7.parse import header_of, parse

LIMIT: Final = 5_000_000
MESSAGES: Final = 10_000
_SOUGHT: Final = 20_000
_BLANK: Final = b"\r\n\t \x0b\x1c"
_HEADERS: Final = (b"FHS", b"BHS")
_TRAILERS: Final = (b"BTS", b"FTS")
_ENDS: Final = b"\r\n\x0b"
# the general acknowledgement, and the delayed one of old
_ANSWERS: Final = frozenset({"ACK", "MCF"})
_ANSWERED: Final = re.compile(rb"[\r\n](?:MSA|BTS.0\b)")
_FRAME_END: Final = re.compile(rb"[\x0b\x1c]+[\r\n\x0b\x1c]*\Z")


@dataclass(frozen=True, slots=True)
class UnreadableMessage:
    """What could not be read: the bytes, why not, and as much of MSH as an answer needs, if it has any."""

    raw: bytes
    error: CasebridgeError
    header: Header | None


@dataclass(frozen=True, slots=True)
class Batch:
    """What came in one piece, in order.

    `envelope` is the FHS or BHS around it, if there was one; `issues` tell which trailer miscounts, or that
    none came.
    """

    items: tuple[Message | UnreadableMessage, ...]
    envelope: Header | None = None
    issues: tuple[Issue, ...] = ()


def read(raw: bytes, *, charset: str | None = None, limit: int = LIMIT) -> Batch:
    """Read a payload into its messages; what cannot be read is an item too, so this raises nothing.

    Args:
        raw: the payload; a transport's framing around a message does no harm.
        charset: the codec of the partner's usual character set; None where none is stated.
        limit: how many bytes the whole may have.
    """
    refusal = _refusal(raw, limit)
    if refusal is not None:
        return Batch((UnreadableMessage(raw, refusal, header_of(raw, charset)),))
    pieces = list(_pieces(raw))
    if len(pieces) > MESSAGES:
        error = TooLarge(f"The batch has over {MESSAGES} messages; send it in parts.")
        return Batch((UnreadableMessage(raw, error, header_of(raw, charset)),))
    return _batch_of(pieces, charset)


def sender_of(raw: bytes, charset: str | None = None) -> Header | None:
    """Return the first header that names who sends a payload, in its third and fourth field.

    That is MSH, or FHS or BHS where these name somebody; None when there is none that can be read.
    """
    bare = raw[:_SOUGHT].lstrip(_BLANK)
    for start in sorted(at for name in (b"MSH", *_HEADERS) for at in _starts(bare, name)):
        line = re.split(rb"[\r\n]", bare[start:], maxsplit=1)[0]
        is_message = line.removeprefix(BOM).startswith(b"MSH")
        header = header_of(line, charset) if is_message else _envelope(line, charset)
        if header is not None and (is_message or header.application or header.facility):
            return header
    return None


def acknowledges(raw: bytes) -> bool:
    """Return whether all that is in a payload are acknowledgements: of these none is acknowledged again.

    A message is one by its type, or because it has an MSA; some write the type of what they acknowledge. A
    batch without messages is one when its BHS-12 or FHS-12 names the batch that it answers.
    """
    header = sender_of(raw)
    if (header is None or header.code not in _ANSWERS) and not _ANSWERED.search(raw):
        return False
    batch = read(raw)
    if not batch.items:
        return batch.envelope is not None and bool(batch.envelope.segment.raw(12))
    return all(_is_answer(item) for item in batch.items)


def _is_answer(item: Message | UnreadableMessage) -> bool:
    if isinstance(item, UnreadableMessage):
        return item.header is not None and item.header.code in _ANSWERS
    return item.header.code in _ANSWERS or item.first("MSA") is not None


def _refusal(raw: bytes, limit: int) -> CasebridgeError | None:
    """Why nothing of a payload can be read, if so."""
    if len(raw) > limit:
        return TooLarge(f"The message has {len(raw)} bytes; send at most {limit}.")
    if is_wide(raw):
        what = "The message is UTF-16 or UTF-32; send UNICODE UTF-8 and say so in MSH-18."
        return Unsupported(what, where="MSH-18")
    start = raw.lstrip(_BLANK).removeprefix(BOM)[:64].lstrip(_BLANK)
    if start.startswith(b"<"):
        return Unsupported("XML-encoded messages are not taken; send the vertical bar encoding (ER7).")
    if not start:
        return Malformed("The message is empty; it must begin with MSH.")
    return None


def _pieces(raw: bytes) -> Iterator[bytes]:
    """Part a payload before each header and trailer; what stands before the first comes first."""
    bare = raw.lstrip(_BLANK)
    starts = sorted({0, *(at for name in (b"MSH", *_HEADERS, *_TRAILERS) for at in _starts(bare, name))})
    for start, end in zip(starts, [*starts[1:], len(bare)], strict=True):
        piece = bare[start:end]
        yield _FRAME_END.sub(b"", piece) if piece.rstrip(b"\r\n")[-1:] in b"\x0b\x1c" else piece


def _starts(bare: bytes, name: bytes) -> Iterator[int]:
    """Where lines begin with a name, a byte-order mark before it included."""
    at = bare.find(name)
    while at >= 0:
        start = at - len(BOM) if bare.endswith(BOM, 0, at) else at
        if (start == 0 or bare[start - 1] in _ENDS) and not bare[at + 3 : at + 4].isalnum():
            yield start
        at = bare.find(name, at + 3)


def _batch_of(pieces: list[bytes], charset: str | None) -> Batch:
    items: list[Message | UnreadableMessage] = []
    issues: list[Issue] = []
    envelope: Header | None = None
    messages = batches = 0
    is_open = False
    for piece in pieces:
        name = piece.removeprefix(BOM)[:3]
        if name == b"MSH":
            items.append(_item(piece, charset))
            messages += 1
            continue
        line, rest = b"", piece
        if name in _HEADERS or name in _TRAILERS:
            line, _, rest = piece.replace(b"\r\n", b"\r").replace(b"\n", b"\r").partition(b"\r")
        if name in _HEADERS:
            envelope = envelope or _envelope(line, charset)
            batches += name == b"BHS"
            messages, is_open = 0, True
        elif line:
            issues += _count_issues(line, messages if name == b"BTS" else batches or int(bool(items)))
            is_open = False
        if rest.strip(_BLANK):
            items.append(
                UnreadableMessage(rest, Malformed("There is no MSH here; begin each message with it."), None)
            )
    if is_open:
        issues.append(Issue("No BTS or FTS ends the batch; it may be cut off.", "BTS", "incomplete"))
    return Batch(tuple(items), envelope, tuple(issues))


def _item(raw: bytes, charset: str | None) -> Message | UnreadableMessage:
    try:
        return parse(raw, charset)
    except CasebridgeError as error:
        return UnreadableMessage(raw, error, header_of(raw, charset))


def _envelope(line: bytes, charset: str | None) -> Header | None:
    codec = charset or UTF8
    text = line.removeprefix(BOM).decode(codec, "replace")
    try:
        return Header(Segment(text, delimiters_of(text), codec))
    except Malformed:
        return None


def _count_issues(line: bytes, came: int) -> Iterator[Issue]:
    """What a trailer's count says that is not so."""
    name = line[:3].decode()
    count = line[4:].partition(line[3:4])[0] if line[3:4] else b""
    if count.isdigit() and int(count[:9]) != came:
        what = "messages" if name == "BTS" else "batches"
        yield Issue(f"{name}-1 announces {int(count[:9])} {what}, {came} came.", f"{name}-1", "incomplete")
