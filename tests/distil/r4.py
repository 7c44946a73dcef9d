"""Distils HL7's R4 definitions (https://hl7.org/fhir/R4/downloads.html) into r4.json, the part we use.

Run as `python -m tests.distil.r4 FOLDER`, FOLDER holding profiles-resources.json,
profiles-types.json, valuesets.json and v3-codesystems.json. The same definitions give the same bytes.
"""

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ROOTS = (
    "Patient",
    "RelatedPerson",
    "Coverage",
    "Practitioner",
    "PractitionerRole",
    "Organization",
    "Location",
    "EpisodeOfCare",
    "CareTeam",
    "CarePlan",
    "Goal",
    "ServiceRequest",
    "Appointment",
    "CommunicationRequest",
    "Communication",
    "Condition",
    "Observation",
    "MedicationStatement",
    "Encounter",
    "DocumentReference",
    "ClaimResponse",
    "Provenance",
    "Bundle",
    "MessageHeader",
    "OperationOutcome",
    "CapabilityStatement",
    "Parameters",
    "CodeSystem",
    "ValueSet",
    "ConceptMap",
    "TerminologyCapabilities",
    "StructureDefinition",
    "Composition",
    "OperationDefinition",
    "Subscription",
)
DATA = Path(__file__).parents[2] / "service/wire/fhir/definitions/r4.json"

_DEFINITION = "http://hl7.org/fhir/StructureDefinition/"
_SYSTEM_TYPE = "http://hl7.org/fhirpath/System."
_FILES = ("profiles-resources.json", "profiles-types.json", "valuesets.json", "v3-codesystems.json")


class SourceDefinitions:
    """The definitions of one folder, looked up by kind and name."""

    def __init__(self, folder: Path) -> None:
        """Read the four files."""
        self.structures: dict[str, dict[str, Any]] = {}
        self.value_sets: dict[str, dict[str, Any]] = {}
        self.code_systems: dict[str, dict[str, Any]] = {}
        for name in _FILES:
            for entry in json.loads((folder / name).read_bytes())["entry"]:
                self._keep(entry["resource"])

    def _keep(self, resource: dict[str, Any]) -> None:
        match resource["resourceType"]:
            case "StructureDefinition" if resource["kind"] != "logical":
                self.structures[resource["name"]] = resource
            case "ValueSet":
                self.value_sets[resource["url"]] = resource
            case "CodeSystem":
                self.code_systems[resource["url"]] = resource

    def elements(self, name: str) -> list[dict[str, Any]]:
        """The snapshot of a type, in order."""
        snapshot: list[dict[str, Any]] = self.structures[name]["snapshot"]["element"]
        return snapshot

    def base(self, name: str) -> str:
        """The type this one specialises, or nothing."""
        return str(self.structures[name].get("baseDefinition", "")).removeprefix(_DEFINITION)

    def codes(self, canonical: str) -> dict[str, list[str]] | None:
        """A value set's codes by system; None when a system's codes are not to be had (BCP 13, ISO 4217)."""
        codes_by_system: dict[str, list[str]] = {}
        for include in self.value_sets[canonical.partition("|")[0]]["compose"]["include"]:
            if "filter" in include or "valueSet" in include:
                raise ValueError(f"{canonical} needs a terminology server")
            concepts = include.get("concept") or self.code_systems.get(include["system"], {}).get("concept")
            if not concepts:
                return None
            codes_by_system.setdefault(include["system"], []).extend(_flat(concepts))
        return {system: sorted(set(codes)) for system, codes in sorted(codes_by_system.items())}


def distil(folder: Path) -> bytes:
    """The bytes of r4.json: one type, value set or rule a line."""
    definitions = SourceDefinitions(folder)
    types: dict[str, Any] = {}
    rules: dict[str, Any] = {}
    bound: dict[str, Any] = {}
    for name in _reachable_types(definitions):
        types |= _types(definitions, name, bound)
        rules |= _rules(definitions, name)
    resources = sorted(
        name
        for name, structure in definitions.structures.items()
        if structure["kind"] == "resource" and not structure["abstract"]
    )
    return _lines(
        {"version": "4.0.1", "resources": resources, "types": types, "codes": bound, "rules": rules}
    )


def _flat(concepts: list[dict[str, Any]]) -> Iterator[str]:
    for concept in concepts:
        yield concept["code"]
        yield from _flat(concept.get("concept", []))


