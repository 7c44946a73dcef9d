"""A message as JSON, for mappings: `message.PV1.f36.c1`, `each in message.PID.r3`, `message.IN1[0].IN2.f61`.

```json
{"MSH": {"f9": {"c1": "ADT", "c2": "A03"}},
 "PID": {"f3": {"c1": "4711", "c4": "HOSP", "c4s2": "1.2.3", "c4s3": "ISO"},
         "r3": [{"c1": "4711", "c4": "HOSP", "c4s2": "1.2.3", "c4s3": "ISO"}, {"c1": "12", "c5": "MR"}],
         "nulls": ["f19"]},
 "PV1": {"f44": {"c1": "202401311405", "time": "2024-01-31T14:05:00+01:00"}},
 "IN1": [{"f2": {"c1": "P1"}, "IN2": {"f61": {"c1": "X"}}}],
 "other": {"ZBE": [{"f1": {"c1": "1"}}]}}
```

- `f3` is field 3, of a repeating field the first repetition; `r3` is the list of all that are told.
- `c4` is component 4, of one with subcomponents the first; `c4s2` is its second subcomponent. All are texts,
  escape sequences read, control characters and trailing blanks gone. What is not told, or blank, has no key.
- `nulls` lists what is sent as `""`, to be deleted: `f19`, `f5.c2`, `f3[1].c1` (repetitions count from 0).
- `time` is the FHIR dateTime of a field that is a time stamp; a time stamp that is none has no `time` and
  makes an issue. PV1-42 and PV1-43 have one where a sender keeps times there.
- The fields of `datatypes.READ` have beside their components what these come to, whatever the shape: names
  `family`, the lists `given`, `prefix` and `suffix`, and `period`; addresses the list `line`, and `period`;
  phones and e-mail `points`; codes `coding` (as FHIR has it) and `text`; places `words`; ranks a `number`.
- `restricted` lists what of a patient is to be protected: ARV-3 of the restrictions that are not taken back.
- Segments that repeat are lists. IN2, IN3, ROL and PRT stand in the IN1 that they follow; ROL and PRT also in
  the PR1.
- `patients` has an item for each PID, with the segments from it to the next: a merge or a swap has two. Those
  of the first stand at the top too, with MSH, EVN and SFT. What stands before the first PID belongs to it.
- `other` holds what has no place of its own, by name, each a list: Z-segments, and of a segment that must not
  repeat the second and later.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import tzinfo
from typing import Any, Final

from service.errors import CasebridgeError, Issue
from service.wire.hl7v2.er7 import escapes
from service.wire.hl7v2.er7.delimiters import HEADERS
from service.wire.hl7v2.er7.error_locations import ErrorLocation
from service.wire.hl7v2.er7.message import NULL, Message, Segment
from service.wire.hl7v2.er7.times import to_fhir
from service.wire.hl7v2.types.datatypes import READ
from service.wire.hl7v2.types.reading import FieldContext, Reader
from service.wire.hl7v2.types.systems import NONE, CodeSystems

ONCE: Final = ("MSH", "EVN")
ONCE_A_PATIENT: Final = ("PID", "PD1", "MRG", "PV1", "PV2", "ACC", "PDA", "UB1", "UB2")
MANY: Final = ("SFT",)
MANY_A_PATIENT: Final = (
    *(
        "NK1",
        "ROL",
        "PRT",
        "ARV",
        "DB1",
        "OBX",
        "AL1",
        "IAM",
        "DG1",
        "DRG",
        "PR1",
        "GT1",
        "IN1",
        "CON",
        "NTE",
    ),
)
INSIDE: Final = {
    "IN1": {"IN2": False, "IN3": True, "ROL": True, "PRT": True},
    "PR1": {"ROL": True, "PRT": True},
}
"""What stands in a segment that it follows, and whether it repeats there."""

TIMES: Final = {
    "MSH": (7,),
    "EVN": (2, 3, 6),
    "PID": (7, 29, 33),
    "PD1": (13, 17, 18),
    "PV1": (25, 30, 35, 44, 45),
    "PV2": (8, 9, 14, 17, 26, 28, 29, 33, 46, 47, 48),
    "NK1": (8, 9, 16),
    "ROL": (5, 6),
    "PRT": (11, 12),
    "DG1": (5, 19),
    "PR1": (5,),
    "AL1": (6,),
    "IAM": (11, 13, 20),
    "OBX": (12, 14, 19),
    "GT1": (8, 13, 14),
    "IN1": (12, 13, 18, 24, 26, 29),
    "IN3": (6, 7, 9, 10, 13),
    "ACC": (1,),
    "PDA": (4,),
    "DRG": (2,),
}
"""The fields that are time stamps by definition: HL7 v2 chapters 2, 3 and 6."""

USED_AS_TIMES: Final = {"PV1": (42, 43)}
_CONTROL: Final = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")


@dataclass(frozen=True, slots=True)
class View:
    """A message as JSON, and what in it could not be understood; an issue's `where` is such as `PV1-45`."""

    json: dict[str, Any]
    issues: tuple[Issue, ...]


def to_json(message: Message, zone: tzinfo, systems: CodeSystems = NONE) -> View:
    """Show a message as JSON; `zone` is where times without an offset are from.

    `systems` are the coding systems that the sender names.
    """
    issues: list[Issue] = []
    patient: dict[str, Any] = {}
    patients = [patient]
    top: dict[str, Any] = {}
    seen: dict[str, int] = {}
    inside: dict[str, bool] = {}
    outer: dict[str, Any] = {}
    for segment in message.segments:
        name = segment.name
        seen[name] = seen.get(name, 0) + 1
        segment_json = _Segment(segment, seen[name], zone, systems, issues).json()
        if name in inside and (inside[name] or name not in outer):
            _put_segment(outer, name, segment_json, repeats=inside[name])
            continue
        if name == "PID" and "PID" in patient:
            patient = {}
            patients.append(patient)
        _place(name, segment_json, top, patient)
        if name == "ARV":
            _restrict(patient, segment_json)
        inside, outer = INSIDE.get(name, {}), segment_json
    return View(patients[0] | top | {"patients": patients}, tuple(issues))


