"""A view that says a thing in words of its own reads it in those words too, when its partner puts it."""

import shutil
from pathlib import Path

import pytest

from service.settings import Settings
from service.wiring import compiled, rooms, serving
from tests.flows import river
from tests.web.conftest import House

MAPPINGS = Path(__file__).parents[3] / "mappings"
SNOMED = "http://snomed.info/sct"
OURS = "https://casebridge.org/fhir/CodeSystem/case-role"
OVERLAY = {
    "concepts/case-role": f"""
resourceType: ConceptMap
group:
  - target: {SNOMED}
    element:
      - code: registered-nurse
        target: [{{code: "106292003", display: Professional nurse, equivalence: wider}}]
""",
    "concepts/member-role": f"""
resourceType: ConceptMap
group:
  - target: {OURS}
    element:
      - code: "106292003"
        target: [{{code: registered-nurse, equivalence: narrower, comment: one of them}}]
""",
}
REGISTRY = """
views: {northern: [northern]}
partners:
  - {name: cms, kind: case-system}
  - name: northern
    kind: insurer
    view: northern
    identifiers: [{system: "urn:example:payers", value: northern}]
    writes: [CareTeam]
  - name: plain
    kind: insurer
    identifiers: [{system: "urn:example:payers", value: northern}]
    writes: [CareTeam]
"""


@pytest.fixture
def rivers_house(tmp_path, database_url):
    folder = tmp_path / "mappings"
    shutil.copytree(MAPPINGS, folder)
    for name, text in OVERLAY.items():
        path = folder / f"overlays/northern/{name}.yaml"
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
    house = House(serving.application(settings, engine, compiled.catalogues(settings)), engine)
    for path, document in river.STORY:
        assert house.put(path, document).status_code == 201
    yield house
    engine.dispose()


@pytest.mark.parametrize(("partner", "status"), [("northern", 200), ("plain", 422)])
def test_a_partner_adds_a_member_by_the_code_that_its_own_view_has(rivers_house, partner, status):
    team = rivers_house.one("CareTeam", partner)
    role = {"coding": [{"system": SNOMED, "code": "106292003"}]}
    team["participant"].append({"role": [role], "member": {"display": "Their nurse"}})
    headers = {"If-Match": 'W/"1"', "Content-Type": "application/fhir+json"}
    answer = rivers_house.put(f"/fhir/CareTeam/{team['id']}", team, partner=partner, headers=headers)
    assert answer.status_code == status, answer.json
    members = rivers_house.get("/api/cases/c1").json["team"]
    assert ("registered-nurse" in [member["role"] for member in members]) == (status == 200)
