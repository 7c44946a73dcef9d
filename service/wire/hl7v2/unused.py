"""What is told in a message and read by nothing, by field: `PV1-14`, `PID-5.4`, `AL1`; never what it says.

What only serves to read the rest is structure and is never named: MSH and SFT, set ids, who assigned a number
and by which check digit, the words and the system of a code that is used.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache, lru_cache
from typing import Final

from service.values.inbound.inbox import Unused
from service.values.inbound.intake import IntakeSettings
from service.wire.hl7v2.components import components
from service.wire.hl7v2.er7.delimiters import Delimiters
from service.wire.hl7v2.er7.message import NULL, Message, Segment
from service.wire.hl7v2.titles import kind_of
from service.wire.hl7v2.view import INSIDE, ONCE, ONCE_A_PATIENT

ENVELOPE: Final = frozenset({"MSH", "SFT"})
"""The segments that are about the message, not about anybody."""
NUMBERING: Final = frozenset({"EVN-1", "ROL-1", "PRT-1"})
"""What names an event or an item of a list; beside these every field of the type SI."""
STRUCTURE: Final[Mapping[str, frozenset[int]]] = {
    "CX": frozenset({2, 3, 4, 5, 6, 9, 10}),
    "DTM": frozenset({2}),
    "EI": frozenset({2, 3, 4}),
    "HD": frozenset({2, 3}),
    "TS": frozenset({2}),
    "XCN": frozenset({8, 9, 10, 11, 12, 13, 14, 15, 18, 22, 23}),
    "XON": frozenset({2, 4, 5, 6, 7, 8, 9}),
    "XPN": frozenset({8, 11}),
}
"""By data type the components that serve to read the others."""
_OF_CODES: Final = {
    **dict.fromkeys((2, 3, 7, 14, 15, 16), 1),
    **dict.fromkeys((5, 6, 8, 17, 18, 19), 4),
    **dict.fromkeys((11, 12, 13, 20, 21, 22), 10),
}
SAID_BY: Final[Mapping[str, Mapping[int, int]]] = dict.fromkeys(("CE", "CNE", "CWE"), _OF_CODES)
"""By data type the components that say once more what another says, where that is told: which one."""
FALLBACKS: Final[Mapping[str, Mapping[int, frozenset[int]]]] = {"XTN": {9: frozenset({1, 4, 7, 12})}}
"""By data type the components that are read where none of certain others is told."""
SINGLE: Final = frozenset({*ONCE, *ONCE_A_PATIENT})
PATTERNS: Final = 5_000
"""How many patterns of a segment are kept."""
NOTHING: Final[Mapping[str, bool]] = {}
NONE_SAID: Final[Mapping[int, int]] = {}
NO_OTHERS: Final[Mapping[int, frozenset[int]]] = {}
Within = tuple[tuple[str, str], ...]
"""Fields, each with its place within its segment."""
NOTHING_KEPT: Final[Mapping[str, Within]] = {}
MADE_OF: Final[Mapping[str, tuple[str, ...]]] = {
    "message.restricted": ("message.ARV.f2.c1", "message.ARV.r3.c1"),
    "times.recorded": ("message.EVN.f2.time", "message.MSH.f7.time"),
}
"""The paths of fields that a path which is none is made of; see `made_of` for more."""
_PATH: Final = re.compile(
    r"message\.(?:patients\.|other\.)?(?:(?P<within>IN1|PR1)\.)?(?P<segment>[A-Z][A-Z0-9]{2})"
    r"(?:\.(?P<list>[fr])(?P<field>\d+)(?:\.(?P<key>.+))?|\.nulls)?\Z"
)
_COMPONENT: Final = re.compile(r"c(\d+)(?:s(\d+))?\Z")


@dataclass(slots=True)
class ReadComponents:
    """What of a field is read: `whole`, or components, and subcomponents (component, number) of them."""

    kind: str = ""
    whole: bool = False
    is_list: bool = False
    components: set[int] = field(default_factory=set)
    parts: set[tuple[int, int]] = field(default_factory=set)

    def take(self, component: str) -> None:
        """Note that a component is read, `c4s2`, or all of it where this is empty."""
        match = _COMPONENT.match(component)
        if match is None:
            self.whole = True
        else:
            self.components.add(int(match[1]))
            self.parts.add((int(match[1]), int(match[2] or 1)))


@dataclass(frozen=True, slots=True)
class ReadFields:
    """What is read of each segment, by its name, of one within another by `IN1.ROL`; and what came of that.

    `unread` keeps what is not read by segment and pattern (which parts are told): a sender has few of these.
    """

    segments: dict[str, dict[int, ReadComponents]]
    unread: dict[str, dict[str, Within]] = field(default_factory=dict)


def known(paths: Iterable[str], wholes: Iterable[str], settings: IntakeSettings) -> ReadFields:
    """Return what is read of messages.

    Args:
        paths: those of the source `hl7v2` that mappings read.
        wholes: those of which everything below is read.
        settings: the partner's, which name the fields that tell times.
    """
    segments: dict[str, dict[int, ReadComponents]] = {}
    all_of = frozenset(wholes)
    for path in {*paths, *all_of}:
        for at in _fields(path, settings):
            read = _read_of_field(segments, _home(at), int(at["field"]))
            read.is_list |= at["list"] == "r"
            if at["key"] or path in all_of:
                for number, component in components(at["segment"], int(at["field"]), at["key"] or ""):
                    _read_of_field(segments, _home(at), number).take(component)
    return ReadFields(segments)


def made_of(path: str, settings: IntakeSettings) -> tuple[str, ...]:
    """Return the paths of fields that a path is made of; that of a field is itself."""
    times = {
        "times.admitted": settings.admission_time,
        "times.discharged": settings.discharge_time,
        "times.left": settings.discharge_time,
    }
    if path in times:
        return tuple(f"message.{name.replace('-', '.f')}.time" for name in times[path])
    return MADE_OF.get(path.replace(".patients.", "."), (path,))


def _fields(path: str, settings: IntakeSettings) -> Iterator[re.Match[str]]:
    matches = (_PATH.match(field_path) for field_path in made_of(path, settings))
    yield from (at for at in matches if at is not None and at["field"])


def places(path: str, settings: IntakeSettings) -> Iterator[tuple[str, str]]:
    """Give the fields that a path reads, each with what of it: `.1`, `.9`, nothing where it is the whole."""
    for at in _fields(path, settings):
        if at["within"]:
            continue
        home = int(at["field"])
        targets = list(components(at["segment"], home, at["key"] or ""))
        if at["key"] in {None, "time"}:
            targets = [(home, ""), *(target for target in targets if target[0] != home)]
        for number, component in targets:
            outer, _, part = component.partition("s")
            # of a component with all its parts the component is named
            if not part or (number, outer) not in targets:
                yield f"{at['segment']}-{number}", component.replace("c", ".").replace("s", ".")


def is_known(path: str) -> bool:
    """Return whether it can be told which fields a path of the source `hl7v2` reads."""
    return all(_PATH.match(field_path) for field_path in made_of(path, IntakeSettings()))


def unused_fields(message: Message, read: ReadFields) -> tuple[Unused, ...]:
    """Return the fields of a message that nothing reads, each once, in the order they stand in it."""
    unused: dict[str, str] = {}
    names = tuple([segment.text[:3] for segment in message.segments])
    came: dict[str, int] = {}
    for number, (home, pattern) in enumerate(zip(_homes(names), _patterns(message), strict=True)):
        name = names[number]
        came[name] = came.get(name, 0) + 1
        unread = read.unread.get(home, NOTHING_KEPT).get(pattern)
        if unread is None:
            segment = Segment(pattern, message.delimiters, message.charset)
            unread = tuple(_of_segment(name, segment, read.segments.get(home)).items())
            if home in read.segments:
                _keep(read.unread.setdefault(home, {}), pattern, unread)
        if unread:
            place = f"{name}[{came[name]}]" if came[name] > 1 else name
            for field_, within in unread:
                if field_ not in unused:
                    unused[field_] = place + within
    return tuple(map(Unused._make, unused.items()))


@lru_cache(maxsize=1_000)
def _homes(names: tuple[str, ...]) -> tuple[str, ...]:
    """Return where each segment stands for mappings: `PV1`, `IN1.ROL`, and a second PV1 beside the others."""
    homes = []
    once: set[str] = set()
    outer = ""
    inside: Mapping[str, bool] = NOTHING
    for name in names:
        if name in inside:
            homes.append(f"{outer}.{name}")
            continue
        outer, inside = name, INSIDE.get(name, NOTHING)
        if name == "PID":
            once.clear()
        homes.append(f"other.{name}" if name in once else name)
        if name in SINGLE:
            once.add(name)
    return tuple(homes)


def _patterns(message: Message) -> list[str]:
    """Return of each segment which parts are told, without what they say: `x|x||x^x`."""
    table = _table(message.delimiters)
    # all in one go: many short texts would take several times as long
    whole = "\r".join([segment.text for segment in message.segments]).encode("latin-1", "replace")
    whole = whole.translate(table, b" ")
    # in few steps one of up to 38
    for long in (b"xxxxx", b"xxxx", b"xxx", b"xx"):
        whole = whole.replace(long, b"x")
    return whole.decode("latin-1").split("\r")


@cache
def _table(marks: Delimiters) -> bytes:
    """Return what becomes of each byte; no letter parts anything."""
    separators = {*marks.separators, '"', "\r"}
    return "".join(chr(code) if chr(code) in separators else "x" for code in range(256)).encode("latin-1")


def _keep(by_pattern: dict[str, Within], pattern: str, unread: Within) -> None:
    """Keep what is not read of a segment for the next one of the same pattern."""
    if len(by_pattern) >= PATTERNS:
        by_pattern.clear()
    by_pattern[pattern] = unread


def _home(at: re.Match[str]) -> str:
    return f"{at['within']}.{at['segment']}" if at["within"] else at["segment"]


def _read_of_field(
    segments: dict[str, dict[int, ReadComponents]], segment: str, number: int
) -> ReadComponents:
    fields = segments.setdefault(segment, {})
    if number not in fields:
        fields[number] = ReadComponents(kind_of(segment.rpartition(".")[2], number))
    return fields[number]


def is_structure(segment: str, number: int) -> bool:
    """Return whether a field only serves to read others."""
    return kind_of(segment, number) == "SI" or f"{segment}-{number}" in NUMBERING or segment in ENVELOPE


def _of_segment(name: str, segment: Segment, fields: dict[int, ReadComponents] | None) -> dict[str, str]:
    """Return what is not read of a segment, with its place within; without `fields` nothing of it is."""
    texts = (
        (number, text)
        for number, text in enumerate(segment.fields)
        if number and text and not is_structure(name, number) and _is_told(text, segment)
    )
    if fields is None:
        return {name: ""} if any(texts) else {}
    unread: dict[str, str] = {}
    for number, text in texts:
        read = fields.get(number)
        if read is None or not (read.components or read.whole):
            unread[f"{name}-{number}"] = f"-{number}"
        elif not read.whole:
            for key, within in _of_field(segment, text, read):
                unread.setdefault(f"{name}-{number}{key}", f"-{number}{within}")
    return unread


def _of_field(segment: Segment, text: str, read: ReadComponents) -> Iterator[tuple[str, str]]:
    """Give what of a field is not read, each with its place within."""
    marks = segment.delimiters
    structure = STRUCTURE.get(read.kind, frozenset())
    for index, repetition in enumerate(text.split(marks.repetition) if marks.repetition else [text], 1):
        at = f"[{index}]" if index > 1 else ""
        if at and not read.is_list:
            if _is_told(repetition, segment):
                yield "[2]", at
            continue
        parts = repetition.split(marks.component)
        for number, part in enumerate(parts, 1):
            if not part or number in structure:
                continue
            others = FALLBACKS.get(read.kind, NO_OTHERS).get(number, frozenset())
            is_passed = any(parts[other - 1 : other] not in ([], [""]) for other in others)
            if is_passed or number not in read.components:
                other = SAID_BY.get(read.kind, NONE_SAID).get(number)
                if not (other and parts[other - 1]) and _is_told(part, segment):
                    yield f".{number}", f"{at}.{number}"
            elif marks.subcomponent and marks.subcomponent in part:
                for key in _of_component(segment, number, part, read):
                    yield key, f"{at}{key}"


def _of_component(segment: Segment, component: int, text: str, read: ReadComponents) -> Iterator[str]:
    parts = text.split(segment.delimiters.subcomponent)
    for number, part in enumerate(parts, 1):
        is_read = number == 1 or (component, number) in read.parts
        # the parts of a line of an address are in the line
        is_said = parts[0] and component == 1 and read.kind in {"XAD", "SAD"}
        if not is_read and not is_said and _is_told(part, segment):
            yield f".{component}.{number}"


def _is_told(text: str, segment: Segment) -> bool:
    """Return whether there is something in a part of a pattern beside separators and deletions."""
    return bool(text.replace(NULL, "").strip("".join(segment.delimiters.separators)))
