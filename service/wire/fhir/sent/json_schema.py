"""R4 types as JSON Schema, for what mappings may name; a check of resources is `check`, not this.

https://hl7.org/fhir/R4/json.html
"""

from functools import cache
from typing import Any, Final

from service.wire.fhir.definitions.r4 import Definition, Element, definitions
from service.wire.fhir.sent.incoming import LISTS

Schema = dict[str, Any]
_TEXT: Final[Schema] = {"type": "string"}
_OPEN: Final[Schema] = {}
_PRIMITIVES: Final[dict[str, Schema]] = {
    "boolean": {"type": "boolean"},
    "decimal": {"type": "number"},
    "integer": {"type": "integer"},
    "positiveInt": {"type": "integer"},
    "unsignedInt": {"type": "integer"},
}


@cache
def roots() -> dict[str, Schema]:
    """Return the roots of the source `fhir` (see `incoming.stays`), each with its JSON Schema."""
    one = {
        "bundle": "Bundle",
        "header": "MessageHeader",
        "encounter": "Encounter",
        "encounter_at": "Identifier",
        "patient": "Patient",
        "patient_at": "Identifier",
    }
    defined = {"$defs": _definitions()}
    single: dict[str, Schema] = {name: {**defined, **_ref(type_)} for name, type_ in one.items()}
    lists = {name: {**defined, **_many(type_)} for name, type_ in LISTS.items()}
    return {**single, **lists, "facts": {**defined, **_facts()}}


def _facts() -> Schema:
    """Return the JSON Schema of what is brought together (see `incoming`)."""
    organization = _object(name=_TEXT, identifier=_many("Identifier"))
    names = {"name": _many("HumanName"), "telecom": _many("ContactPoint")}
    person = {**names, "identifier": _many("Identifier"), "organization": organization}
    concept, period = _ref("CodeableConcept"), _ref("Period")
    diagnosis = {"condition": _ref("Condition"), "use": concept, "rank": _PRIMITIVES["positiveInt"]}
    diagnoses = _list(**diagnosis, abated=_PRIMITIVES["boolean"])
    return _object(
        **{"class": _ref("Coding")},
        hospital=organization,
        location=organization,
        destination=organization,
        participants=_list(type=concept, types=_many("CodeableConcept"), period=period, **person),
        general_practitioners=_list(**person),
        relatives=_list(
            **names,
            relationship=_many("CodeableConcept"),
            words=_TEXT,
            address=_many("Address"),
            active=_PRIMITIVES["boolean"],
            gender=_TEXT,
            period=period,
        ),
        telecom=_many("ContactPoint"),
        spoken=_ref("Coding"),
        reasons=_many("CodeableConcept"),
        diagnoses=diagnoses,
        taken_back=diagnoses,
        policies=_list(
            coverage=_ref("Coverage"),
            payer=organization,
            member=_ref("Identifier"),
            group=_ref("Coverage.class"),
            plan=_ref("Coverage.class"),
        ),
        no_policies=_PRIMITIVES["boolean"],
    )


@cache
def of(type_: str) -> Schema:
    """Return the JSON Schema of one resource, its references as `roots` has them."""
    return {"$defs": _definitions(), **_ref(type_)}


@cache
def resources() -> dict[str, Schema]:
    """Return the JSON Schema of each resource, for what outbound mappings may make."""
    return {type_: of(type_) for type_ in sorted(definitions().resources)}


@cache
def of_episode() -> dict[str, Schema]:
    """Return the roots of the source `episode`: an EpisodeOfCare and, by type, lists of all that is of it.

    `composition` is what a document is known by.
    """
    defined = {"$defs": _definitions()}
    types = sorted(definitions().resources)
    lists: dict[str, Schema] = {type_: {**defined, **_many(type_)} for type_ in types}
    known = _object(id=_TEXT, identifier=_TEXT, date=_TEXT)
    return {"composition": known, "episode": of("EpisodeOfCare"), **lists}


@cache
def of_composition() -> dict[str, Schema]:
    """Return the schemas of what mappings may make of an `episode`: a Composition and its sections."""
    section = {"$defs": _definitions(), **_ref("Composition.section")}
    return {"Composition": of("Composition"), "Composition.section": section}


@cache
def _definitions() -> dict[str, Schema]:
    r4 = definitions()
    return {name.replace("/", "."): _type(r4[name]) for name in r4.names()}


def _type(definition: Definition) -> Schema:
    if definition.kind == "primitive-type":
        return _PRIMITIVES.get(definition.name, _TEXT)
    properties: dict[str, Schema] = {}
    if definition.kind == "resource":
        properties["resourceType"] = _TEXT
    for element in definition.elements:
        for name, kind in element.json_names().items():
            properties[name] = _element(element, kind)
    return {"type": "object", "properties": properties, "additionalProperties": False}


def _element(element: Element, kind: str) -> Schema:
    described = _reference(element) if kind == "Reference" else _value(element, kind)
    return {"type": "array", "items": described} if element.many else described


def _value(element: Element, kind: str) -> Schema:
    if kind == "code" and element.codes:
        return {"type": "string", "enum": sorted(set().union(*element.codes.values()))}
    return _ref(kind)


def _reference(element: Element) -> Schema:
    targets = [_ref(target) for target in sorted(element.targets) if target in definitions()]
    inside = definitions()["Reference"].elements
    properties = {name: _value(child, kind) for child in inside for name, kind in child.json_names().items()}
    return {
        "type": "object",
        "properties": {**properties, "resource": {"anyOf": targets} if targets else _OPEN},
        "additionalProperties": False,
    }


def _object(**properties: Schema) -> Schema:
    return {"type": "object", "properties": properties, "additionalProperties": False}


def _list(**properties: Schema) -> Schema:
    return {"type": "array", "items": _object(**properties)}


def _many(kind: str) -> Schema:
    return {"type": "array", "items": _ref(kind)}


def _ref(kind: str) -> Schema:
    if kind.startswith("System."):
        return _TEXT
    return {"$ref": f"#/$defs/{kind}"} if kind in definitions() and kind != "Resource" else _OPEN
