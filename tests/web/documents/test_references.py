"""Whoever is shown a resource can read what it refers to; what was erased is told of in words."""

from datetime import UTC, datetime

import pytest
from sqlalchemy import func, select

from service.flows.projection.follow import Reprojection
from service.store.store import SqlStore
from service.store.tables import reprojection
from service.values.ids import resource_id
from service.wire.fhir.erased_references import WORDS
from service.wiring import rooms
from tests.flows import river
from tests.web.sent import Mercy, a03

REGISTRY = """
partners:
  - {name: cms, kind: case-system}
  - {name: registrar, kind: operator}
  - {name: northern, kind: insurer, identifiers: [{system: "urn:example:payers", value: northern}]}
  - name: mercy
    kind: hospital
    identifiers: [{system: "urn:example:hospitals", value: mercy}]
    intake: {case_system: cms}
"""
TYPES = ("CarePlan", "CareTeam", "EpisodeOfCare", "Patient")
DOCTOR = "D-1^Doctor^Dora^^^^^^&urn:example:doctors&URI"


@pytest.fixture
def registry(tmp_path):
    path = tmp_path / "partners.yaml"
    path.write_text(REGISTRY, encoding="utf-8")
    return path


def references(node):
    """Every literal reference in a resource."""
    if isinstance(node, dict):
        if isinstance(node.get("reference"), str):
            yield node["reference"]
        for below in node.values():
            yield from references(below)
    elif isinstance(node, list):
        for below in node:
            yield from references(below)


def seen(house, partner):
    """All that a partner is led to from what it finds, by reference; what is not there is None."""
    resources = {}
    for type_ in TYPES:
        for entry in house.get(f"/fhir/{type_}", partner=partner).json.get("entry", []):
            resources[f"{type_}/{entry['resource']['id']}"] = entry["resource"]
    waiting = list(resources.values())
    while waiting:
        for reference in references(waiting.pop()):
            if reference not in resources:
                answer = house.get(f"/fhir/{reference}", partner=partner)
                resources[reference] = answer.json if answer.status_code == 200 else None
                waiting += [resources[reference]] if resources[reference] else []
    return resources


@pytest.fixture
def rivers_house(house):
    """River's case, which names who is the hospital's and who is another's in the directory."""
    sent = a03(person="R-1").replace(b"W^1^1||||", f"W^1^1||||{DOCTOR}".encode())
    sent = sent.replace(b"urn:example:persons", b"urn:example:clients")
    assert Mercy(house).hl7v2(sent).status_code == 200
    above = {"name": "Region", "kind": "municipality"}
    region = house.put("/api/directory/organization/region", above, partner="registrar")
    part = {"name": "Team", "kind": "community", "part_of": "region"}
    team = house.put("/api/directory/organization/team", part, partner="registrar")
    uuid = team.headers["Casebridge-Id"]
    others = {"id": "m-9", "role": "hospital-contact", "organization": uuid}
    case = {**river.CASE, "team": [*river.CASE["team"], others]}
    for path, document in (*river.STORY[:3], ("/api/cases/c1", case)):
        answer = house.put(path, document)
        assert answer.status_code in {200, 201}, answer.json
    house.case, house.etag = case, answer.headers["ETag"]
    house.named = {"team": uuid, "region": region.headers["Casebridge-Id"]}
    return house


def test_what_a_resource_of_a_case_system_refers_to_is_readable_to_it(rivers_house):
    resources = seen(rivers_house, "cms")
    assert [reference for reference, resource in resources.items() if resource is None] == []
    names = {
        resource["name"] for resource in resources.values() if resource["resourceType"] == "Organization"
    }
    assert {"Team", "Region"} <= names
    families = {
        resource["name"][0]["family"]
        for resource in resources.values()
        if resource["resourceType"] == "Practitioner"
    }
    assert {"Doctor", "Example"} <= families


