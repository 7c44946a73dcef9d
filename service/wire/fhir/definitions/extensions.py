"""The extensions that we define, as StructureDefinitions: https://hl7.org/fhir/R4/defining-extensions.html."""

from dataclasses import dataclass
from hashlib import sha256
from typing import Any, Final

from service.wire.json import canonical

Resource = dict[str, Any]
BASE: Final = "https://casebridge.org/fhir/StructureDefinition/"
_MEMBERS: Final = ("Practitioner", "Organization", "RelatedPerson")


@dataclass(frozen=True, slots=True)
class Part:
    """What an extension holds: a value of a type, perhaps bound to a value set or to types referred to."""

    name: str
    type: str
    short: str
    needed: bool = False
    value_set: str = ""
    targets: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Extension:
    """An extension of ours: `name` ends its URL, `context` is the element it stands in.

    It holds the one value of a `Part` without a name, or extensions that are called as its parts.
    """

    name: str
    title: str
    context: str
    definition: str
    parts: tuple[Part, ...]

    @property
    def url(self) -> str:
        """The canonical."""
        return BASE + self.name


EXTENSIONS: Final = (
    Extension(
        "authorization",
        "Authorization",
        "ServiceRequest",
        "Whether an insurer must allow a service, and what it has said; its answer is a ClaimResponse too.",
        (
            Part("required", "boolean", "Whether the service needs to be allowed"),
            Part(
                "status",
                "CodeableConcept",
                "How it stands",
                needed=True,
                value_set="https://casebridge.org/fhir/ValueSet/authorization-status",
            ),
            Part("reference", "string", "The number that the insurer gave it"),
            Part("period", "Period", "When the service is allowed"),
            Part("answered", "dateTime", "When the insurer answered"),
        ),
    ),
    Extension(
        "deputy-for",
        "Deputy for",
        "CareTeam.participant",
        "Whom this member of the team stands in for.",
        (Part("", "Reference", "The member who is stood in for", needed=True, targets=_MEMBERS),),
    ),
)


def structure_definitions() -> tuple[Resource, ...]:
    """Return the definition of each extension; `version` changes with the content."""
    return tuple(_definition(extension) for extension in EXTENSIONS)


def _definition(extension: Extension) -> Resource:
    whole: Resource = {
        "resourceType": "StructureDefinition",
        "id": extension.name,
        "language": "en",
        "url": extension.url,
        "name": extension.title.title().replace(" ", ""),
        "title": extension.title,
        "status": "active",
        "experimental": False,
        "description": extension.definition,
        "fhirVersion": "4.0.1",
        "kind": "complex-type",
        "abstract": False,
        "context": [{"type": "element", "expression": extension.context}],
        "type": "Extension",
        "baseDefinition": "http://hl7.org/fhir/StructureDefinition/Extension",
        "derivation": "constraint",
        "differential": {"element": _elements(extension)},
    }
    return whole | {"version": sha256(canonical(whole)).hexdigest()[:12]}


def _elements(extension: Extension) -> list[Resource]:
    top: Resource = {
        "id": "Extension",
        "path": "Extension",
        "short": extension.title,
        "definition": extension.definition,
        "max": "1",
    }
    url = _fixed_url_element("Extension", "Extension", extension.url)
    if [part.name for part in extension.parts] == [""]:
        return [
            top,
            _none("Extension", "Extension"),
            url,
            _value("Extension", "Extension", extension.parts[0]),
        ]
    parts = [element for part in extension.parts for element in _part(part)]
    return [top, *parts, url, {"id": "Extension.value[x]", "path": "Extension.value[x]", "max": "0"}]


def _part(part: Part) -> list[Resource]:
    id_, path = f"Extension.extension:{part.name}", "Extension.extension"
    head = {
        "id": id_,
        "path": path,
        "sliceName": part.name,
        "short": part.short,
        "min": int(part.needed),
        "max": "1",
    }
    return [head, _none(id_, path), _fixed_url_element(id_, path, part.name), _value(id_, path, part)]


def _none(id_: str, path: str) -> Resource:
    return {"id": f"{id_}.extension", "path": f"{path}.extension", "max": "0"}


def _fixed_url_element(id_: str, path: str, url: str) -> Resource:
    return {"id": f"{id_}.url", "path": f"{path}.url", "fixedUri": url}


def _value(id_: str, path: str, part: Part) -> Resource:
    type_: Resource = {"code": part.type}
    if part.targets:
        type_["targetProfile"] = [
            f"http://hl7.org/fhir/StructureDefinition/{target}" for target in part.targets
        ]
    element: Resource = {
        "id": f"{id_}.value[x]",
        "path": f"{path}.value[x]",
        "short": part.short,
        "min": 1,
        "type": [type_],
    }
    if part.value_set:
        element["binding"] = {"strength": "required", "valueSet": part.value_set}
    return element
