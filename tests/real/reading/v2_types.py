"""The data types of HL7 v2 (chapter 2A) as facts: CX, XPN, XTN, XAD, DTM."""

from collections.abc import Iterator

from tests.real.reading.er7 import Repetition, Segment, nobody
from tests.real.reading.fact import Fact, digits, moment, plain

# XTN-3 (table 0202) that is no telephone
EQUIPMENT = {"FX": "fax", "BP": "pager"}


def identifier(kind: str, number: Repetition) -> Iterator[Fact]:
    """Give a number; one that is nobody's must not be there."""
    if value := number.text(1):
        yield Fact(kind, plain(value), number.at(1), wanted=not nobody(value))


def name(kind: str, said: Repetition) -> Iterator[Fact]:
    """Give the parts of an XPN, an XCN's beginning with its second component being one too."""
    family = said.text(1) or " ".join(part for part in (said.text(1, 2), said.text(1, 3)) if part)
    parts = {"family": family, "partner": said.text(1, 5), "given": said.text(2), "middle": said.text(3)}
    parts |= {"suffix": said.text(4), "prefix": said.text(5)}
    for component, (part, text) in zip((1, 1, 2, 3, 4, 5), parts.items(), strict=True):
        if text:
            yield Fact(f"{kind}.{part}", plain(text), said.at(component))


def telecom(kind: str, way: Repetition, *, wanted: bool = True) -> Iterator[Fact]:
    """Give how an XTN says that somebody is reached: an address, a number as text, or one in parts."""
    mail, text = way.text(4), way.text(12) or way.text(1)
    parts = "".join(way.text(component) for component in (5, 6, 7))
    if "@" in mail or (mail and not (text or way.text(7))):
        yield Fact(kind, digits(mail), way.at(4), wanted=wanted)
        if "@" in mail and wanted:
            yield Fact(f"{kind}.system", f"{digits(mail)}=email", way.at(4))
    if text and not ("@" in text and "@" in mail):
        yield Fact(kind, digits(text), way.at(12 if way.text(12) else 1), wanted=wanted)
    elif way.text(7):
        yield Fact(kind, digits(parts), way.at(7), wanted=wanted)
        if extension := digits(way.text(8)):
            yield Fact(f"{kind}.extension", digits(parts) + extension, way.at(8), wanted=wanted)
    if (system := EQUIPMENT.get(way.text(3))) and wanted and (number := digits(text or parts)):
        yield Fact(f"{kind}.system", f"{number}={system}", way.at(3))


def address(kind: str, said: Repetition, *, wanted: bool = True) -> Iterator[Fact]:
    """Give the parts of an XAD."""
    street = " ".join(part for part in (said.text(1, 3), said.text(1, 2)) if part)
    lines = [(1, said.text(1)), (1, said.text(1, 2)), (1, said.text(1, 3))] if street else [(1, said.text(1))]
    for component, line in [*lines, (2, said.text(2))]:
        if line:
            yield Fact(f"{kind}.line", plain(line), said.at(component), wanted=wanted)
    for component, part in {3: "city", 4: "state", 5: "postal_code", 6: "country"}.items():
        if text := said.text(component):
            yield Fact(f"{kind}.{part}", plain(text), said.at(component), wanted=wanted)


def time(kind: str, segment: Segment, number: int, *, days: bool = False) -> Iterator[Fact]:
    """Give a time; what is none must be told."""
    if text := segment.text(number):
        when = moment(text)
        if when is None:
            yield Fact(f"{kind} that cannot be read", text, f"{segment.name}-{number}")
        else:
            yield Fact(kind, when[:8] if days else when, f"{segment.name}-{number}")
