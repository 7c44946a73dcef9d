"""Distils what profiles of US Core 6.1 (https://hl7.org/fhir/us/core/STU6.1/) add to R4 into us_core.json.

Run as `python -m tests.distil.us_core PACKAGE.tgz`, PACKAGE being the published
hl7.fhir.us.core. The same package gives the same bytes; a profile that says more than `profiles` can check
is refused.
"""

import json
import sys
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from service.wire.fhir.definitions.r4 import Element, definitions

DATA: Final = Path(__file__).parents[2] / "service/wire/fhir/definitions/us_core.json"
PROFILES: Final = (
    "us-core-careplan",
    "us-core-careteam",
    "us-core-condition-problems-health-concerns",
    "us-core-coverage",
    "us-core-encounter",
    "us-core-goal",
    "us-core-patient",
)
# of these a server supports at least one, with all below it, as the profiles' own pages say
CHOICES: Final = {
    "us-core-condition-problems-health-concerns": [
        ["Condition.extension:assertedDate", "Condition.onsetDateTime"]
    ],
    "us-core-encounter": [
        ["Encounter.reasonCode", "Encounter.reasonReference"],
        ["Encounter.location", "Encounter.serviceProvider"],
    ],
    "us-core-goal": [["Goal.startDate", "Goal.target.dueDate"]],
}
_OURS: Final = "http://hl7.org/fhir/us/core/"
_SUPPORTED: Final = "http://hl7.org/fhir/StructureDefinition/elementdefinition-type-must-support"
_Json = dict[str, Any]


class Package:
    """The resources of a published package, by canonical url."""

    def __init__(self, path: Path) -> None:
        """Read all of it."""
        self.resources: dict[str, _Json] = {}
        with tarfile.open(path) as archive:
            for member in archive:
                if member.name.startswith("package/") and member.name.count("/") == 1:
                    file = archive.extractfile(member)
                    resource = json.load(file) if file and member.name.endswith(".json") else {}
                    self.resources[resource.get("url", member.name)] = resource

    def profile(self, name: str) -> _Json:
        """One of the profiles."""
        return self.resources[f"{_OURS}StructureDefinition/{name}"]

    def type(self, canonical: str) -> str:
        """The type that a profile, or R4's own definition, is about."""
        own: str = (
            self.resources[canonical]["type"] if canonical.startswith(_OURS) else canonical.rpartition("/")[2]
        )
        return own

    def codes(self, canonical: str) -> dict[str, list[str]]:
        """The codes of one of its value sets, by system."""
        codes_by_system: dict[str, list[str]] = {}
        for include in self.resources[canonical]["compose"]["include"]:
            if "filter" in include or "valueSet" in include:
                raise ValueError(f"{canonical} needs a terminology server")
            concepts = include.get("concept") or self.resources[include["system"]]["concept"]
            codes_by_system.setdefault(include["system"], []).extend(concept["code"] for concept in concepts)
        return {system: sorted(codes) for system, codes in sorted(codes_by_system.items())}


def distil(path: Path) -> bytes:
    """The bytes of us_core.json: one profile a line."""
    package = Package(path)
    structures = (package.profile(name) for name in PROFILES)
    rows = ",\n".join(
        f"{_compact(structure['url'])}:{_compact(_profile(package, structure))}" for structure in structures
    )
    return f'{{"version":"6.1.0","profiles":{{\n{rows}\n}}}}\n'.encode()


def _profile(package: Package, structure: _Json) -> _Json:
    elements: _Json = {}
    rules: _Json = {}
    slices: list[_Json] = []
    extensions: list[str] = []
    for element in structure["snapshot"]["element"]:
        path = element["path"]
        if "sliceName" in element and path.endswith("xtension"):
            extensions.append(element["type"][0]["profile"][0])
        elif "sliceName" in element:
            slices += _slice(package, structure, element)
        elif ":" in element["id"]:
            _check_in_slice(element)
        elif added := dict(_profile_additions(package, element)):
            if path.endswith("[x]"):
                raise ValueError(f"{path} has more than one type, which is not taken")
            elements[path] = added
        if own := [
            _rule(constraint)
            for constraint in element.get("constraint", [])
            if constraint["key"].startswith("us-core")
        ]:
            rules[path] = own
    supported = [element for element in structure["snapshot"]["element"] if element.get("mustSupport")]
    tellings = {
        element["id"]: _telling(package, structure, element)
        for element in supported
        if "sliceName" in element
    }
    return {
        "type": structure["type"],
        "elements": elements,
        "slices": slices,
        "extensions": extensions,
        "rules": rules,
        "mustSupport": [_element_id(element) for element in supported],
        "choices": CHOICES.get(structure["id"], []),
        "told": tellings,
    }