def _reachable_types(definitions: SourceDefinitions) -> list[str]:
    """The types we emit and every type they use, by name."""
    names: set[str] = set()
    waiting = list(ROOTS)
    while waiting:
        name = waiting.pop()
        if name in names or name not in definitions.structures:
            continue
        names.add(name)
        waiting.append(definitions.base(name))
        waiting += [
            kind["code"] for element in definitions.elements(name) for kind in element.get("type", [])
        ]
    return sorted(names)


def _types(definitions: SourceDefinitions, name: str, bound: dict[str, Any]) -> dict[str, Any]:
    """A type and its inner (backbone) types: {path: {kind, base, elements}}."""
    kind = definitions.structures[name]["kind"]
    first, *elements = definitions.elements(name)
    types: dict[str, Any] = {first["path"]: {"kind": kind, "base": definitions.base(name), "elements": {}}}
    if kind == "primitive-type":
        return {first["path"]: {"kind": kind, "base": definitions.base(name)}}
    parents = {element["path"].rpartition(".")[0] for element in elements}
    for element in elements:
        parent, _, leaf = element["path"].rpartition(".")
        described = _element(definitions, element, bound)
        if element["path"] in parents:
            types[element["path"]] = {"kind": "backbone", "base": element["type"][0]["code"], "elements": {}}
            described["type"] = [element["path"]]
        types[parent]["elements"][leaf] = described
    return types


def _element(
    definitions: SourceDefinitions, element: dict[str, Any], bound: dict[str, Any]
) -> dict[str, Any]:
    """What the checker needs of one element; what is usual (min 0, max 1, any target) is left out."""
    kinds = element.get("type", [])
    described: dict[str, Any] = {"type": [_kind(element, kind) for kind in kinds]}
    if reference := element.get("contentReference"):
        described["type"] = [reference.removeprefix("#")]
    if element["min"]:
        described["min"] = element["min"]
    if element["max"] != "1":
        described["max"] = element["max"]
    targets = [
        target.removeprefix(_DEFINITION)
        for kind in kinds
        if kind["code"] == "Reference"
        for target in kind.get("targetProfile", [])
    ]
    if targets and "Resource" not in targets:
        described["targets"] = sorted(targets)
    binding = element.get("binding", {})
    if binding.get("strength") == "required" and (codes := definitions.codes(binding["valueSet"])):
        described["codes"] = binding["valueSet"].partition("|")[0]
        bound[described["codes"]] = codes
    return described


def _kind(element: dict[str, Any], kind: dict[str, Any]) -> str:
    """The type's name; FHIRPath's own String stands for ids and extension URLs."""
    name = str(kind["code"])
    if not name.startswith(_SYSTEM_TYPE):
        return name
    return {"Resource.id": "id", "Extension.url": "uri"}.get(element["base"]["path"], "System.String")


def _rules(definitions: SourceDefinitions, name: str) -> dict[str, Any]:
    """The error-level invariants by the path they are stated at; inherited ones stand at their own type."""
    inherited = _keys(definitions, definitions.base(name))
    rules: dict[str, Any] = {}
    for element in definitions.elements(name):
        stated = set(inherited)
        if element["path"] != name:
            stated = {key for kind in element.get("type", []) for key in _keys(definitions, kind["code"])}
            stated |= _keys(definitions, "Element")
        if own := [
            _rule(constraint) for constraint in element.get("constraint", []) if _is_own(constraint, stated)
        ]:
            rules[element["path"]] = own
    return rules


def _is_own(constraint: dict[str, Any], stated: set[str]) -> bool:
    return constraint["severity"] == "error" and constraint["key"] not in stated


def _rule(constraint: dict[str, Any]) -> dict[str, str]:
    return {part: constraint[part] for part in ("key", "expression", "human")}


def _keys(definitions: SourceDefinitions, name: str) -> set[str]:
    if name not in definitions.structures:
        return set()
    return {constraint["key"] for constraint in definitions.elements(name)[0].get("constraint", [])}


def _lines(document: dict[str, Any]) -> bytes:
    """JSON with one entry of each section a line: small, and a difference can be read."""
    parts = []
    for section, content in document.items():
        if not isinstance(content, dict):
            parts.append(f"{json.dumps(section)}:{_compact(content)}")
            continue
        rows = ",\n".join(f"{json.dumps(key)}:{_compact(value)}" for key, value in sorted(content.items()))
        parts.append(f"{json.dumps(section)}:{{\n{rows}\n}}")
    return ("{" + ",\n".join(parts) + "}\n").encode()


def _compact(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


if __name__ == "__main__":
    DATA.write_bytes(distil(Path(sys.argv[1])))
