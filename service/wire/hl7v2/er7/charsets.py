"""Which character set a message is in: MSH-18, HL7 table 0211.

https://terminology.hl7.org/CodeSystem-v2-0211.html
"""

import codecs
import re
from contextlib import suppress
from typing import Final

from service.errors import Misconfigured, Unsupported

BOM: Final = codecs.BOM_UTF8
UTF8: Final = "utf-8"
LATIN1: Final = "cp1252"
BYTEWISE: Final = "latin-1"
"""What bytes of an unknown set are read with where they only go back as they came."""
_READ: Final = {
    "UNICODE UTF-8": UTF8,
    # deprecated, and says no encoding: in bytes that are not wide it can be UTF-8 only
    "UNICODE": UTF8,
    # as in browsers: Windows' set is 8859/1 with characters where that has none, and senders mean it
    "8859/1": LATIN1,
    **{f"8859/{part}": f"iso8859-{part}" for part in (*range(2, 10), 15)},
}
# table 0211 names these too; what is in them cannot be read by looking at single bytes
_KNOWN: Final = re.compile(
    r"UNICODE UTF-?(?:16|32)|UTF-?(?:16|32)(?:[BL]E)?|ISO IR ?\d+|GB ?18030(?:-2000)?|KS X 1001|"
    r"CNS 11643(?:-1992)?|BIG-?5|(?:JIS|JAS2020).*"
)
_SPELLED: Final = (
    (re.compile(r"(?:UNICODE )?UTF-?8"), UTF8),
    (re.compile(r"(?:ISO[- ]?)?8859[-/](?P<part>[1-9]|15)"), ""),
    (re.compile(r"(?:US-?)?ASCII|ISO ?IR ?6"), "ascii"),
)
_NO_CHARACTER: Final = re.compile(rb"[\x80-\x9f]")
_WIDE: Final = re.compile(rb"\xff\xfe|\xfe\xff|\0\0\xfe\xff|\0{0,3}(?:M\0{1,3}S|[FB]\0{1,3}H)")
_REMEDY: Final = "send UNICODE UTF-8, ASCII, or 8859/1 to 8859/9 or 8859/15"


def of_partner(name: str) -> str:
    """The codec of the character set a partner is registered with, named as in table 0211.

    Raises:
        Misconfigured: we do not read it.
    """
    codec = _codec_of(name)
    if codec is None:
        raise Misconfigured(f"Not a character set that is read here; {_REMEDY}.", where="charset")
    return UTF8 if codec == "ascii" else codec


def choose(declared: str, beside: str, raw: bytes, stated: str | None) -> str:
    """The codec to read a message with.

    ASCII, and nothing, mean the partner's usual set, or UTF-8: ASCII is a part of each set we read, and
    senders that declare it send more. What is in no table does no harm while all bytes are ASCII, and is put
    down to a mistake (a country, a language) where our agreement states the set.

    Args:
        declared: MSH-18, its first repetition.
        beside: MSH-19, where some senders put it.
        raw: the whole message.
        stated: the codec of the partner's usual character set, or None where the registry states none.

    Raises:
        Unsupported: it is a set we do not read, or one nobody knows, the bytes are not ASCII and no set is
            stated.
    """
    if raw.startswith(BOM):
        return UTF8
    default = stated or UTF8
    codec = _codec_of(declared) or _codec_of(beside)
    if codec is not None:
        return default if codec == "ascii" else codec
    if not declared:
        return default
    if _KNOWN.fullmatch(_normal(declared)) or _KNOWN.fullmatch(_normal(beside)):
        raise Unsupported(f"A character set that is not read here; {_REMEDY}.", where="MSH-18")
    if raw.isascii() or stated is not None:
        return default
    raise Unsupported(f"No character set of HL7 table 0211; {_REMEDY}.", where="MSH-18")


def is_overruled(declared: str, beside: str, raw: bytes) -> bool:
    """Whether the partner's usual set is used (see `choose`) in place of a declared one that is unknown."""
    if not declared or raw.startswith(BOM) or raw.isascii():
        return False
    return _codec_of(declared) is None and _codec_of(beside) is None


def decode(raw: bytes, codec: str) -> tuple[str, str]:
    """The text of a message, and the codec it turned out to be in.

    Senders declare an 8859 set and send UTF-8. What is valid UTF-8 is read as such where the declared set has
    no such characters, or, of 8859/1, only signs that do not follow letters.

    Raises:
        UnicodeDecodeError: there are bytes that are no characters.
    """
    if codec != UTF8 and not raw.isascii() and (codec == LATIN1 or _NO_CHARACTER.search(raw)):
        with suppress(UnicodeDecodeError):
            return raw.decode(UTF8), UTF8
    text = raw.decode(codec)
    if codec.startswith("iso8859") and (gap := _NO_CHARACTER.search(raw)):
        raise UnicodeDecodeError(codec, raw, gap.start(), gap.end(), "no character of this set")
    return text, codec


def is_wide(raw: bytes) -> bool:
    """Whether bytes are UTF-16 or UTF-32, in which no byte means anything by itself."""
    return _WIDE.match(raw) is not None


def _normal(name: str) -> str:
    return " ".join(name.upper().split())


def _codec_of(name: str) -> str | None:
    """The codec of a name in the table's or a usual other spelling, or None."""
    normal = _normal(name)
    if normal in _READ:
        return _READ[normal]
    for pattern, codec in _SPELLED:
        if match := pattern.fullmatch(normal):
            return codec or _READ[f"8859/{match['part']}"]
    return None
