"""From our codes to others' and back, by our concept maps: `ConceptMap/$translate`.

https://hl7.org/fhir/R4/conceptmap-operation-translate.html
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

from service.wire.fhir.exchange.parameters import group as grouped
from service.wire.fhir.exchange.parameters import parameters, part

Resource = dict[str, Any]
_NO_MATCH: Final = frozenset({"unmatched", "disjoint"})
_OPPOSITE: Final = {
    "wider": "narrower",
    "narrower": "wider",
    "subsumes": "specializes",
    "specializes": "subsumes",
}


@dataclass(frozen=True, slots=True)
class Match:
    """What a concept map says of a code: its target, None where there is none, and how that stands to it."""

    equivalence: str
    concept: Resource | None
    source: str


@dataclass(frozen=True, slots=True)
class Translator:
    """All concept maps there are; `to` leaves only groups that lead to that code system."""

    maps: Sequence[Resource]
    to: str | None = None

    def forth(self, coding: Resource, by: Sequence[Resource]) -> Iterator[Match]:
        """Give what some maps say of one of their source codes."""
        for map_ in by:
            groups = self._groups(map_, "source", coding, "target")
            matches = [match for group in groups for match in _of_element(group, coding["code"], _name(map_))]
            yield from matches or self._unmapped_matches(groups, coding, _name(map_))

    def back(self, coding: Resource, by: Sequence[Resource]) -> Iterator[Match]:
        """Give which source codes of some maps lead to a target code."""
        for map_ in by:
            for group in self._groups(map_, "target", coding, "source"):
                for element, target in _targets(group):
                    if target.get("code") == coding["code"] and target["equivalence"] not in _NO_MATCH:
                        equivalence: str = target["equivalence"]
                        equivalence = _OPPOSITE.get(equivalence, equivalence)
                        yield Match(equivalence, _coding(group.get("source"), element), _name(map_))

    def _groups(self, of: Resource, near: str, coding: Resource, far: str) -> list[Resource]:
        return [
            group
            for group in of.get("group", [])
            if _is(group, near, coding.get("system")) and _is(group, far, self.to)
        ]

    def _unmapped_matches(self, groups: Sequence[Resource], coding: Resource, name: str) -> Iterator[Match]:
        """Follow the first policy for codes that no group names.

        R4 gives such a match no equivalence: a code given as it is counts as equal, a fixed one as inexact.
        """
        policy = next((group for group in groups if "unmapped" in group), None)
        if policy is None:
            return
        unmapped = policy["unmapped"]
        if unmapped["mode"] == "provided":
            yield Match("equal", _coding(policy.get("target"), coding), name)
        elif unmapped["mode"] == "fixed":
            yield Match("inexact", _coding(policy.get("target"), unmapped), name)
        else:
            others = [map_ for map_ in self.maps if map_.get("url") == unmapped["url"]]
            yield from self.forth({"code": coding["code"]}, others)


def answer(matches: Sequence[Match]) -> Resource:
    """Return the matches as `$translate` tells them; its result holds when one of them is a target."""
    is_translated = any(match.equivalence not in _NO_MATCH for match in matches)
    parts = [part("result", "Boolean", is_translated)]
    if not is_translated:
        parts.append(part("message", "String", "No map leads from this code to another."))
    return parameters([*parts, *(grouped("match", _match_parameters(match)) for match in matches)])


def _match_parameters(match: Match) -> Iterator[Resource]:
    yield part("equivalence", "Code", match.equivalence)
    if match.concept is not None:
        yield part("concept", "Coding", match.concept)
    yield part("source", "Uri", match.source)


def _is(group: Resource, side: str, system: str | None) -> bool:
    return system is None or group.get(side) == system


def _of_element(group: Resource, code: str, name: str) -> Iterator[Match]:
    for element, target in _targets(group):
        if element["code"] == code:
            concept = _coding(group.get("target"), target) if "code" in target else None
            yield Match(target["equivalence"], concept, name)


def _targets(group: Resource) -> Iterator[tuple[Resource, Resource]]:
    for element in group["element"]:
        for target in element.get("target", []):
            yield element, target


def _name(concept_map: Resource) -> str:
    return str(concept_map.get("url") or f"ConceptMap/{concept_map['id']}")


def _coding(system: str | None, named: Resource) -> Resource:
    known = {"system": system, "code": named["code"], "display": named.get("display")}
    return {key: value for key, value in known.items() if value}
