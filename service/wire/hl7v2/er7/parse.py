"""Parses the bytes of one message: its character set, its delimiters, its segments.

HL7 v2 chapter 2, "Message delimiters". Segments end with CR as the standard says, or with LF or CR LF as many
senders have it.
"""

import re
from typing import Final

from service.errors import CasebridgeError, Issue, Malformed, TooLarge, Unsupported
from service.wire.hl7v2.er7.charsets import BOM, BYTEWISE, choose, decode, is_overruled
from service.wire.hl7v2.er7.delimiters import DEFAULT, Delimiters, delimiters_of
from service.wire.hl7v2.er7.error_locations import ErrorLocation
from service.wire.hl7v2.er7.message import Header, Message, Segment

PARTS: Final = 250_000
# each is read for itself, and takes a thousand times its bytes when it is short
SEGMENTS: Final = 10_000
_HEAD: Final = 20_000
_OVERRULED: Final = Issue(
    "No character set of HL7 table 0211: read by the one that our agreement states; correct it.",
    "MSH-18",
    "code-invalid",
)
_SEGMENT: Final = re.compile(r"[A-Z][A-Z0-9]{2}")
_LINE_END: Final = re.compile(r"\r\n?|\n(?=[A-Z][A-Z0-9]{2}[^A-Za-z0-9\s])")


def parse(raw: bytes, charset: str | None = None) -> Message:
    """Parse one message that begins with MSH, which a UTF-8 byte-order mark may precede.

    Args:
        raw: its bytes.
        charset: the codec of the partner's usual character set; None where none is stated.

    Raises:
        Malformed: its delimiters, its bytes or a segment cannot be read; the error names segment and field.
        Unsupported: it is in a character set that is not read here.
        TooLarge: it has more parts than any message needs.
    """
    body = raw.removeprefix(BOM)
    names = _declared_charsets(_first_line(body))
    codec = choose(*names, raw, charset)
    try:
        text, codec = decode(body, codec)
    except UnicodeDecodeError as exc:
        raise Malformed(
            "A byte that is no character of the set that MSH-18 or our agreement names; correct either.",
            where=_where(body, exc.start),
        ) from exc
    delimiters = delimiters_of(text)
    if "\x00" in text:
        raise Malformed("A NUL character; remove it.", where=_where(body, body.index(b"\x00")))
    if sum(map(text.count, delimiters.separators)) > PARTS:
        raise TooLarge(f"The message has over {PARTS} parts; send less in one.")
    lines = [line for line in _lines(text) if line and not line.isspace()]
    if len(lines) > SEGMENTS:
        raise TooLarge(f"The message has over {SEGMENTS} segments; send less in one.")
    _check_names(lines, delimiters)
    segments = tuple(Segment(line, delimiters, codec) for line in lines)
    return Message(raw, text, codec, delimiters, segments, (_OVERRULED,) if is_overruled(*names, raw) else ())


def header_of(raw: bytes, charset: str | None = None) -> Header | None:
    """Read the MSH that bytes begin with, however the rest is, for an answer; None when there is none."""
    line = _first_line(raw[:_HEAD].lstrip().removeprefix(BOM))
    if not line.startswith(b"MSH"):
        return None
    try:
        codec = choose(*_declared_charsets(line), line, charset)
        text = line.decode(codec)
    except (Unsupported, UnicodeDecodeError):
        codec = BYTEWISE
        text = line.decode(codec)
    delimiters = _likely(text)
    return Header(Segment(text, delimiters, codec)) if delimiters else None


def _likely(text: str) -> Delimiters | None:
    """The delimiters, or the usual ones with the field separator that stands there."""
    try:
        return delimiters_of(text)
    except CasebridgeError:
        separator = text[3:4]
        return Delimiters(separator) if separator in {"|", "#", "!", "$", "%", "*", ";"} else None


def _first_line(body: bytes) -> bytes:
    return re.split(rb"[\r\n]", body, maxsplit=1)[0]


def _declared_charsets(line: bytes) -> tuple[str, str]:
    """MSH-18, its first repetition, and MSH-19, from a line whose character set is not known yet."""
    fields = line.split(line[3:4]) if line[3:4] else []
    repetition = line[5:6]
    first = [value.split(repetition)[0] if repetition else value for value in fields[17:19]]
    charsets = [value.decode("ascii", "replace").strip() for value in first] + ["", ""]
    return charsets[0], charsets[1]


def _lines(text: str) -> list[str]:
    """Part a message into segments; where CR ends them, a LF inside one is part of a text."""
    if "\n" not in text:
        return text.split("\r")
    if "\r" not in text:
        return text.split("\n")
    return _LINE_END.split(text)


def _check_names(lines: list[str], delimiters: Delimiters) -> None:
    for number, line in enumerate(lines, 1):
        if not _SEGMENT.match(line) or line[3:4] not in {"", delimiters.field}:
            raise Malformed(
                "No segment: a segment begins with a name of three capitals or digits and a field separator,"
                r" and ends with CR; a line end inside a value is written \.br\.",
                where=f"line {number}",
            )


def _where(body: bytes, position: int) -> str:
    """The segment and field of a byte."""
    lines = re.split(rb"[\r\n]+", body[:position])
    names = [line[:3].decode("latin-1") for line in lines]
    separator = body[3:4] or DEFAULT.field.encode()
    field = lines[-1].count(separator) + (names[-1] == "MSH")
    if not _SEGMENT.fullmatch(names[-1]):
        return f"line {len(lines)}"
    return str(ErrorLocation(names[-1], names.count(names[-1]), field))