def _element_id(element: _Json) -> str:
    """The id of an element; of one of several types, by the one type that is to be supported."""
    id_: str = element["id"]
    if not id_.endswith("[x]"):
        return id_
    (wanted,) = (
        kind["code"]
        for kind in element["type"]
        if any(e["url"] == _SUPPORTED for e in kind.get("extension", ()))
    )
    return f"{id_.removesuffix('[x]')}{wanted[0].upper()}{wanted[1:]}"


def _profile_additions(package: Package, element: _Json) -> Iterator[tuple[str, Any]]:
    """What a profile says of an element beyond R4: a cardinality, targets, codes."""
    base = element["base"]
    if element["min"] > base["min"]:
        yield "min", element["min"]
    if element["max"] != base["max"]:
        yield "max", int(element["max"])
    references = [kind for kind in element.get("type", []) if kind["code"] == "Reference"]
    targets = {package.type(canonical) for kind in references for canonical in kind.get("targetProfile", [])}
    base_element = _base_element(element)
    if base_element is not None and targets and targets not in ({"Resource"}, base_element.targets):
        yield "targets", sorted(targets)
    if base_element is not None and len(element.get("type", [])) < len(base_element.types):
        raise ValueError(f"{element['id']} takes fewer types than in R4")
    binding = element.get("binding", {})
    if binding.get("strength") == "required" and binding["valueSet"].startswith(_OURS):
        yield "codes", package.codes(binding["valueSet"])
    elif binding.get("strength") == "required" and base_element is not None and base_element.codes is None:
        raise ValueError(f"{element['id']} is bound more strictly than in R4")
    if any(key.startswith(("fixed", "pattern", "minValue", "maxValue")) for key in element):
        raise ValueError(f"{element['id']} has a value of its own")


def _slice(package: Package, structure: _Json, element: _Json) -> Iterator[_Json]:
    """How many items of a list match a pattern or are of a value set."""
    if not element["min"] and element["max"] == "*":
        return
    limits = {"min": element["min"]} | ({} if element["max"] == "*" else {"max": int(element["max"])})
    yield {"path": element["path"]} | limits | _telling(package, structure, element)


def _telling(package: Package, structure: _Json, element: _Json) -> _Json:
    """What tells an item of a slice: at a path in it a pattern, one of some codes or a url."""
    elements = structure["snapshot"]["element"]
    if element["path"].endswith("xtension"):
        return {"at": "url", "url": element["type"][0]["profile"][0]}
    sliced = next(candidate for candidate in elements if candidate["id"] == element["path"])
    (discriminator,) = sliced["slicing"]["discriminator"]
    at = discriminator["path"].removeprefix("$this")
    (telling,) = (
        candidate for candidate in elements if candidate["id"] == element["id"] + (f".{at}" if at else "")
    )
    if "patternCodeableConcept" in telling:
        return {"at": at, "pattern": telling["patternCodeableConcept"]["coding"][0]}
    return {"at": at, "codes": package.codes(telling["binding"]["valueSet"])}


def _check_in_slice(element: _Json) -> None:
    """Refuse what a slice's items must have beyond what tells that they are of it."""
    telling = any(key.startswith("pattern") for key in element)
    if element["min"] > element["base"]["min"] and not telling:
        raise ValueError(f"{element['id']} is required within a slice")


def _base_element(element: _Json) -> Element | None:
    """The element of R4 that one of a profile is about."""
    parent, _, leaf = element["base"]["path"].rpartition(".")
    if parent not in definitions():
        return None
    return next((candidate for candidate in definitions()[parent].elements if candidate.name == leaf), None)


def _rule(constraint: _Json) -> _Json:
    return {part: constraint[part] for part in ("key", "expression", "human")}


def _compact(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


if __name__ == "__main__":
    DATA.write_bytes(distil(Path(sys.argv[1])))
