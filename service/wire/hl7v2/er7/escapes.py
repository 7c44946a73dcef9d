r"""Escape sequences, `\F\` and its like: HL7 v2 chapter 2, "Use of escape sequences in text fields".

What cannot be said in plain text stays as it was sent: `\Cxxyy\` and `\Mxxyyzz\` (other character sets),
`\Z..\` (a site's own), hexadecimal data that is no text in the message's character set, and sequences that
nobody defined. Highlighting and indentation go.
"""

import re
from functools import lru_cache

from service.wire.hl7v2.er7.delimiters import Delimiters

_FORMAT = re.compile(r"\.(br|ce|sp|sk|in|ti|fi|nf)\s*([+-]?\d{1,2})?", re.ASCII)
_HEX = re.compile(r"X((?:[0-9A-Fa-f]{2})+)")
_LETTERS = {
    "field": "F",
    "component": "S",
    "repetition": "R",
    "escape": "E",
    "subcomponent": "T",
    "truncation": "P",
}
_DELIMITERS = {letter: name for name, letter in _LETTERS.items()}
_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")
_LINE = {"br": "\n", "ce": "\n", "sp": "\n", "sk": " "}


def decode(text: str, delimiters: Delimiters, charset: str) -> str:
    """Give the text that a value with escape sequences stands for."""
    escape = delimiters.escape
    if not escape or escape not in text:
        return text
    return _sequences(escape).sub(lambda match: _meaning(match[0], delimiters, charset), text)


def encode(text: str, delimiters: Delimiters) -> str:
    """Give the value that stands for a text: delimiters and line ends escaped, control characters dropped."""
    plain = "".join(character for character in text if character >= " " or character in "\t\r\n")
    escape = delimiters.escape
    if not escape:
        return "".join(
            " " if character in f"{delimiters.field}{delimiters.encoding}\r\n" else character
            for character in plain
        )
    table = {
        ord(getattr(delimiters, name)): f"{escape}{letter}{escape}"
        for name, letter in _LETTERS.items()
        if getattr(delimiters, name)
    }
    table |= {ord("\n"): f"{escape}.br{escape}"}
    return plain.replace("\r\n", "\n").replace("\r", "\n").translate(table)


@lru_cache(maxsize=64)
def _sequences(escape: str) -> re.Pattern[str]:
    mark = re.escape(escape)
    return re.compile(f"{mark}[^{mark}]*{mark}")


def _meaning(sequence: str, delimiters: Delimiters, charset: str) -> str:
    inside = sequence[1:-1]
    if inside in _DELIMITERS:
        return getattr(delimiters, _DELIMITERS[inside]) or sequence
    if inside in {"H", "N"}:
        return ""
    if match := _HEX.fullmatch(inside):
        return _hexadecimal(match[1], charset) or sequence
    if match := _FORMAT.fullmatch(inside):
        line = _LINE.get(match[1], "")
        return line * (int(match[2] or 1) if match[1] in {"sp", "sk"} else 1)
    return sequence


def _hexadecimal(digits: str, charset: str) -> str:
    """The text of hexadecimal data, or nothing when it is none."""
    try:
        text = bytes.fromhex(digits).decode(charset)
    except UnicodeDecodeError:
        return ""
    return "" if _CONTROL.search(text) else text
