"""Resources with some root elements alone: https://hl7.org/fhir/R4/search.html#elements."""

from collections.abc import Collection
from typing import Any, Final

from service.wire.fhir.definitions.r4 import definitions
from service.wire.json import dump, reread

SUBSETTED: Final = {
    "system": "http://terminology.hl7.org/CodeSystem/v3-ObservationValue",
    "code": "SUBSETTED",
}
ALWAYS: Final = frozenset({"resourceType", "id", "meta"})


def is_element(name: str, types: Collection[str]) -> bool:
    """Tell whether some of these types have a root element: `status`, or of one alone `CarePlan.status`."""
    type_, dot, element = name.rpartition(".")
    if dot and type_ not in types:
        return False
    return any(element in _elements(each) for each in ([type_] if dot else types))


def elements_of(type_: str, asked: Collection[str]) -> frozenset[str]:
    """Return which elements of a type are told: those asked of it or of every type, and what R4 requires.

    All, for a type of which nothing is asked, are told as an empty set.
    """
    own = {name.rpartition(".")[2] for name in asked if name.rpartition(".")[0] in {"", type_}}
    if not own:
        return frozenset()
    return ALWAYS | own | _required(type_)


def narrowed(body: bytes, elements: frozenset[str]) -> bytes:
    """Return lines of resources with these elements, and a tag that tells so."""
    return b"".join(dump(_narrow(reread(line), elements)) + b"\n" for line in body.splitlines())


def _narrow(resource: dict[str, Any], elements: frozenset[str]) -> dict[str, Any]:
    kept = {name: value for name, value in resource.items() if name.lstrip("_") in elements}
    meta = kept.get("meta", {})
    return kept | {"meta": {**meta, "tag": [*meta.get("tag", ()), SUBSETTED]}}


def _elements(type_: str) -> frozenset[str]:
    own = definitions()[type_].elements if type_ in definitions() else ()
    return ALWAYS.union(*(element.json_names() for element in own))


def _required(type_: str) -> set[str]:
    own = definitions()[type_].elements if type_ in definitions() else ()
    return {name for element in own if element.required for name in element.json_names()}
