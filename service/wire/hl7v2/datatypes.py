"""What stands in the components of fields, as a whole: names, addresses, contact points, concepts, places.

`READ` says of which data type a field is that mappings read so; each reader adds to the components of a
repetition what they come to, one reader for every shape that versions 2.1 to 2.9 give a data type:
HL7 v2.9 chapter 2A, https://www.hl7.eu/HL7v2x/v29/std29/ch02a.html
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import tzinfo
from typing import Any, Final

from service.errors import CasebridgeError, Issue
from service.wire.hl7v2.places import Place
from service.wire.hl7v2.systems import CodeSystems, table
from service.wire.hl7v2.times import to_fhir

Json = dict[str, Any]
_UNKNOWN_SYSTEM: Final = (
    "Not known here as a coding system: its codes are kept as the sender's own; have the name mapped."
)
_MAIL: Final = re.compile(r"[^\s@]+@[^\s@]+")
_WEB: Final = re.compile(r"(?:https?://|www\.)\S+", re.IGNORECASE)
_UNTOLD: Final = re.compile(r"[^\w+@]")
_ELECTRONIC: Final = frozenset({"Internet", "X.400"})
_TAG: Final = re.compile(r"[a-z]{2,3}(?:-[A-Za-z0-9]{2,8})*")
_OF_LANGUAGES: Final = re.compile(r"ISO|BCP|RFC|HL70296|urn:ietf", re.IGNORECASE)
_NO_LANGUAGE: Final = frozenset({"mis", "mul", "oth", "und", "unk", "zxx"})


@dataclass(slots=True)
class Reading:
    """What a reader needs beside the components of a repetition: where they stand, and what is with them.

    `told` are the contact points that the segment has told of before.
    """

    zone: tzinfo
    systems: CodeSystems
    issues: list[Issue]
    name: str
    sequence: int
    segment: Json
    number: int = 0
    repetition: int = 1
    told: set[str] = field(default_factory=set)

    def period(self, start: str | None, end: str | None) -> Json | None:
        """Return a period of two time stamps; what is none says nothing."""
        found = {"start": self._time(start), "end": self._time(end)}
        return {edge: time for edge, time in found.items() if time} or None

    def at(self, component: int) -> str:
        """Return the place of a component."""
        return str(Place(self.name, self.sequence, self.number, self.repetition, component))

    def _time(self, text: str | None) -> str | None:
        try:
            return to_fhir(text, self.zone, "") if text else None
        except CasebridgeError:
            return None


Reader = Callable[[Json, Reading], None]


def person_name(first: int) -> Reader:
    """Return the reader of a name: XPN from its first component on, XCN from its second, after the number.

    It gives `family`, `given`, `prefix`, `suffix` (degrees too) and `period`.
    """
    family, given, second, suffix, prefix, degree = (f"c{first + number}" for number in range(6))
    shift = 0 if first == 1 else 7  # XPN-10, -12 and -13 are XCN-17, -19 and -20
    span, start, end = (f"c{number + shift}" for number in (10, 12, 13))

    def read(name: Json, reading: Reading) -> None:
        # FN-1 is the whole surname; else the own one, FN-2 and -3, or that of the partner, FN-4 and -5
        for parts in ((family,), (f"{family}s2", f"{family}s3"), (f"{family}s4", f"{family}s5")):
            if whole := " ".join(name[each] for each in parts if each in name):
                name["family"] = whole
                break
        for key, parts in (("given", (given, second)), ("prefix", (prefix,)), ("suffix", (suffix, degree))):
            if found := [name[each] for each in parts if each in name]:
                name[key] = found
        if span in name or start in name or end in name:
            edges = name.get(start, name.get(span)), name.get(end, name.get(f"{span}s2"))
            if period := reading.period(*edges):
                name["period"] = period

    return read


def address(place: Json, reading: Reading) -> None:
    """Read an XAD: `line` (of a SAD the street and number), and `period`."""
    street = place.get("c1") or " ".join(place[each] for each in ("c1s2", "c1s3") if each in place)
    if line := [each for each in (street, place.get("c2"), place.get("c8")) if each]:
        place["line"] = line
    if "c12" in place or "c13" in place or "c14" in place:
        edges = place.get("c13", place.get("c12")), place.get("c14", place.get("c12s2"))
        if period := reading.period(*edges):
            place["period"] = period


def telecom(way: Json, reading: Reading) -> None:
    """Read an XTN: `points`, an e-mail address and a number perhaps, of those not told of before.

    Each has its `value`, `kind` where that is no number (`email`, `url`), and `use`, `equipment` (XTN-2, -3)
    and `period` as they are sent.
    """
    use = {"use": way["c2"]} if "c2" in way else {}
    equipment = {"equipment": way["c3"]} if "c3" in way else {}
    period = reading.period(way.get("c13"), way.get("c14")) if "c13" in way or "c14" in way else None
    points: list[Json] = []
    for kind, value in _contacts(way):
        key = _UNTOLD.sub("", value).casefold() or value
        if key not in reading.told:
            reading.told.add(key)
            # a number may be sent beside an e-mail address, or as one
            is_number = not kind and way.get("c3") in _ELECTRONIC
            more = {**({"kind": kind} if kind else {}), **use, **({} if is_number else equipment)}
            points.append({"value": value, **more, **({"period": period} if period else {})})
    if points:
        way["points"] = points


def _contacts(way: Json) -> Iterator[tuple[str, str]]:
    """Give what an XTN leads to: a kind, none of a number, and a value."""
    texts = [way[part] for part in ("c4", "c12", "c1", "c9") if part in way]
    mail = next((each for each in texts if _MAIL.fullmatch(each)), None)
    if mail is not None:
        yield "email", mail
    numbers = [way.get("c12"), _composed(way), way.get("c1"), way.get("c9"), way.get("c4")]
    number = next((each for each in numbers if each and not _MAIL.fullmatch(each)), None)
    if number is None:
        return
    is_electronic = way.get("c2") == "NET" or way.get("c3") in _ELECTRONIC
    if _WEB.fullmatch(number):
        yield "url", number
    elif not is_electronic or not re.search(r"[^\W\d_]", number) or _composed(way) == number:
        yield "", number
    elif mail is None:
        yield "email", number


def _composed(way: Json) -> str | None:
    """Return a number that is sent in parts as people write it: `+45 22 334455 ext. 6`."""
    if "c7" not in way:
        return None
    country = way.get("c5", "").lstrip("+")
    parts = [f"+{country}" if country else "", way.get("c6", ""), way["c7"]]
    if "c8" in way:
        parts.append(f"ext. {way.get('c10', '')}{way['c8']}")
    return " ".join(each for each in parts if each)


@dataclass(frozen=True, slots=True)
class Concept:
    """The reader of a CWE, CE or CNE: `coding`, as FHIR has it, and `text`, its words where no code has them.

    `number` is the HL7 table that the codes are of where the sender names no system, `codes` those that the
    table has (empty: any). Where the codes are kept, and not just translated, a system that nobody knows is
    an issue. `system` and `words` are fields that say these for a field that does not.
    """

    number: int = 0
    codes: str = ""
    is_kept: bool = False
    system: str = ""
    words: str = ""

    def __call__(self, concept: Json, reading: Reading) -> None:
        """Read one repetition."""
        coding = []
        for code, display, name, oid in _CODINGS:
            if code in concept:
                system = self._system(concept, name, oid, reading)
                known = {
                    "system": system,
                    "code": " ".join(concept[code].split()),
                    "display": concept.get(display),
                }
                coding.append({key: value for key, value in known.items() if value})
        if coding:
            concept["coding"] = coding
        text = concept.get("c9") or reading.segment.get(self.words, {}).get("c1")
        if text is None:
            text = next(
                (concept[part] for code, part, _, _ in _CODINGS if _is_words(concept, code, part)), None
            )
        if text is not None:
            concept["text"] = text

    def _system(self, concept: Json, name: str, oid: str, reading: Reading) -> str:
        stated = concept.get(name) or concept.get(oid)
        if stated is None and name == "c3" and self.system:
            stated = reading.segment.get(self.system, {}).get("c1")
        if stated is None:
            return self._default(concept[f"c{int(name[1:]) - 2}"], reading)
        system, is_known = reading.systems.find(stated)
        if self.is_kept and not is_known:
            reading.issues.append(Issue(_UNKNOWN_SYSTEM, reading.at(int(name[1:])), "code-invalid"))
        return system

    def _default(self, code: str, reading: Reading) -> str:
        if self.number and (not self.codes or code in self.codes.split()):
            return table(self.number)
        where = f"{reading.name}-{reading.number}" if self.number else ""
        return reading.systems.unstated(where)


_CODINGS: Final = (("c1", "c2", "c3", "c14"), ("c4", "c5", "c6", "c17"), ("c10", "c11", "c12", "c20"))


def _is_words(concept: Json, code: str, display: str) -> bool:
    return display in concept and code not in concept


def language(concept: Json, reading: Reading) -> None:
    """Read the CWE of a language: as a concept, and `tag` where its code is one of BCP 47 by itself."""
    Concept(number=296)(concept, reading)
    for code, _, name, _ in _CODINGS:
        first, *rest = concept.get(code, "").replace("_", "-").split("-")
        tag = "-".join((first.lower(), *rest))
        is_stated = _OF_LANGUAGES.match(concept.get(name, "ISO")) is not None
        if is_stated and _TAG.fullmatch(tag) and tag not in _NO_LANGUAGE:
            concept["tag"] = tag
            return


def location(place: Json, _: Reading) -> None:
    """Read a PL: `words` for point of care, room and bed, building, floor and description."""
    bed = " ".join(place[part] for part in ("c1", "c2", "c3") if part in place)
    rest = (bed, *(place.get(part) for part in ("c7", "c8", "c9")))
    if words := ", ".join(each for each in rest if each) or place.get("c4"):
        place["words"] = words


def destination(place: Json, _: Reading) -> None:
    """Read a DLD: `words`, the text beside its code, whichever component a version has it in."""
    second = place.get("c2", "")
    words = place.get("c1s2") or (second if re.search(r"[^\W\d]", second) else "") or place.get("c1")
    if words:
        place["words"] = words


def rank(number: Json, _: Reading) -> None:
    """Read a NM that ranks, 1 the first: `number`."""
    text = number.get("c1", "")
    if text.isascii() and text.isdigit() and 1 <= int(text[:9]) <= 1000:
        number["number"] = int(text[:9])


def words(text: Json, _: Reading) -> None:
    """Read a ST: `text`."""
    if "c1" in text:
        text["text"] = text["c1"]


NAME, STAFF = person_name(1), person_name(2)
READ: Final[dict[str, dict[int, Reader]]] = {
    "PID": {
        5: NAME,
        8: Concept(1),
        9: NAME,
        11: address,
        13: telecom,
        14: telecom,
        15: language,
        40: telecom,
    },
    "PD1": {4: STAFF},
    "NK1": {
        2: NAME,
        3: Concept(63),
        4: address,
        5: telecom,
        6: telecom,
        15: Concept(1),
        30: NAME,
        31: telecom,
        40: telecom,
        41: telecom,
    },
    "PV1": {
        2: Concept(4, "B C E I N O P R U", is_kept=True),
        3: location,
        4: Concept(7, "A C E L N R U", is_kept=True),
        **dict.fromkeys((7, 8, 9, 17, 52), STAFF),
        36: Concept(112, is_kept=True),
        37: destination,
    },
    "PV2": {3: Concept(is_kept=True), 13: STAFF},
    # before 2.4, and of many later, DG1-2 names the system and DG1-4 has the words
    "DG1": {
        3: Concept(is_kept=True, system="f2", words="f4"),
        4: words,
        6: Concept(52),
        15: rank,
        21: Concept(206),
    },
    "ROL": {2: Concept(287), 3: Concept(443), 4: STAFF, 12: telecom},
    "PRT": {2: Concept(287), 4: Concept(912), 5: STAFF, 15: telecom},
    "IN1": {17: Concept(63)},
}
"""The fields that are read whole, by segment and number."""