def test_what_nothing_of_a_case_system_names_is_not_readable_to_it(rivers_house):
    other = rivers_house.put(
        "/api/directory/organization/other", {"name": "Other", "kind": "other"}, partner="registrar"
    )
    path = f"/fhir/Organization/{resource_id(other.headers['Casebridge-Id'], 'Organization', '')}"
    assert rivers_house.get(path, partner=None).status_code == 200
    for more in ("", "/_history", "/_history/1"):
        assert rivers_house.get(f"{path}{more}").status_code == 404
    named = f"/fhir/Organization/{resource_id(rivers_house.named['region'], 'Organization', '')}"
    for more in ("", "/_history", "/_history/1"):
        assert rivers_house.get(f"{named}{more}").status_code == 200


def projected(settings, engine, mappings):
    """Work off the queue of what is to be projected anew, as the worker does."""
    store = SqlStore(engine)
    queue = Reprojection(store, rooms.projecting(settings, mappings), lambda: datetime.now(UTC))
    while queue.next():
        pass
    with engine.connect() as connection:
        assert connection.execute(select(func.count()).select_from(reprojection)).scalar() == 0


def test_what_another_names_is_erased_and_told_of_in_words(rivers_house, settings, engine, mappings):
    doctors = rivers_house.get("/api/directory/practitioner?identifier=D-1", partner=None).json["items"]
    named = rivers_house.get("/api/directory/organization", partner=None).json["items"]
    hospitals = [resource_ for resource_ in named if resource_["document"]["kind"] == "hospital"]
    before = seen(rivers_house, "cms")
    entries = [f"practitioner/{doctors[0]['uuid']}", f"organization/{rivers_house.named['team']}"]
    entries += [f"organization/{hospital['uuid']}" for hospital in hospitals]
    for path in entries:
        answer = rivers_house.ask("DELETE", f"/api/directory/{path}", partner=None)
        assert answer.status_code == 204, answer.json
    projected(settings, engine, mappings)
    for partner in ("northern", "cms"):
        resources = seen(rivers_house, partner)
        assert [reference for reference, resource in resources.items() if resource is None] == []
        (team,) = (resource for resource in resources.values() if resource["resourceType"] == "CareTeam")
        words = [participant["member"].get("display") for participant in team["participant"]]
        assert words.count(WORDS) == len(entries)
    gone = [lost for lost in before if lost not in resources]
    assert sorted(lost.partition("/")[0] for lost in gone) == ["Organization"] * 3 + ["Practitioner"]
    for lost in gone:
        assert rivers_house.get(f"/fhir/{lost}", partner=None).status_code in {200, 410}
    # whoever names them goes on, and nobody comes back
    changed = {**rivers_house.case, "targeted_group": "brain-injury"}
    saved = rivers_house.put("/api/cases/c1", changed, headers={"If-Match": rivers_house.etag}.items())
    assert saved.status_code == 200, saved.json
    again = a03("MSG-2", person="R-1").replace(b"W^1^1||||", f"W^1^1||||{DOCTOR}".encode())
    again = again.replace(b"urn:example:persons", b"urn:example:clients").replace(b"20260227", b"20260228")
    assert Mercy(rivers_house).hl7v2(again).status_code == 200
    assert rivers_house.get("/api/directory/practitioner?identifier=D-1", partner=None).json["items"] == []


def test_what_a_partner_names_itself_is_not_erased_before_it_says_otherwise(rivers_house):
    for path in ("practitioner/nurse", "organization/northern"):
        uuid = rivers_house.get(f"/api/directory/{path}").headers["Casebridge-Id"]
        kind = path.partition("/")[0]
        assert rivers_house.ask("DELETE", f"/api/directory/{kind}/{uuid}", partner=None).status_code == 409
    # the registrar's team names its region
    region = rivers_house.named["region"]
    assert (
        rivers_house.ask("DELETE", f"/api/directory/organization/{region}", partner=None).status_code == 409
    )
