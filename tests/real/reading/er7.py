"""The segments of HL7 v2 that others wrote, by python-hl7 and the reading of strings."""

import re
from collections.abc import Iterator
from typing import Final

import hl7

from tests.real.reading.fact import plain

_ENVELOPE: Final = re.compile(rb"(?:FHS|BHS|BTS|FTS)[^\r\n]*")
_HEAD: Final = re.compile(rb"(?:\A|(?<=[\r\n\x0b\x1c]))(?=MSH)")
_CHARSETS: Final = {"8859/1": "latin-1", "8859/15": "iso-8859-15", "UNICODE UTF-8": "utf-8", "UTF-8": "utf-8"}
NULL: Final = '""'
# words, patterns and figures that are written where there is no number
_NOBODY: Final = re.compile(
    r"unknown|none|n/?a|null|tbd|nil|not (?:known|available)|no ssn|[x*#?\W_]+|x[x\W]*|(\d)\1{2,}|0+"
    r"|0?12345678(?:90?)?|987654321"
)


def messages(raw: bytes) -> list[bytes]:
    """Return each message of a file, without a batch's envelope or a frame's marks."""
    raw = raw.removeprefix(b"\xef\xbb\xbf")
    parts = (_ENVELOPE.sub(b"", piece).strip(b"\r\n\x0b\x1c \t") for piece in _HEAD.split(raw))
    return [part for part in parts if part.startswith(b"MSH")]


def nobody(value: str) -> bool:
    """Return whether an identifier is a placeholder, which is nobody's."""
    bare = re.sub(r"[\s-]", "", value).casefold()
    return bool(_NOBODY.fullmatch(plain(value)) or _NOBODY.fullmatch(bare))


class Message:
    """One message: its segments by name, and their parts by number."""

    def __init__(self, raw: bytes) -> None:
        """Read it; what can be read as UTF-8 is, whatever it says it is."""
        self.parsed = hl7.parse(re.sub(r"[\r\n]+", "\r", _text_of(raw)))
        self.version = self.first("MSH").text(12).split("^")[0]
        kind = self.first("MSH")
        self.kind = kind.text(9, 1)
        self.trigger = kind.text(9, 2) or self.first("EVN").text(1)

    def segments(self, name: str) -> list["Segment"]:
        """Return the segments of a name."""
        parsed = [segment for segment in self.parsed if str(segment[0]) == name]
        return [Segment(self.parsed, segment, name) for segment in parsed]

    def first(self, name: str) -> "Segment":
        """Return the first segment of a name; one without fields when there is none."""
        return next(iter(self.segments(name)), Segment(self.parsed, None, name))

    def after(self, name: str, *stops: str) -> Iterator["Segment"]:
        """Give the segments of a name that come before any of others."""
        for segment in self.parsed:
            if str(segment[0]) in stops:
                return
            if str(segment[0]) == name:
                yield Segment(self.parsed, segment, name)


class Segment:
    """A segment: fields by number, each a list of repetitions."""

    def __init__(self, message: hl7.Message, segment: hl7.Segment | None, name: str) -> None:
        """Take python-hl7's."""
        self.name = name
        self._message = message
        self._segment = segment
        encoding = str(message[0][2]) if len(message[0]) > 2 else "^~\\&"
        marks = encoding.ljust(4, "\0")
        component, repetition, _, subcomponent = marks[:4]
        self._marks = (repetition, component, subcomponent)

    def raw(self, number: int) -> str:
        """Return a field as it was written."""
        if self._segment is None or number >= len(self._segment):
            return ""
        return str(self._segment[number])

    def repetitions(self, number: int) -> list["Repetition"]:
        """Return a field's repetitions that say something."""
        raw = self.raw(number)
        parts = raw.split(self._marks[0]) if self.name != "MSH" or number > 2 else [raw]
        repetitions_ = [
            Repetition(self._message, part, self._marks, f"{self.name}-{number}") for part in parts
        ]
        return [repetition for repetition in repetitions_ if repetition]

    def text(self, number: int, component: int = 1, subcomponent: int = 1) -> str:
        """Return a part of a field's first repetition, the text of `""` being none."""
        repetitions = self.repetitions(number)
        return repetitions[0].text(component, subcomponent) if repetitions else ""

    def is_null(self, number: int) -> bool:
        """Return whether a field says that there is nothing."""
        return self.raw(number).strip() == NULL


class Repetition:
    """One repetition of a field."""

    def __init__(self, message: hl7.Message, raw: str, marks: tuple[str, str, str], where: str) -> None:
        """Take it as it was written."""
        self._message = message
        self._marks = marks
        self.where = where
        self.raw = raw
        self._parts = [word.split(marks[2]) for word in raw.split(marks[1])]

    def __bool__(self) -> bool:
        """Return whether it says something."""
        return any(text_.strip() not in {"", NULL} for part in self._parts for text_ in part)

    def text(self, component: int, subcomponent: int = 1) -> str:
        """Return a part, its escapes undone; `""` and what is not there are the empty text."""
        if component > len(self._parts) or subcomponent > len(self._parts[component - 1]):
            return ""
        raw = self._parts[component - 1][subcomponent - 1].strip()
        return "" if raw == NULL else _plain(raw, self._message.separators, self._message.esc).strip()

    def at(self, component: int) -> str:
        """Return the place of a component."""
        return f"{self.where}.{component}"


def _plain(raw: str, separators: str, escape: str) -> str:
    """Undo the escapes of chapter 2.7: of delimiters, of line ends and of bytes; what is none stays."""
    letters = dict(zip("FRST", separators[1:5], strict=False)) | {"E": escape, ".br": " ", "H": "", "N": ""}

    def plain(match: re.Match[str]) -> str:
        said = match[1]
        if re.fullmatch(r"X([0-9A-Fa-f]{2})+", said):
            return bytes.fromhex(said[1:]).decode("utf-8", "replace")
        return letters.get(said, match[0])

    mark = re.escape(escape)
    return re.sub(f"{mark}([^{mark}]*){mark}", plain, raw) if escape else raw


def _text_of(raw: bytes) -> str:
    fields = raw.split(b"\r")[0].split(b"\n")[0].split(raw[3:4])
    named = fields[17].split(b"~")[0].decode("ascii", "replace").strip() if len(fields) > 17 else ""
    for charset in ("utf-8", _CHARSETS.get(named), "latin-1"):
        try:
            if charset:
                return raw.decode(charset)
        except UnicodeDecodeError:
            continue
    raise ValueError(named)
