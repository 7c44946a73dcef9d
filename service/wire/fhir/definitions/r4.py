"""The R4 definitions distilled into r4.json, read once and looked up by path."""

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

_DATA = Path(__file__).with_name("r4.json")


@dataclass(frozen=True, slots=True)
class Element:
    """One element of a type, as https://hl7.org/fhir/R4/elementdefinition.html states it."""

    name: str
    types: tuple[str, ...]
    required: bool
    many: bool
    targets: frozenset[str]
    codes: dict[str, frozenset[str]] | None

    @property
    def is_choice(self) -> bool:
        """Whether the name ends in the type, as in value[x]."""
        return self.name.endswith("[x]")

    def json_names(self) -> dict[str, str]:
        """The JSON names the element may have, each with its type."""
        if not self.is_choice:
            return {self.name: self.types[0]}
        stem = self.name.removesuffix("[x]")
        return {stem + kind[0].upper() + kind[1:]: kind for kind in self.types}


@dataclass(frozen=True, slots=True)
class Rule:
    """One error-level invariant: its key, FHIRPath expression and sentence."""

    key: str
    expression: str
    human: str


@dataclass(frozen=True, slots=True)
class Definition:
    """One type: `kind` is resource, complex-type, primitive-type or backbone."""

    name: str
    kind: str
    base: str
    elements: tuple[Element, ...]


class Definitions:
    """All of r4.json."""

    def __init__(self, document: dict[str, Any]) -> None:
        """Take the parsed file."""
        self.resources: frozenset[str] = frozenset(document["resources"])
        codes = {
            url: {system: frozenset(codes_of_system) for system, codes_of_system in systems.items()}
            for url, systems in document["codes"].items()
        }
        self._types = {name: _definition(name, raw, codes) for name, raw in document["types"].items()}
        self._rules = {
            path: tuple(Rule(**rule) for rule in rules) for path, rules in document["rules"].items()
        }

    def __contains__(self, name: object) -> bool:
        """Whether the type is defined here."""
        return name in self._types

    def __getitem__(self, name: str) -> Definition:
        """The type or inner type of that path."""
        return self._types[name]

    def names(self) -> list[str]:
        """All types and inner types defined here."""
        return list(self._types)

    def bases(self, name: str) -> list[str]:
        """The type and all it specialises, nearest first."""
        names = []
        while name in self._types:
            names.append(name)
            name = self._types[name].base
        return names

    def rules(self, path: str) -> tuple[Rule, ...]:
        """The invariants stated at that path."""
        return self._rules.get(path, ())

    def all_rules(self) -> dict[str, tuple[Rule, ...]]:
        """Every invariant, by the path it is stated at."""
        return dict(self._rules)


@cache
def definitions() -> Definitions:
    """Read r4.json at first use."""
    return Definitions(json.loads(_DATA.read_bytes()))


def _definition(name: str, raw: dict[str, Any], codes: dict[str, dict[str, frozenset[str]]]) -> Definition:
    elements = tuple(
        Element(
            name=key,
            types=tuple(element["type"]),
            required=element.get("min", 0) > 0,
            many=element.get("max", "1") == "*",
            targets=frozenset(element.get("targets", ())),
            codes=codes.get(element.get("codes", "")),
        )
        for key, element in raw.get("elements", {}).items()
    )
    return Definition(name, raw["kind"], raw["base"], elements)
