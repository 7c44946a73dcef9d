"""CodeableConcepts that are sent: which coding of several is used, and what a ConceptMap makes of them.

https://hl7.org/fhir/R4/datatypes.html#CodeableConcept
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from service.values import codes

Json = dict[str, Any]
LOCAL: Final = codes.LOCAL
_CODE: Final = re.compile(r"\S+(?: \S+)*")
_FORMER: Final = re.compile(r"http://hl7\.org/fhir/(v[23])/([A-Za-z0-9]+)\Z")
_BY_OID: Final = {
    f"urn:oid:{oid}": "http://terminology.hl7.org/CodeSystem/v2-0203"
    for oid in ("2.16.840.1.113883.18.108", "2.16.840.1.113883.12.203")
}
_PUBLIC: Final = (
    "http://snomed.info/",
    "http://loinc.org",
    "http://hl7.org/",
    "http://terminology.hl7.org/",
    "http://www.nlm.nih.gov/",
    "http://www.ama-assn.org/",
    "http://unitsofmeasure.org",
    "http://www.whocc.no/",
    "http://www.who.int/",
    "http://id.who.int/",
    "http://fhir.de/",
    "http://medcomfhir.dk/",
    "http://hl7.dk/",
    "https://www.nubc.org/",
    "https://www.cms.gov/",
    "urn:oid:2.16.840.1.113883.6.",
    "urn:oid:2.16.840.1.113883.5.",
    "urn:oid:2.16.840.1.113883.12.",
    "urn:oid:1.2.276.0.76.5.",
    "urn:ietf:",
    "urn:iso:",
)


@dataclass(frozen=True, slots=True)
class CodeMapping:
    """What a ConceptMap makes of codings: by code (source system, target code) of each group naming it.

    `folded` are the codes by how they are written without regard to case.
    """

    targets: Mapping[str, Sequence[tuple[str, str | None]]]
    folded: Mapping[str, str]
    rest: Callable[[str], str | None]

    def code_of(self, codings: Sequence[Json], words: Sequence[str] = ()) -> str | None:
        """Return the target code of the first coding that is named in its own system, else in any.

        Where none is named so, it may be in another case, or the words may be a code of the map.
        """
        if (named_target := self.named(codings, words)) is not None:
            return named_target[1]
        first = next((coding["code"] for coding in codings if coding.get("code")), None)
        return self.rest(first) if first is not None else None

    def named(self, codings: Sequence[Json], words: Sequence[str]) -> tuple[str, str | None] | None:
        """Return (source system, target code) of what the map names of codings and words, or None."""
        named_codings = [coding for coding in codings if coding.get("code") in self.targets]
        for coding in named_codings:
            for target in self.targets[coding["code"]]:
                if target[0] and target[0] == coding.get("system"):
                    return target
        if named_codings:
            return self.targets[named_codings[0]["code"]][0]
        for text in (*(coding["code"] for coding in codings if isinstance(coding.get("code"), str)), *words):
            if (code := self.folded.get(text.casefold())) is not None:
                return self.targets[code][0]
        return None


def codings_of(concepts: Any) -> list[Json]:
    """Return the codings of a CodeableConcept, or of a list of them, in order; a Coding is one itself."""
    items = concepts if isinstance(concepts, list) else [concepts] if concepts else []
    return [
        coding
        for concept in items
        if isinstance(concept, dict)
        for coding in (concept["coding"] if isinstance(concept.get("coding"), list) else [concept])
        if isinstance(coding, dict)
    ]


def words_of(concepts: Any) -> list[str]:
    """Return the words of a CodeableConcept, or of a list of them, in order."""
    items = concepts if isinstance(concepts, list) else [concepts] if concepts else []
    texts = [item["text"] for item in items if isinstance(item, dict) and isinstance(item.get("text"), str)]
    displays = (coding.get("display") for coding in codings_of(items))
    return [*texts, *(display for display in displays if isinstance(display, str))]


def used_of(concept: Json) -> Json | None:
    """Return a concept as `Coded` of the contracts, or None when it says nothing.

    A coding without a code is words; so is a display where there is no code and no text.
    """
    codings = list(_known_codings(codings_of(concept)))
    text = concept.get("text") or next((d for d in _displays(concept) if not codings), None)
    codings.sort(key=lambda coding: not _is_public(coding.get("system", "")))
    if not codings:
        return {"text": text} if text else None
    first, *others = codings
    of_text = {"text": text} if text else {}
    return {**first, **of_text, **({"alternates": others} if others else {})}


def code_in(concept: Json, system: str) -> str | None:
    """Return the code of a concept in a code system, or None."""
    return next((code for code in _codes(concept, lambda other: _address(other) == system)), None)


def bare_code(concept: Json) -> str | None:
    """Return the code of a concept that is of no stated code system, or None."""
    return next((code for code in _codes(concept, lambda other: not other)), None)


def _codes(concept: Json, is_of: Callable[[Any], bool]) -> Iterator[str]:
    for coding in codings_of(concept):
        code = coding.get("code")
        if isinstance(code, str) and _CODE.fullmatch(code) and is_of(coding.get("system")):
            yield code


def _address(system: Any) -> str | None:
    """Return the address that HL7 gives a code system of its own now, whichever it had before."""
    if not isinstance(system, str):
        return None
    match = _FORMER.match(system)
    if match is None:
        return _BY_OID.get(system, system)
    return f"http://terminology.hl7.org/CodeSystem/{match[1]}-{match[2]}"


def _known_codings(codings: Sequence[Json]) -> Iterator[Json]:
    seen = set()
    for coding in codings:
        code = coding.get("code")
        if not isinstance(code, str) or not _CODE.fullmatch(code):
            continue
        plain_coding = {name: coding[name] for name in ("system", "code", "display") if coding.get(name)}
        if (key := (plain_coding.get("system"), code)) not in seen:
            seen.add(key)
            yield plain_coding


def _displays(concept: Json) -> list[str]:
    return [coding["display"] for coding in codings_of(concept) if coding.get("display")]


def _is_public(system: str) -> bool:
    return system.startswith(_PUBLIC)
