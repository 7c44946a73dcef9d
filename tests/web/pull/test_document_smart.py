"""What a token was not granted stands in no document."""

import json

import pytest

from service.wire.fhir.check.validate import validate
from tests.flows import river
from tests.web import smart


@pytest.fixture
def database_url(sqlite_url):
    """Rights are the same on both."""
    return sqlite_url


@pytest.fixture
def settings(tmp_path, database_url):
    return smart.settings(database_url, smart.registry(tmp_path))


@pytest.fixture
def house(settings, engine, mappings):
    house = smart.House(settings, engine, mappings)
    for path, document in river.STORY:
        assert house.ask("PUT", path, partner="cms", json=document).status_code == 201
    return house


def test_only_types_that_were_granted_are_told_of(house):
    episode = house.get("/fhir/EpisodeOfCare", partner="northern").json["entry"][0]["resource"]["id"]
    url = f"/fhir/EpisodeOfCare/{episode}/$document"

    def asked(scope):
        return house.get(url, token=house.token("northern", scope))

    some = asked("system/EpisodeOfCare.r system/Patient.r system/Goal.r")
    types = {entry["resource"]["resourceType"] for entry in some.json["entry"]}
    assert types == {"Composition", "EpisodeOfCare", "Patient", "Goal"}
    composition = some.json["entry"][0]["resource"]
    assert [section["title"] for section in composition["section"]] == ["Goals"]
    assert composition["author"] == [{"type": "Device", "display": "Casebridge"}]
    assert "Nurse" not in some.get_data(as_text=True)
    assert validate(json.loads(some.data)) == []
    for scope in (
        "system/EpisodeOfCare.r",
        "system/Patient.r",
        "system/EpisodeOfCare.s system/Patient.r",
    ):
        assert asked(scope).status_code == 403


def test_whose_patient_is_not_there_for_a_token_has_no_document_that_tells_of_nobody(house):
    episode = house.get("/fhir/EpisodeOfCare", partner="northern").json["entry"][0]["resource"]["id"]
    url = f"/fhir/EpisodeOfCare/{episode}/$document"
    for gender, status in (("other", 200), ("male", 404)):
        scope = f"system/EpisodeOfCare.r system/CarePlan.r system/Patient.r?gender={gender}"
        assert house.get(url, token=house.token("northern", scope)).status_code == status
