"""Resources of ours as mappings read them for people: references lead on and name, concepts are in words.

https://hl7.org/fhir/R4/references.html#display · https://hl7.org/fhir/R4/datatypes.html#CodeableConcept
"""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from service.wire.fhir.references import references

Json = dict[str, Any]
# what somebody is called by comes before what stands in papers, and that before all else
_USES: Final = ("usual", "official", None)
_LAST: Final = ("old", "maiden")


def lead(resources: Mapping[str, Json]) -> None:
    """Change resources, by `Type/id`, into what mappings read.

    A Reference has under `resource` the one of them that it leads to, and as its `display` how people know
    that; a CodeableConcept has as its `text` its first display, or else its first code. What says so itself
    stays.
    """
    for resource in resources.values():
        for concept in _concepts(resource):
            if "text" not in concept and (words := _first_words(concept["coding"])):
                concept["text"] = words
    named = {key: words for key, resource in resources.items() if (words := _words_of(resource))}
    for reference in [found for resource in resources.values() for _, found in references(resource, "")]:
        key = "/".join(reference.get("reference", "").split("/")[:2])
        if key in resources:
            reference["resource"] = resources[key]
        if key in named:
            reference.setdefault("display", named[key])


def _words_of(resource: Json) -> str:
    """Return how people know a resource: a name, a title, or what it is about."""
    for key in ("name", "title", "description", "code"):
        value = resource.get(key)
        if isinstance(value, list):
            return _name(value)
        if isinstance(value, dict):
            return str(value.get("text", ""))
        if isinstance(value, str):
            return value
    return ""


def _name(names: list[Json]) -> str:
    """Return the HumanName that is used, as one text."""
    name = min(names, key=_rank)
    parts = [*name.get("prefix", ()), *name.get("given", ()), name.get("family"), *name.get("suffix", ())]
    return name.get("text") or " ".join(part for part in parts if part)


def _rank(name: Json) -> int:
    use = name.get("use")
    return _USES.index(use) if use in _USES else len(_USES) + (use in _LAST)


def _concepts(node: Any) -> Iterator[Json]:
    if isinstance(node, dict):
        if isinstance(node.get("coding"), list):
            yield node
        node = list(node.values())
    for below in node if isinstance(node, list) else ():
        yield from _concepts(below)


def _first_words(codings: list[Json]) -> str:
    """Return the first display, or else the first code."""
    return next((str(coding[key]) for key in ("display", "code") for coding in codings if key in coding), "")
