"""Hospitals whose words mean different things: each is read by the overlays that its registry entry names."""

import json
import shutil
from pathlib import Path

import pytest

from service.settings import Settings
from service.values.ids import resource_id
from service.wiring import compiled, rooms, serving
from tests.web.conftest import House
from tests.web.sent import ER7, FHIR, PERSON, VISIT, a03, encounter

MAPPINGS = Path(__file__).parents[3] / "mappings"
REGISTRY = """
partners:
  - {name: cms, kind: case-system}
  - {name: mercy, kind: hospital, intake: {overlays: [mercy]}}
  - {name: lakeside, kind: hospital, intake: {overlays: [shared, lakeside]}}
  - {name: plain, kind: hospital}
"""
PUBLIC = "http://terminology.hl7.org/CodeSystem/discharge-disposition"
TABLE = "http://terminology.hl7.org/CodeSystem/v2-0112"
OURS = "urn:example:lakeside:outcomes"


def codes(system, **meanings):
    elements = [
        f"      - {{code: '{code}', target: [{{code: {target}, equivalence: equivalent}}]}}"
        for code, target in meanings.items()
    ]
    listed = "\n".join(elements)
    return f"resourceType: ConceptMap\ngroup:\n  - target: {system}\n    element:\n{listed}\n"


OVERLAYS = {
    "mercy/concepts/discharge-disposition": codes(PUBLIC, **{"01": "home", "07": "aadvice"}),
    "shared/concepts/discharge-disposition": codes(PUBLIC, **{"01": "snf"}),
    "lakeside/concepts/discharge-disposition": codes(PUBLIC, **{"01": "rehab"}),
    "mercy/concepts/coding-system": codes("urn:ietf:rfc:3986", KLINIK="'urn:example:mercy:clinic'"),
    "lakeside/inbound/discharge-of-fhir": """
extends: discharge-of-fhir
let:
  ended: "{{ encounter.hospitalization.dischargeDisposition.coding[0].code }}"
  said: "{{ ended | coding('discharge-disposition') }}"
make:
  stay:
    disposition: {system: "{{ said.system }}", code: "{{ said.code }}"}
""",
}


@pytest.fixture
def house(tmp_path, database_url):
    folder = tmp_path / "mappings"
    shutil.copytree(MAPPINGS, folder)
    for name, text in OVERLAYS.items():
        path = folder / "overlays" / f"{name}.yaml"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    (tmp_path / "partners.yaml").write_text(REGISTRY, encoding="utf-8")
    settings = Settings.from_env(
        {
            "CASEBRIDGE_AUTH": "off",
            "CASEBRIDGE_DATABASE_URL": database_url,
            "CASEBRIDGE_PARTNERS": str(tmp_path / "partners.yaml"),
            "CASEBRIDGE_MAPPINGS": str(folder),
        }
    )
    engine = rooms.database(settings)
    yield House(serving.application(settings, engine, compiled.catalogues(settings)), engine)
    engine.dispose()


def disposition(house, visit):
    """What the Encounter of a visit tells of how it ended."""
    for item in house.get("/api/cases", partner=None).json["items"]:
        (stay,) = house.get(f"/api/cases/{item['uuid']}", partner=None).json["received"]["stays"]
        if stay["identifiers"][0]["value"] == visit:
            id_ = resource_id(item["uuid"], "Encounter", stay["id"])
            body = house.get(f"/fhir/Encounter/{id_}", partner=None).json
            return body["hospitalization"]["dischargeDisposition"]["coding"]
    raise AssertionError(visit)


def test_the_same_code_means_what_the_hospital_that_sends_it_says(house):
    for partner in ("mercy", "lakeside", "plain"):
        raw = a03(f"MSG-{partner}", person=f"P-{partner}", visit=f"V-{partner}")
        assert house.ask("POST", "/hl7v2", partner=partner, data=raw, content_type=ER7).status_code == 200
    sent = {"system": TABLE, "code": "01"}
    assert disposition(house, "V-mercy") == [{"system": PUBLIC, "code": "home"}, sent]
    assert disposition(house, "V-lakeside") == [{"system": PUBLIC, "code": "rehab"}, sent]
    assert disposition(house, "V-plain") == [{"system": TABLE, "code": "01"}]


@pytest.mark.parametrize(
    ("code", "system"),
    [
        ("06", TABLE),
        # the table has no such code: it is the hospital's own
        ("99", "urn:casebridge:coding-system:mercy:PV1-36"),
    ],
)
def test_a_code_that_a_hospital_did_not_explain_stays_as_it_is(house, code, system):
    raw = a03().replace(b"|01||||||||2026", f"|{code}^Elsewhere||||||||2026".encode())
    assert house.ask("POST", "/hl7v2", partner="mercy", data=raw, content_type=ER7).status_code == 200
    assert disposition(house, VISIT["value"]) == [{"system": system, "code": code, "display": "Elsewhere"}]


def test_a_coding_system_is_the_one_that_the_hospital_says_it_is(house):
    for partner, system, notes in (
        ("mercy", "urn:example:mercy:clinic", 0),
        ("plain", "urn:casebridge:coding-system:plain:klinik", 1),
    ):
        raw = a03(f"MSG-{partner}", person=f"P-{partner}", visit=f"V-{partner}").replace(b"^SCT", b"^klinik")
        answer = house.ask("POST", "/hl7v2", partner=partner, data=raw, content_type=ER7)
        assert answer.data.count(b"ERR||DG1^1^3^1^3|103") == notes
        (case,) = [
            item["document"]["received"]
            for item in house.get("/api/cases", partner=None).json["items"]
            if item["document"]["received"]["stays"][0]["identifiers"][0]["value"] == f"V-{partner}"
        ]
        assert case["conditions"][0]["code"]["system"] == system


def test_a_hospitals_overlay_reads_its_fhir_otherwise(house):
    outcome = {"dischargeDisposition": {"coding": [{"system": OURS, "code": "01"}]}}
    for partner in ("lakeside", "plain"):
        patient = {"resourceType": "Patient", "id": "p", "identifier": [{**PERSON, "value": partner}]}
        stay = encounter(
            hospitalization=outcome, contained=[patient], identifier=[{**VISIT, "value": partner}]
        )
        answer = house.ask(
            "POST", "/fhir/Encounter", partner=partner, data=json.dumps(stay), content_type=FHIR
        )
        assert answer.status_code == 201, answer.data
    assert disposition(house, "lakeside") == [{"system": PUBLIC, "code": "rehab"}]
    assert disposition(house, "plain") == [{"system": OURS, "code": "01"}]
