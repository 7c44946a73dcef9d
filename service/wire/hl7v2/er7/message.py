"""A message as it was sent: segments, fields, repetitions, components, subcomponents, parted when asked for.

HL7 v2 chapter 2, "Message construction rules". Numbers count from 1, as the standard's do.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Final

from service.errors import Issue
from service.wire.hl7v2.er7 import escapes
from service.wire.hl7v2.er7.delimiters import HEADERS, Delimiters

NULL: Final = '""'
# of MSH-10 HL7 2.5.1 allows 20 characters, 2.9 199
CONTROL_ID_LIMIT: Final = 250
"""What a sender writes to say that a value is to be deleted; nothing at all says that it is not told."""


@dataclass(frozen=True)
class Segment:
    """One segment; `text` is the whole of it as sent."""

    text: str
    delimiters: Delimiters
    charset: str

    @property
    def name(self) -> str:
        """The three characters it begins with."""
        return self.text[:3]

    @cached_property
    def fields(self) -> list[str]:
        """The fields as sent, at the standard's numbers; at 0 stands the name."""
        fields = self.text.split(self.delimiters.field)
        if fields[0] in HEADERS:
            # the first separator is a field itself
            fields.insert(1, self.delimiters.field)
        return fields

    def raw(self, field: int) -> str:
        """A field as sent, or nothing."""
        return self.fields[field] if field < len(self.fields) else ""

    def value(self, field: int, component: int = 1, subcomponent: int = 1, repetition: int = 1) -> str:
        """One plain value, escape sequences read; empty when not told, NULL when to be deleted."""
        text = self.raw(field)
        if field <= 2 and self.name in HEADERS:
            return text
        for mark, number in (
            (self.delimiters.repetition, repetition),
            (self.delimiters.component, component),
            (self.delimiters.subcomponent, subcomponent),
        ):
            text = _part(text, mark, number)
        return escapes.decode(text, self.delimiters, self.charset)

    def tree(self, field: int) -> list[list[list[str]]]:
        """A field's repetitions, their components, and the subcomponents of these, escape sequences read."""
        text, marks = self.raw(field), self.delimiters
        if not text or (field <= 2 and self.name in HEADERS):
            return [[[text]]]
        inner = marks.subcomponent
        tree = [
            [
                value.split(inner) if inner and inner in value else [value]
                for value in part.split(marks.component)
            ]
            for part in _parts(text, marks.repetition)
        ]
        if not marks.escape or marks.escape not in text:
            return tree
        return [
            [[escapes.decode(value, marks, self.charset) for value in component] for component in repetition]
            for repetition in tree
        ]


@dataclass(frozen=True, slots=True)
class Header:
    """What MSH says of a message; values that are not told are empty."""

    segment: Segment

    @property
    def application(self) -> str:
        """MSH-3.1, the sending application."""
        return self.segment.value(3)

    @property
    def facility(self) -> str:
        """MSH-4.1, the sending facility."""
        return self.segment.value(4)

    @property
    def code(self) -> str:
        """MSH-9.1, such as `ADT`."""
        return self.segment.value(9)

    @property
    def trigger(self) -> str:
        """MSH-9.2, such as `A03`."""
        return self.segment.value(9, 2)

    @property
    def control_id(self) -> str:
        """MSH-10, by which an answer names the message."""
        return self.segment.value(10)

    @property
    def processing(self) -> str:
        """MSH-11.1: `P`, `T` or `D`."""
        return self.segment.value(11)

    @property
    def version(self) -> str:
        """MSH-12.1, such as `2.5.1`."""
        return self.segment.value(12)


@dataclass(frozen=True)
class Message:
    """One message.

    `raw` is what was received, `text` the same decoded with `charset` (a codec), without byte-order mark;
    `notes` say what was not taken at its word.
    """

    raw: bytes
    text: str
    charset: str
    delimiters: Delimiters
    segments: tuple[Segment, ...]
    notes: tuple[Issue, ...] = ()

    def first(self, name: str) -> Segment | None:
        """The first segment of a name."""
        return next(self.all(name), None)

    def all(self, name: str) -> Iterator[Segment]:
        """The segments of a name, in order."""
        return (segment for segment in self.segments if segment.name == name)

    @cached_property
    def header(self) -> Header:
        """What MSH says."""
        return Header(self.segments[0])


def _parts(text: str, mark: str) -> list[str]:
    return text.split(mark) if mark else [text]


def _part(text: str, mark: str, number: int) -> str:
    parts = _parts(text, mark)
    return parts[number - 1] if 1 <= number <= len(parts) else ""
