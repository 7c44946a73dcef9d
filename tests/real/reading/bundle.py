"""FHIR that others wrote, as plain JSON, and a resolver of its references.

https://hl7.org/fhir/R4/bundle.html#references
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

Json = dict[str, Any]
_RELATIVE: Final = re.compile(r"(?:\A|/)([A-Z][A-Za-z]+/[A-Za-z0-9.-]{1,64})(?:/_history/[^/]+)?\Z")


@dataclass(frozen=True, slots=True)
class Found:
    """A resource and where it stands; `inside` is what it is contained in, or it itself."""

    resource: Json
    where: str
    inside: Json

    def at(self, path: str) -> str:
        """Return the place of an element."""
        return f"{self.where}.{path}"

    def list(self, name: str) -> Iterator[tuple[Json, str]]:
        """Give the members of a list and the place of each."""
        for index, item in enumerate(self.resource.get(name) or []):
            if item:
                yield item, f"{self.where}.{name}[{index}]"

    @property
    def type(self) -> str:
        """Return the resource's type."""
        return self.resource["resourceType"]


class Sent:
    """A Bundle, or a resource alone."""

    def __init__(self, raw: bytes) -> None:
        """Read it, and learn under which names its resources are known."""
        self.document: Json = json.loads(raw.decode("utf-8-sig"))
        self.names: dict[str, Found] = {}
        self.every: list[Found] = []
        if self.document["resourceType"] != "Bundle":
            self.every = [Found(self.document, self.document["resourceType"], self.document)]
        for index, entry in enumerate(self.document.get("entry", [])):
            if resource := entry.get("resource"):
                where = f"Bundle.entry[{index}].resource.ofType({resource['resourceType']})"
                one = Found(resource, where, resource)
                self.every.append(one)
                self.names.setdefault(entry.get("fullUrl", ""), one)
        for held in self.every:
            self.names.setdefault(f"{held.type}/{held.resource.get('id')}", held)

    def of(self, type_: str) -> list[Found]:
        """Return the resources of a type."""
        return [one for one in self.every if one.type == type_]

    def end(self, reference: Json | None, of: Found) -> Found | None:
        """Return what a reference in a resource leads to, None where that is not here."""
        literal = (reference or {}).get("reference", "")
        if literal.startswith("#"):
            return self._contained(literal[1:], of)
        if "?" in literal:
            return self._searched(literal)
        relative = _RELATIVE.search(literal)
        return self.names.get(literal) or (self.names.get(relative[1]) if relative else None)

    @staticmethod
    def _contained(id_: str, of: Found) -> Found | None:
        for index, contained in enumerate(of.inside.get("contained", [])):
            if contained.get("id") == id_:
                return Found(contained, f"{of.where.split('.contained')[0]}.contained[{index}]", of.inside)
        return None

    def _searched(self, literal: str) -> Found | None:
        type_, _, search = literal.partition("?")
        system, _, value = search.partition("identifier=")[2].partition("|")
        for one in self.of(type_):
            numbers = one.resource.get("identifier", [])
            if any(number.get("system") == system and number.get("value") == value for number in numbers):
                return one
        return None


def is_over(period: Json | None, today: str) -> bool:
    """Return whether a period has ended before a day."""
    end = (period or {}).get("end", "")
    return bool(end) and end[:10] < today[: len(end[:10])]


def codes(concept: Json | None) -> list[str]:
    """Return the codes of a CodeableConcept; its words where it has none."""
    concept = concept or {}
    found_codes = [coding["code"] for coding in concept.get("coding", []) if coding.get("code")]
    displayed = [coding["display"] for coding in concept.get("coding", []) if coding.get("display")]
    return found_codes or displayed[:1] or ([concept["text"]] if concept.get("text") else [])


def has_code(concept: Json | None, code: str) -> bool:
    """Return whether a CodeableConcept has a code."""
    return code in codes(concept)
