"""Code systems, their value sets and concept maps as FHIR resources for others to read.

https://hl7.org/fhir/R4/codesystem.html · https://hl7.org/fhir/R4/valueset.html · https://hl7.org/fhir/R4/conceptmap.html
"""

import re
from hashlib import sha256
from typing import Any

from service.mapping.terminology.concepts import CodeSystem, ConceptMap, Terminology
from service.wire.json import canonical

Resource = dict[str, Any]
_NO_ID = re.compile(r"[^A-Za-z0-9.-]")


def published_resources(terminology: Terminology) -> tuple[Resource, ...]:
    """Return each code system, the value set of all its codes, and each concept map.

    What a file leaves out is filled in; `version` changes with the content.
    """
    systems = [_code_system(system) for system in terminology.codesystems.values()]
    sets = {system["url"]: system["valueSet"] for system in systems}
    maps = [_concept_map(concept_map, sets) for concept_map in terminology.concept_maps.values()]
    return (*systems, *(_value_set(system) for system in systems), *maps)


def _code_system(system: CodeSystem) -> Resource:
    resource = system.resource
    filled = _head("CodeSystem", system.name, resource) | {
        "caseSensitive": True,
        "valueSet": resource.get("valueSet") or _value_set_url(system.url),
        "content": "complete",
    }
    if resource.get("content", "complete") == "complete":
        filled["count"] = len(system.displays)
    return _versioned_resource(resource, filled)


def _value_set(system: Resource) -> Resource:
    return {
        **_head("ValueSet", system["id"], system),
        "url": system["valueSet"],
        "version": system["version"],
        "compose": {"include": [{"system": system["url"], "version": system["version"]}]},
    }


def _concept_map(concept_map: ConceptMap, sets: dict[str, str]) -> Resource:
    resource = concept_map.resource
    sources = {sets[group["source"]] for group in resource.get("group", []) if group.get("source") in sets}
    filled = _head("ConceptMap", concept_map.name, resource)
    if len(sources) == 1:
        filled["sourceCanonical"] = sources.pop()
    return _versioned_resource(resource, filled)


def _head(kind: str, name: str, resource: Resource) -> Resource:
    return {
        "resourceType": kind,
        "id": _NO_ID.sub("-", name)[:64],
        "language": "en",
        "name": resource.get("name")
        or "".join(word.capitalize() for word in re.split(r"[^A-Za-z0-9]+", name)),
        "status": resource.get("status", "active"),
        "experimental": False,
    }


def _versioned_resource(resource: Resource, filled: Resource) -> Resource:
    """What a file says over what is filled in; the id is that of the file, a version of its own stands."""
    whole = filled | resource | {"id": filled["id"]}
    return whole if "version" in whole else whole | {"version": sha256(canonical(whole)).hexdigest()[:12]}


def _value_set_url(url: str) -> str:
    """The canonical of all codes of a system, beside that of the system where that can be told apart."""
    beside = url.replace("/CodeSystem/", "/ValueSet/")
    return beside if beside != url else f"{url}/ValueSet"
