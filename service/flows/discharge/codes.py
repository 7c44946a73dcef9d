"""The codes of HL7 v2 messages, as the concept maps of a hospital's overlays name them."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from service.errors import Issue
from service.mapping.language.checks import giver
from service.mapping.terminology.codings import CodeMapping, codings_of, words_of
from service.mapping.terminology.concepts import Terminology, Unmapped
from service.wire.hl7v2.er7.error_locations import ErrorLocation
from service.wire.hl7v2.types.systems import CodeSystems

Json = dict[str, Any]
SYSTEMS: Final = "coding-system"
TOLD: Final = {
    ("PID", 8): "administrative-sex",
    ("PID", 15): "language",
    ("PID", 30): "indicator",
    ("PID", 31): "indicator",
    ("PD1", 12): "indicator",
    ("PV1", 2): "patient-class",
    ("NK1", 15): "administrative-sex",
    ("DG1", 6): "diagnosis-type",
    ("DG1", 21): "segment-action",
    ("ROL", 2): "problem-action",
    ("ROL", 3): "provider-role",
    ("PRT", 4): "provider-role",
    ("PRT", 2): "problem-action",
    ("IN1", 17): "insured-relationship",
}
"""The fields whose codes decide something, and the concept map of each."""
# a yearly edition: ICD10GM2026
_YEAR: Final = re.compile(r"(?:19|20)\d\d\Z")
_UNNAMED: Final = "This code is not known here, and is not used for what it says; have it mapped in {}."


@dataclass(frozen=True, slots=True)
class Codes:
    """What the concept maps of one stack of overlays say of codes as they are sent."""

    systems: Mapping[str, str]
    terminology: Terminology
    translations: Mapping[str, CodeMapping]

    @classmethod
    def of(cls, terminology: Terminology) -> "Codes":
        """Tabulate the concept maps; what is spelt in several ways is found by letters and digits alone."""
        known: dict[str, str] = {}
        concept_map = terminology.concept_maps.get(SYSTEMS)
        for group in concept_map.groups if concept_map else ():
            for name, codings in group.elements.items():
                if codings:
                    known.setdefault(_normal_name(name), codings[0]["code"])
                    known[name] = codings[0]["code"]
        names = [name for name in dict.fromkeys(TOLD.values()) if name in terminology.concept_maps]
        give = {name: giver(terminology, "translate", name) for name in names}
        translations = {name: terminology.translation(name, give[name]) for name in names}
        return cls(known, terminology, translations)

    def systems_of(self, partner: str) -> CodeSystems:
        """Return the coding systems that a partner names."""
        return CodeSystems(partner, self._system_of, self._otherwise)

    def unmapped_issues(self, message: Json) -> Iterator[Issue]:
        """Give the fields of a message (see `hl7v2.view.to_json`) with codes that no concept map names."""
        for (name, number), known in TOLD.items():
            translation = self.translations.get(known)
            segments = message.get(name, [])
            for sequence, segment in enumerate(segments if isinstance(segments, list) else [segments], 1):
                concept = segment.get(f"f{number}", {})
                codings = codings_of(concept) if "coding" in concept or "text" in concept else []
                if not codings or translation is None or "tag" in concept:
                    continue
                if translation.named(codings, words_of(concept)) is None:
                    place = ErrorLocation(name, sequence, number, component=1)
                    yield Issue(_UNNAMED.format(known), str(place), "code-invalid")

    def _system_of(self, name: str) -> str | None:
        spelt = _normal_name(name)
        systems = (self.systems.get(spelling) for spelling in (name, spelt, _YEAR.sub("", spelt)))
        return next((system for system in systems if system), None)

    def _otherwise(self, name: str) -> str | None:
        try:
            targets = self.terminology.targets(SYSTEMS, name)
        except (KeyError, Unmapped):
            return None
        return targets[0]["code"] if targets else None


def _normal_name(name: str) -> str:
    """Return a name as it is found however it is spelt: `ICD-10-CM`, `icd10cm` and `ICD 10 CM` are one."""
    return "".join(character for character in name.casefold() if character.isalnum())
