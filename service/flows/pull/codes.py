"""The codes of a vocabulary as a search may name them: by value sets, and by the levels of a code system.

https://hl7.org/fhir/R4/codesystem.html#hierarchy
"""

from collections.abc import Iterable, Iterator
from typing import Any

from service.flows.pull.terminology import Vocabulary
from service.wire.fhir.search.forms.codes import Codes, ValueSet


def codes_of(words: Vocabulary) -> Codes:
    """Return the codes of all value sets and code systems of a vocabulary."""
    sets: dict[str, ValueSet] = {}
    for resource in words.resources:
        if resource["resourceType"] == "ValueSet":
            url = resource["compose"]["include"][0]["system"]
            codings = tuple((url, code) for code in words.systems[url].displays)
            names = (resource["url"], f"ValueSet/{resource['id']}")
            sets |= dict.fromkeys(names, ValueSet(resource["version"], codings))
    levels = {
        url: dict(_above(system.resource.get("concept", ()), "")) for url, system in words.systems.items()
    }
    return Codes(sets, levels)


def _above(concepts: Iterable[dict[str, Any]], code: str) -> Iterator[tuple[str, str]]:
    """Give each code with the one that it stands directly below."""
    for concept in concepts:
        yield concept["code"], code
        yield from _above(concept.get("concept", ()), concept["code"])
