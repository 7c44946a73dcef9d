"""How tests of the terminology ask, and what they read of an answer."""

import re

from service.settings import Settings
from service.wire.fhir.check.validate import validate

BASE = "https://casebridge.org/fhir"
KIND = f"{BASE}/CodeSystem/service-kind"
KINDS = f"{BASE}/ValueSet/service-kind"
KIND_MAP = f"{BASE}/ConceptMap/service-kind"
SNOMED = "http://snomed.info/sct"
SERVICE_TYPE = "http://terminology.hl7.org/CodeSystem/service-type"
TYPES = ("CodeSystem", "ConceptMap", "ValueSet")
MAPPINGS = Settings.from_env({}).mappings
EXTENSION = re.compile(rf"{BASE}/StructureDefinition/[\w-]+")


def get(house, path, status=200, **headers):
    answer = house.get(f"/fhir/{path}", headers=headers)
    assert answer.status_code == status, answer.text
    assert answer.mimetype == "application/fhir+json"
    assert validate(answer.json) == []
    return answer.json


def post(house, path, *parameter, status=200, **headers):
    body = {"resourceType": "Parameters", "parameter": list(parameter)}
    answer = house.ask("POST", f"/fhir/{path}", json=body, headers=headers)
    assert answer.status_code == status, answer.text
    assert validate(answer.json) == []
    return answer.json


def values(parameters, name):
    """The values of the parameters of a name; of one made of parts, its parts by name."""
    rows = []
    for parameter in parameters["parameter"]:
        if parameter["name"] == name:
            parts = parameter.get("part")
            rows.append({one["name"]: value(one) for one in parts} if parts else value(parameter))
    return rows


def value(parameter):
    (sole,) = [value for key, value in parameter.items() if key.startswith("value")]
    return sole


def concept(system, code, display=None):
    return {"system": system, "code": code} | ({"display": display} if display else {})
