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
        if (found := self.named(codings, words)) is not None:
            return found[1]
        given = next((each["code"] for each in codings if each.get("code")), None)
        return self.rest(given) if given is not None else None

    def named(self, codings: Sequence[Json], words: Sequence[str]) -> tuple[str, str | None] | None:
        """Return (source system, target code) of what the map names of codings and words, or None."""
        named = [each for each in codings if each.get("code") in self.targets]
        for each in named:
            for told in self.targets[each["code"]]:
                if told[0] and told[0] == each.get("system"):
                    return told
        if named:
            return self.targets[named[0]["code"]][0]
        for text in (*(each["code"] for each in codings if isinstance(each.get("code"), str)), *words):
            if (code := self.folded.get(text.casefold())) is not None:
                return self.targets[code][0]
        return None


def codings_of(concepts: Any) -> list[Json]:
    """Return the codings of a CodeableConcept, or of a list of them, in order; a Coding is one itself."""
    found = concepts if isinstance(concepts, list) else [concepts] if concepts else []
    return [
        coding
        for each in found
        if isinstance(each, dict)
        for coding in (each["coding"] if isinstance(each.get("coding"), list) else [each])
        if isinstance(coding, dict)
    ]


def words_of(concepts: Any) -> list[str]:
    """Return the words of a CodeableConcept, or of a list of them, in order."""
    found = concepts if isinstance(concepts, list) else [concepts] if concepts else []
    texts = [each["text"] for each in found if isinstance(each, dict) and isinstance(each.get("text"), str)]
    return [*texts, *(each["display"] for each in codings_of(found) if isinstance(each.get("display"), str))]


def used_of(concept: Json) -> Json | None:
    """Return a concept as `Coded` of the contracts, or None when it says nothing.

    A coding without a code is words; so is a display where there is no code and no text.
    """
    codings = list(_known_codings(codings_of(concept)))
    text = concept.get("text") or next((d for d in _displays(concept) if not codings), None)
    codings.sort(key=lambda each: not _is_public(each.get("system", "")))
    if not codings:
        return {"text": text} if text else None
    first, *others = codings
    more = {"text": text} if text else {}
    return {**first, **more, **({"alternates": others} if others else {})}


def code_in(concept: Json, system: str) -> str | None:
    """Return the code of a concept in a code system, or None."""
    return next((each for each in _codes(concept, lambda other: _address(other) == system)), None)


def bare_code(concept: Json) -> str | None:
    """Return the code of a concept that is of no stated code system, or None."""
    return next((each for each in _codes(concept, lambda other: not other)), None)


def _codes(concept: Json, is_of: Callable[[Any], bool]) -> Iterator[str]:
    for each in codings_of(concept):
        code = each.get("code")
        if isinstance(code, str) and _CODE.fullmatch(code) and is_of(each.get("system")):
            yield code


def _address(system: Any) -> str | None:
    """Return the address that HL7 gives a code system of its own now, whichever it had before."""
    if not isinstance(system, str):
        return None
    found = _FORMER.match(system)
    if found is None:
        return _BY_OID.get(system, system)
    return f"http://terminology.hl7.org/CodeSystem/{found[1]}-{found[2]}"


def _known_codings(codings: Sequence[Json]) -> Iterator[Json]:
    seen = set()
    for each in codings:
        code = each.get("code")
        if not isinstance(code, str) or not _CODE.fullmatch(code):
            continue
        told = {name: each[name] for name in ("system", "code", "display") if each.get(name)}
        if (key := (told.get("system"), code)) not in seen:
            seen.add(key)
            yield told


def _displays(concept: Json) -> list[str]:
    return [each["display"] for each in codings_of(concept) if each.get("display")]


def _is_public(system: str) -> bool:
    return system.startswith(_PUBLIC)
