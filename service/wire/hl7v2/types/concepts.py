"""CWE, CE and CNE: codes of several coding systems that say one thing, and words for it.

HL7 v2.9 section 2A.2.13: https://www.hl7.eu/HL7v2x/v29/std29/ch02a.html
"""

import re
from dataclasses import dataclass
from typing import Final

from service.errors import Issue
from service.wire.hl7v2.types.reading import FieldContext, Json
from service.wire.hl7v2.types.systems import table

_UNKNOWN_SYSTEM: Final = (
    "Not known here as a coding system: its codes are kept as the sender's own; have the name mapped."
)
_TAG: Final = re.compile(r"[a-z]{2,3}(?:-[A-Za-z0-9]{2,8})*")
_OF_LANGUAGES: Final = re.compile(r"ISO|BCP|RFC|HL70296|urn:ietf", re.IGNORECASE)
_NO_LANGUAGE: Final = frozenset({"mis", "mul", "oth", "und", "unk", "zxx"})


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

    def __call__(self, concept: Json, reading: FieldContext) -> None:
        """Read one repetition."""
        coding = []
        for code, display, name, oid in _CODINGS:
            if code in concept:
                system = self._system(concept, name, oid, reading)
                parts = {
                    "system": system,
                    "code": " ".join(concept[code].split()),
                    "display": concept.get(display),
                }
                coding.append({key: value for key, value in parts.items() if value})
        if coding:
            concept["coding"] = coding
        text = concept.get("c9") or reading.segment.get(self.words, {}).get("c1")
        if text is None:
            text = next(
                (concept[part] for code, part, _, _ in _CODINGS if _is_words(concept, code, part)), None
            )
        if text is not None:
            concept["text"] = text

    def _system(self, concept: Json, name: str, oid: str, reading: FieldContext) -> str:
        stated = concept.get(name) or concept.get(oid)
        if stated is None and name == "c3" and self.system:
            stated = reading.segment.get(self.system, {}).get("c1")
        if stated is None:
            return self._default(concept[f"c{int(name[1:]) - 2}"], reading)
        system, is_known = reading.systems.find(stated)
        if self.is_kept and not is_known:
            reading.issues.append(Issue(_UNKNOWN_SYSTEM, reading.at(int(name[1:])), "code-invalid"))
        return system

    def _default(self, code: str, reading: FieldContext) -> str:
        if self.number and (not self.codes or code in self.codes.split()):
            return table(self.number)
        where = f"{reading.name}-{reading.number}" if self.number else ""
        return reading.systems.default_system(where)


_CODINGS: Final = (("c1", "c2", "c3", "c14"), ("c4", "c5", "c6", "c17"), ("c10", "c11", "c12", "c20"))


def _is_words(concept: Json, code: str, display: str) -> bool:
    return display in concept and code not in concept


def language(concept: Json, reading: FieldContext) -> None:
    """Read the CWE of a language: as a concept, and `tag` where its code is one of BCP 47 by itself."""
    Concept(number=296)(concept, reading)
    for code, _, name, _ in _CODINGS:
        first, *rest = concept.get(code, "").replace("_", "-").split("-")
        tag = "-".join((first.lower(), *rest))
        is_stated = _OF_LANGUAGES.match(concept.get(name, "ISO")) is not None
        if is_stated and _TAG.fullmatch(tag) and tag not in _NO_LANGUAGE:
            concept["tag"] = tag
            return
