"""A resource of ours that a partner puts, as inbound mappings read it: with ids, its references led home.

https://hl7.org/fhir/R4/element.html
"""

from collections.abc import Iterator, Mapping
from copy import deepcopy
from typing import Any, Final
from uuid import uuid4

from service.errors import Issue

Json = dict[str, Any]
# who is told of in items, perhaps by the name alone
_BY_NAME: Final = ("member", "authorReference")
_DEPUTY: Final = "https://casebridge.org/fhir/StructureDefinition/deputy-for"


def as_written_here(sent: Json, stored: Json, base: str) -> Json:
    """Return what was sent as we would have written it.

    References to `base`, our own address, are relative ones. Each item that a partner may add has an id: that
    of the same item in what is stored, else a new one.
    """
    resource = deepcopy(sent)
    for node in _referring(resource):
        node["reference"] = node["reference"].removeprefix(f"{base}/")
    stored_lists = dict(_lists(stored))
    for key, items_sent in _lists(resource):
        _identify(items_sent, stored_lists.get(key, []))
    return resource


def references(resource: Json) -> set[str]:
    """Return the literal references in a resource."""
    return {node["reference"] for node in _referring(resource)}


def strangers(resource: Json, ids: Mapping[str, str]) -> Iterator[tuple[str, Issue]]:
    """Give the FHIRPath of each item that refers to an unknown person, with an issue."""
    what = "You can read nothing that has this reference; name somebody you know"
    for place, item in items(resource):
        references_of = {place: item} | {f"{place}.{key}": item.get(key, {}) for key in _BY_NAME}
        for path, who in references_of.items():
            literal = who.get("reference")
            if literal is not None and literal not in ids:
                text = f"{what}." if path == place else f"{what}, or tell the name alone."
                yield place, Issue(text, f"{path}.reference", "not-found")


def items(resource: Json) -> Iterator[tuple[str, Json]]:
    """Give the items that a partner may add, each with its FHIRPath."""
    for index, participant in enumerate(resource.get("participant", [])):
        yield f"CareTeam.participant[{index}]", participant
    for place, activity in enumerate(resource.get("activity", [])):
        for index, progress in enumerate(activity.get("progress", [])):
            yield f"CarePlan.activity[{place}].progress[{index}]", progress
    if "careManager" in resource:
        yield "EpisodeOfCare.careManager", resource["careManager"]


def with_targets(resource: Json, ids: Mapping[str, str]) -> Json:
    """Return a resource with what its references lead to in the case's own terms under `resource`.

    Args:
        resource: as it is stored, or as `as_written_here` gives it.
        ids: of references their ids in the document that the case is.

    Returns:
        What is not known leads nowhere. The extension `deputy-for` leads to the participant whom it names.
    """
    result = deepcopy(resource)
    for node in _referring(result):
        if local := ids.get(node["reference"]):
            node["resource"] = {"resourceType": node["reference"].partition("/")[0], "id": local}
    members = result.get("participant", [])
    for extension in (extension for one in members for extension in one.get("extension", [])):
        if extension.get("url") == _DEPUTY and "valueReference" in extension:
            deputy = extension["valueReference"]
            holders = (one for one in members if _who(one.get("member")) == _who(deputy))
            deputy["resource"] = {"id": next((one["id"] for one in holders), None)}
    return result


def _who(reference: Json | None) -> str | None:
    return reference.get("reference") or reference.get("display") if reference else None


def _lists(resource: Json) -> Iterator[tuple[str, list[Json]]]:
    """Give the lists that a partner may add to, each with a name of its own."""
    yield "participant", resource.get("participant", [])
    for activity in resource.get("activity", []):
        yield activity.get("reference", {}).get("reference", ""), activity.get("progress", [])


def _identify(items_sent: list[Json], stored: list[Json]) -> None:
    ids = {item["id"] for item in items_sent if "id" in item}
    for item in items_sent:
        if "id" not in item:
            free = (one for one in stored if "id" in one and one["id"] not in ids)
            same = (one["id"] for one in free if {k: v for k, v in one.items() if k != "id"} == item)
            item["id"] = next(same, None) or str(uuid4())
            ids.add(item["id"])


def _referring(node: Any) -> Iterator[Json]:
    """Give every literal Reference below a node."""
    if isinstance(node, dict) and isinstance(node.get("reference"), str):
        yield node
    for below in node.values() if isinstance(node, dict) else node if isinstance(node, list) else ():
        yield from _referring(below)