def _place(name: str, segment_json: dict[str, Any], top: dict[str, Any], patient: dict[str, Any]) -> None:
    for home, once, many in ((top, ONCE, MANY), (patient, ONCE_A_PATIENT, MANY_A_PATIENT)):
        if name in many or (name in once and name not in home):
            _put_segment(home, name, segment_json, repeats=name in many)
            return
    _put_segment(patient.setdefault("other", {}), name, segment_json, repeats=True)


def _restrict(patient: dict[str, Any], segment_json: dict[str, Any]) -> None:
    """Note what is to be protected, unless this says that it no longer is (HL7 table 0206)."""
    values = [repetition["c1"] for repetition in segment_json.get("r3", ()) if "c1" in repetition]
    if values and segment_json.get("f2", {}).get("c1") != "D":
        patient.setdefault("restricted", []).extend(values)


def _put_segment(home: dict[str, Any], name: str, segment_json: dict[str, Any], *, repeats: bool) -> None:
    if repeats:
        home.setdefault(name, []).append(segment_json)
    else:
        home[name] = segment_json


@dataclass(frozen=True, slots=True)
class _Segment:
    segment: Segment
    sequence: int
    zone: tzinfo
    systems: CodeSystems
    issues: list[Issue]

    def json(self) -> dict[str, Any]:
        """The segment's fields, those that are told."""
        fields: dict[str, Any] = {}
        nulls: list[str] = []
        name, marks = self.segment.name, self.segment.delimiters
        decode = str.rstrip if self._is_plain() else self._decode
        first = 3 if name in HEADERS else 1
        for number, text in enumerate(self.segment.fields[first:], first):
            if not text:
                continue
            # nearly all fields have one repetition: those are spared the lists that several need
            several = text.split(marks.repetition) if marks.repetition and marks.repetition in text else None
            if several is None:
                present = repetitions = [_repetition(text, marks.component, marks.subcomponent, decode)]
            else:
                repetitions = [
                    _repetition(part, marks.component, marks.subcomponent, decode) for part in several
                ]
                present = [repetition for repetition in repetitions if repetition]
            if repetitions[0]:
                fields[f"f{number}"] = repetitions[0]
            if present and present[0]:
                fields[f"r{number}"] = present
            if NULL in text:
                nulls += _nulls(f"f{number}", several or [text], marks.component)
        self._times(fields)
        if name in READ:
            self._whole(fields, READ[name])
        if nulls:
            fields["nulls"] = nulls
        return fields

    def _is_plain(self) -> bool:
        """Whether it has neither escape sequences nor control characters, as nearly all segments."""
        text, escape = self.segment.text, self.segment.delimiters.escape
        if self.segment.name in HEADERS:
            text = text[4 + len(self.segment.delimiters.encoding) :]
        return text.isprintable() and not (escape and escape in text)

    def _decode(self, text: str) -> str:
        plain = escapes.decode(text, self.segment.delimiters, self.segment.charset)
        return (plain if plain.isprintable() else _CONTROL.sub("", plain)).rstrip()

    def _times(self, fields: dict[str, Any]) -> None:
        name = self.segment.name
        for number in TIMES.get(name, ()):
            for index, repetition in enumerate(fields.get(f"r{number}", ())):
                if "c1" in repetition:
                    self._time(repetition, ErrorLocation(name, self.sequence, number, index + 1), self.issues)
        for number in USED_AS_TIMES.get(name, ()):
            if "c1" in fields.get(f"f{number}", ()):
                self._time(fields[f"f{number}"], ErrorLocation(name, self.sequence, number), [])

    def _whole(self, fields: dict[str, Any], readers: dict[int, Reader]) -> None:
        reading = FieldContext(self.zone, self.systems, self.issues, self.segment.name, self.sequence, fields)
        for number, read in readers.items():
            for index, repetition in enumerate(fields.get(f"r{number}", ())):
                reading.number, reading.repetition = number, index + 1
                read(repetition, reading)

    def _time(self, field: dict[str, str], place: ErrorLocation, issues: list[Issue]) -> None:
        try:
            field["time"] = to_fhir(field["c1"], self.zone, str(place))
        except CasebridgeError as error:
            issues.extend(error.issues)


def _repetition(text: str, component: str, subcomponent: str, decode: Callable[[str], str]) -> dict[str, str]:
    """The components of one repetition that are told."""
    if component not in text and not (subcomponent and subcomponent in text):
        plain = decode(text)
        return {"c1": plain} if plain and plain != NULL else {}
    components: dict[str, str] = {}
    for number, piece in enumerate(text.split(component), 1):
        if not piece or piece == NULL:
            continue
        if subcomponent and subcomponent in piece:
            for part, value in enumerate(piece.split(subcomponent), 1):
                if value and (plain := decode(value)):
                    components[f"c{number}" if part == 1 else f"c{number}s{part}"] = plain
        elif plain := decode(piece):
            components[f"c{number}"] = plain
    return components


def _nulls(field: str, repetitions: Sequence[str], component: str) -> Iterator[str]:
    """What of a field is to be deleted: repetitions, or components of them."""
    for index, text in enumerate(repetitions):
        name = f"{field}[{index}]" if index else field
        if text == NULL:
            yield name
            continue
        for number, piece in enumerate(text.split(component), 1):
            if piece == NULL:
                yield f"{name}.c{number}"
