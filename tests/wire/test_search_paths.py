"""What is taken of a resource for search is what FHIRPath finds by R4's own expressions."""

import json
import re
from collections import Counter
from pathlib import Path

import fhirpathpy
import pytest
from fhirpathpy.models import models

from service.wire.fhir.search.parameters import _read, parameters_of
from service.wire.fhir.search.paths import path_of
from service.wire.json import parse

GOLDEN = Path(__file__).parents[2] / "mappings/golden"
RESOLVE = re.compile(r"\.where\(resolve\(\) is (\w+)\)")
# not in the golden outputs: what each expression that uses more than a path leads to
MADE = (
    {
        "resourceType": "Patient",
        "id": "1",
        "deceasedBoolean": False,
        "telecom": [{"system": "email", "value": "a@b.test"}, {"system": "phone", "value": "1"}],
        "extension": [
            {
                "url": "http://hl7.org/fhir/us/core/StructureDefinition/us-core-race",
                "extension": [
                    {"url": "ombCategory", "valueCoding": {"system": "urn:x", "code": "2106-3"}},
                    {"url": "text", "valueString": "x"},
                ],
            }
        ],
    },
    {"resourceType": "Patient", "id": "2", "deceasedDateTime": "2026-03-01"},
    {
        "resourceType": "Condition",
        "id": "1",
        "onsetAge": {"value": 4, "unit": "a"},
        "abatementString": "soon",
        "subject": {"reference": "Group/1"},
        "extension": [
            {
                "url": "http://hl7.org/fhir/StructureDefinition/condition-assertedDate",
                "valueDateTime": "2026-03-01",
            }
        ],
    },
    {
        "resourceType": "Observation",
        "id": "1",
        "valueCodeableConcept": {"text": "said"},
        "component": [{"code": {"coding": [{"code": "1"}]}, "valueQuantity": {"value": 4, "unit": "mg"}}],
        "effectiveTiming": {"event": ["2026-03-01"]},
    },
    {"resourceType": "Goal", "id": "1", "startDate": "2026-03-01", "target": [{"dueDate": "2026-04"}]},
)


def golden():
    for path in sorted(GOLDEN.glob("*/out.json")):
        out = parse(path.read_bytes())
        for resource in out if isinstance(out, list) else []:
            if resource.get("resourceType") in _read()["parameters"]:
                yield resource


def evaluated(expression, resource):
    """What FHIRPath finds; nothing is resolved, so a reference is asked for its type by its text.

    R4 says `as` of what may be several, too, for which FHIRPath has `ofType`.
    """
    asked = RESOLVE.sub(r".where(reference.startsWith('\1/'))", expression)
    asked = re.sub(r"\(([\w.]+) as (\w+)\)|\.as\((\w+)\)", _of_type, asked)
    nodes = fhirpathpy.evaluate(resource, asked, None, models["r4"])
    return Counter(json.dumps(value, sort_keys=True, default=str) for value in nodes)


def _of_type(said):
    return f".ofType({said[3]})" if said[3] else f"{said[1]}.ofType({said[2]})"


def taken(expression, resource):
    path, only = path_of(expression)
    values = [value for _, value in path.values(resource)]
    values = [value for value in values if only is None or value.get("reference", "").startswith(f"{only}/")]
    return Counter(json.dumps(value, sort_keys=True, default=str) for value in values)


def test_each_expression_takes_of_golden_outputs_what_fhirpath_does():
    used = set()
    for resource in (*golden(), *MADE):
        own = _read()["parameters"][resource["resourceType"]]
        for name, (_, expressions) in {**own, **_read()["parameters"]["Resource"]}.items():
            for said in expressions:
                expression = said.replace("Resource.", f"{resource['resourceType']}.")
                values = taken(expression, resource)
                assert values == evaluated(expression, resource), (resource["resourceType"], expression)
                used |= {(resource["resourceType"], name)} if values else set()
    assert len(used) > 120


@pytest.mark.parametrize(
    "expression", ["Patient.name.first()", "Patient.shoe", "Patient.name.where(use != 'old')"]
)
def test_an_expression_that_says_more_is_refused(expression):
    with pytest.raises(ValueError, match=r"Patient|name"):
        path_of(expression)


def test_a_parameter_leads_to_the_types_that_it_may_be_of():
    targets = {name: parameters_of("CarePlan")[name].targets for name in ("patient", "subject", "care-team")}
    assert targets == {"patient": {"Patient"}, "subject": {"Patient", "Group"}, "care-team": {"CareTeam"}}
    assert parameters_of("Provenance")["target"].targets == frozenset()
