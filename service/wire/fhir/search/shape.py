"""How much of a resource is shown: `_summary` and `_elements`, https://hl7.org/fhir/R4/search.html#summary."""

from collections.abc import Callable, Collection, Mapping
from typing import Any, Final

from service.wire.fhir.definitions.r4 import definitions
from service.wire.fhir.search.parameters import summary_of

SUBSETTED: Final = {
    "system": "http://terminology.hl7.org/CodeSystem/v3-ObservationValue",
    "code": "SUBSETTED",
}
_ALWAYS: Final = frozenset({"resourceType", "id", "meta"})
Shape = Callable[[dict[str, Any]], dict[str, Any]]


def shape_of(summary: str, elements: Collection[str]) -> Shape | None:
    """Return what makes of a resource that which is asked for, tagged as a part; None where that is all."""
    if elements:
        return lambda resource: _part(resource, lambda name: name in elements)
    if summary == "true":
        return lambda resource: _tagged(_summary(resource["resourceType"], "", resource))
    if summary == "text":
        return lambda resource: _part(resource, lambda name: name == "text")
    if summary == "data":
        return lambda resource: _tagged({n: value for n, value in resource.items() if n != "text"})
    return None


def _part(resource: dict[str, Any], is_asked: Callable[[str], bool]) -> dict[str, Any]:
    """Keep what is asked for, and what a resource of the type has to have."""
    elements = definitions()[resource["resourceType"]].elements
    required = {name for element in elements if element.required for name in element.json_names()}
    return _tagged(
        {
            name: value
            for name, value in resource.items()
            if name in _ALWAYS | required or is_asked(name.removeprefix("_"))
        }
    )


def _summary(type_: str, path: str, node: Mapping[str, Any]) -> dict[str, Any]:
    """Keep the elements of a summary; a data type is kept whole."""
    kept: dict[str, Any] = {}
    names = {
        name: (element.name, kind)
        for base in definitions().bases(type_)
        for element in definitions()[base].elements
        for name, kind in element.json_names().items()
    }
    for name, value in node.items():
        element, kind = names.get(name.removeprefix("_"), ("", ""))
        inner = f"{path}{element}"
        if name in _ALWAYS and not path:
            kept[name] = value
        elif inner in summary_of(type_.partition(".")[0]):
            is_inner = kind in definitions() and definitions()[kind].kind == "backbone"
            kept[name] = _each(kind, f"{inner}.", value) if is_inner else value
    return kept


def _each(kind: str, path: str, value: Any) -> Any:
    if isinstance(value, list):
        return [_each(kind, path, item) for item in value]
    return _summary(kind, path, value) if isinstance(value, dict) else value


def _tagged(resource: dict[str, Any]) -> dict[str, Any]:
    meta = resource.get("meta", {})
    return {**resource, "meta": {**meta, "tag": [*meta.get("tag", ()), SUBSETTED]}}
