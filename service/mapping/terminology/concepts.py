"""Code systems and concept maps as FHIR writes them, read from YAML (https://hl7.org/fhir/R4/conceptmap.html)."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from difflib import SequenceMatcher
from itertools import combinations
from typing import Any, Final

from service.mapping.files.findings import Findings
from service.mapping.terminology.codings import CodeMapping
from service.wire.yaml import InvalidYaml, Mark

Coding = dict[str, str]
# a letter of the URL of a code system; another edition of one differs in more
_ALIKE: Final = 0.96


class Unmapped(Exception):
    """A code has no target and its map has no policy for that."""

    def __init__(self, code: str, name: str) -> None:
        """Take the code and the name of the map."""
        self.code = code
        self.name = name
        super().__init__(name)


@dataclass(frozen=True, slots=True)
class CodeSystem:
    """A code system of ours: code to display, to display by language, and to where it stands."""

    name: str
    url: str
    displays: dict[str, str]
    designations: dict[str, dict[str, str]]
    resource: dict[str, Any]
    marks: dict[str, Mark] = field(default_factory=dict)

    def coding(self, code: str) -> Coding:
        """The Coding of one of its codes."""
        return {"system": self.url, "code": code, "display": self.displays[code]}


@dataclass(frozen=True, slots=True)
class Group:
    """One group of a concept map; an element without codings is one that has no match.

    `place` is that of `unmapped` where there is one, `places` are those of the elements.
    """

    source: str
    target: str
    elements: dict[str, tuple[Coding, ...]]
    unmapped: dict[str, str]
    mark: Mark
    marks: dict[str, Mark] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ConceptMap:
    """A concept map, its groups in order."""

    name: str
    url: str
    groups: tuple[Group, ...]
    resource: dict[str, Any]


class Table(dict[Any, Any]):
    """What a filter gives for each code; codes beyond it follow `rest`, and absent stays absent."""

    def __init__(self, entries: dict[str, Any], rest: Callable[[str], Any]) -> None:
        """Take what is known and what to do about the rest."""
        super().__init__({None: None, "": None} | entries)
        self.rest = rest

    def __missing__(self, code: str) -> Any:
        """Follow the policy for codes that the map does not name."""
        return self.rest(code)


@dataclass(slots=True)
class Terminology:
    """All code systems and concept maps of a folder, by name."""

    codesystems: dict[str, CodeSystem] = field(default_factory=dict)
    concept_maps: dict[str, ConceptMap] = field(default_factory=dict)

    def targets(self, name: str, code: str) -> tuple[Coding, ...]:
        """The targets of a code by a concept map; none where the map says there is no match.

        Raises:
            Unmapped: no group names the code and none says what then.
        """
        codings: list[Coding] = []
        answered = False
        for group in self.concept_maps[name].groups:
            if code in group.elements:
                codings += group.elements[code]
                answered = True
        if answered:
            return tuple(codings)
        for group in self.concept_maps[name].groups:
            if group.unmapped:
                return self._unmapped_codings(group, code)
        raise Unmapped(code, name)

    def codings(self, name: str, code: str) -> tuple[Coding, ...]:
        """The codings of a code: that of our code system, then the targets of the map of the same name."""
        if name not in self.codesystems:
            return self.targets(name, code)
        system = self.codesystems[name]
        if code not in system.displays:
            raise Unmapped(code, name)
        if name not in self.concept_maps:
            return (system.coding(code),)
        try:
            return (system.coding(code), *self.targets(name, code))
        except Unmapped:
            return (system.coding(code),)

    def display(self, name: str, code: str) -> str:
        """The display of a code of a code system."""
        try:
            return self.codesystems[name].displays[code]
        except KeyError:
            raise Unmapped(code, name) from None

    def marks(self, filter_name: str, name: str, code: str) -> Iterator[Mark]:
        """Where it stands what a filter gives for a code: in the code system, and in the map of a name."""
        if filter_name != "concept" and name in self.codesystems and code in self.codesystems[name].marks:
            yield self.codesystems[name].marks[code]
        if filter_name == "display" or name not in self.concept_maps:
            return
        groups = self.concept_maps[name].groups
        elements_at = [group.marks[code] for group in groups if code in group.marks]
        yield from elements_at or [group.mark for group in groups if group.unmapped][:1]

    def codes(self, name: str) -> Iterator[str]:
        """Every code that the system or map of this name knows."""
        if name in self.codesystems:
            yield from self.codesystems[name].displays
        if name in self.concept_maps:
            for group in self.concept_maps[name].groups:
                yield from group.elements

    def table(self, name: str, give: Callable[[str], Any]) -> Table:
        """Tabulate `give` over the codes that are known by a name."""
        entries = {}
        for code in self.codes(name):
            try:
                entries[code] = give(code)
            except Unmapped:
                continue
        return Table(entries, give)

    def translation(self, name: str, give: Callable[[str], Any]) -> CodeMapping:
        """Tabulate a concept map for concepts that are sent: each code with the systems it is named in."""
        targets: dict[str, list[tuple[str, str | None]]] = {}
        for group in self.concept_maps[name].groups:
            for code, codings in group.elements.items():
                target = codings[0]["code"] if codings else None
                targets.setdefault(code, []).append((group.source, target))

        def rest(code: str) -> str | None:
            try:
                return give(code)  # type: ignore[no-any-return]
            except Unmapped:
                return None

        folded: dict[str, str] = {}
        for code in targets:
            folded.setdefault(code.casefold(), code)
        return CodeMapping(targets, folded, rest)

    def led_to(self, names: Iterable[str]) -> set[str]:
        """The code systems that the concept maps of some names lead from or to."""
        maps = [self.concept_maps[name] for name in names if name in self.concept_maps]
        groups = [group for concept_map in maps for group in concept_map.resource.get("group", [])]
        urls = {group.get(side) for group in groups for side in ("source", "target")}
        return {name for name, system in self.codesystems.items() if system.url in urls}

    def alike(self) -> Iterator[tuple[str, str, str]]:
        """Each map with two targets that are written almost the same and stand for one code of ours."""
        for concept_map in self.concept_maps.values():
            for one, other in combinations(concept_map.groups, 2):
                close = SequenceMatcher(None, one.target, other.target).ratio() > _ALIKE
                if one.target != other.target and close and one.elements.keys() & other.elements.keys():
                    yield concept_map.name, one.target, other.target

    def check(self, findings: Findings) -> None:
        """Find `other-map`s that lead nowhere or in a circle."""
        for concept_map in self.concept_maps.values():
            for group in concept_map.groups:
                seen: set[str] = {concept_map.name}
                here = group
                while here.unmapped.get("mode") == "other-map":
                    name = self._other(here)
                    if not name or name in seen:
                        what = "leads in a circle" if name else "names no map that is here"
                        findings.add(
                            InvalidYaml(f"`unmapped.url` {what}; name the url of another map", group.mark)
                        )
                        break
                    seen.add(name)
                    here = next(
                        (g for g in self.concept_maps[name].groups if g.unmapped),
                        Group("", "", {}, {}, group.mark),
                    )

    def _unmapped_codings(self, group: Group, code: str) -> tuple[Coding, ...]:
        mode = group.unmapped["mode"]
        if mode == "other-map":
            return self.targets(self._other(group), code)
        if mode == "provided":
            return (coding_of(group.target, code, ""),)
        return (coding_of(group.target, group.unmapped["code"], group.unmapped.get("display", "")),)

    def _other(self, group: Group) -> str:
        url = group.unmapped.get("url", "")
        return next(
            (name for name, other in self.concept_maps.items() if url and url in {other.url, name}), ""
        )


def coding_of(system: str, code: str, display: str) -> Coding:
    """A Coding of what is known of it."""
    entries = {"system": system, "code": code, "display": display}
    return {key: value for key, value in entries.items() if value}
