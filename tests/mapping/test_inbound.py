"""Inbound mappings: FHIR as it was sent becomes a document of ours, checked against both schemas."""

import json

import pytest

from service.errors import Misconfigured
from service.mapping.catalogue import load
from service.mapping.target.targets import schema_without_links
from service.wire.contracts.published.json_schemas import schema
from service.wire.fhir.sent.incoming import stays
from service.wire.fhir.sent.json_schema import roots

MAKES = {"Discharge": schema_without_links(schema("discharge"))}
MAPPING = """
map: Discharge
from: fhir
let:
  hospital: "{{ encounter.serviceProvider.resource }}"
make:
  event: discharge
  recorded: "{{ bundle.timestamp }}"
  patient:
    identifiers:
      $each: known in patient.identifier
      $make: {system: "{{ known.system }}", value: "{{ known.value }}"}
  stay:
    identifiers:
      - $each: known in encounter.identifier
        $make: {system: "{{ known.system }}", value: "{{ known.value }}"}
    hospital: {name: "{{ hospital | fhirpath('Organization.name') }}"}
    conditions:
      $each: known in encounter.diagnosis
      $make:
        code:
          text: "{{ known.condition.resource | fhirpath('code.coding.where(display.exists()).display') }}"
"""


def wrong(tmp_path, text):
    with pytest.raises(Misconfigured) as caught:
        catalogue(tmp_path, text)
    return [f"{issue.where}: {issue.what}" for issue in caught.value.issues]


def catalogue(tmp_path, text):
    folder = tmp_path / "inbound"
    folder.mkdir(exist_ok=True)
    (folder / "discharge.yaml").write_text(text, encoding="utf-8")
    return load(tmp_path, sources={"fhir": roots()}, links={}, direction="inbound", makes=MAKES)


def entry(resource):
    return {"fullUrl": f"urn:uuid:{resource['id']}", "resource": resource}


def message():
    known = [{"system": "urn:oid:1.2.208.176.1.2", "value": "2509479989"}]
    snomed = {"system": "http://snomed.info/sct", "code": "127295002", "display": "Traumatic brain injury"}
    return {
        "resourceType": "Bundle",
        "type": "message",
        "timestamp": "2026-02-20T10:00:00+01:00",
        "entry": [
            entry(
                {
                    "resourceType": "MessageHeader",
                    "id": "m",
                    "source": {"endpoint": "urn:hospital"},
                    "eventCoding": {"code": "x"},
                    "focus": [{"reference": "urn:uuid:e"}],
                }
            ),
            entry(
                {
                    "resourceType": "Encounter",
                    "id": "e",
                    "status": "finished",
                    "class": {"code": "IMP"},
                    "identifier": [{"system": "urn:visits", "value": "V1"}],
                    "subject": {"reference": "Patient/p"},
                    "serviceProvider": {"reference": "#own"},
                    "diagnosis": [{"condition": {"reference": "urn:uuid:c"}}],
                    "contained": [{"resourceType": "Organization", "id": "own", "name": "City Hospital"}],
                }
            ),
            entry({"resourceType": "Patient", "id": "p", "identifier": known}),
            entry(
                {
                    "resourceType": "Condition",
                    "id": "c",
                    "subject": {"reference": "Patient/p"},
                    "encounter": {"reference": "Encounter/e"},
                    "code": {"coding": [{"code": "S06"}, snomed]},
                }
            ),
        ],
    }


def test_a_message_becomes_a_discharge(tmp_path):
    made = catalogue(tmp_path, MAPPING).projector("fhir").run(stays(message())[0])
    assert json.loads(json.dumps([result.resource for result in made])) == [
        {
            "event": "discharge",
            "recorded": "2026-02-20T10:00:00+01:00",
            "patient": {"identifiers": [{"system": "urn:oid:1.2.208.176.1.2", "value": "2509479989"}]},
            "stay": {
                "identifiers": [{"system": "urn:visits", "value": "V1"}],
                "hospital": {"name": "City Hospital"},
                "conditions": [{"code": {"text": "Traumatic brain injury"}}],
            },
        }
    ]


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ("event: discharge", "event: discharged", "6:10: `Discharge.event` has no code `discharged`"),
        ("  stay:\n", "  stays:\n", "did you mean `stay`?"),
        ("map: Discharge", "map: Diskharge", "makes a `Diskharge`; did you mean `Discharge`?"),
        ("encounter.identifier", "encounter.identifyer", "did you mean `encounter.identifier`?"),
        ("Organization.name'", "Organization.name('", "is no FHIRPath"),
        ("Organization.name'", "name.bogus()'", "is no FHIRPath"),
        ("serviceProvider.resource", "serviceProvider.resourse", "did you mean"),
    ],
)
def test_a_typo_does_not_start(tmp_path, old, new, problem):
    assert old in MAPPING
    errors = wrong(tmp_path, MAPPING.replace(old, new, 1).lstrip("\n"))
    assert any(problem in error for error in errors), errors
    assert all(error.startswith("inbound/discharge.yaml:") for error in errors)
