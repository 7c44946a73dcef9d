"""Two partners in two views: each sees its own bytes, totals, versions and messages, and no others."""

import json
import shutil
from pathlib import Path

import pytest

from service.settings import Settings
from service.wiring import compiled, operator, rooms, serving
from tests.flows import river
from tests.web.conftest import House

MAPPINGS = Path(__file__).parents[3] / "mappings"
REGISTRY = """
views:
  lean: [no-contact, short, words]
  american: [us-core]
  idle: [no-contact]
partners:
  - {name: cms, kind: case-system}
  - {name: northern, kind: insurer, identifiers: [{system: "urn:example:payers", value: northern}]}
  - {name: auditor, kind: insurer, view: lean, identifiers: [{system: "urn:example:payers", value: northern}]}
  - {name: us, kind: insurer, view: american, identifiers: [{system: "urn:example:payers", value: northern}]}
  - {name: engineer, kind: engineer}
  - {name: lean-engineer, kind: engineer, view: lean}
  - {name: archive, kind: operator, view: lean}
"""
NO_CONTACT = "extends: Patient\nmake: {telecom: null, identifier: null, birthDate: null}\n"
SHORT = "extends: CarePlan\nmake: {title: Care plan, text: null}\n"
MODEL = "https://casebridge.org/fhir/CodeSystem/care-model"
WORDS = """
resourceType: CodeSystem
concept: [{code: clinical, designation: [{language: da, value: behandlende}]}]
"""
MAP = f"""
resourceType: ConceptMap
url: https://example.org/ConceptMap/care-model
group:
  - source: {MODEL}
    target: urn:example:models
    element: [{{code: clinical, target: [{{code: C, display: Clinical, equivalence: equal}}]}}]
"""
OVERLAYS = {
    "no-contact/outbound/Patient": NO_CONTACT,
    "short/outbound/CarePlan": SHORT,
    "words/codesystems/care-model": WORDS,
    "words/concepts/care-model": MAP,
}
NEVER = (b"555-0100", b"R-1", b"1990-02", b"Back on the bicycle")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("views") / "mappings"
    shutil.copytree(MAPPINGS, folder)
    for name, text in OVERLAYS.items():
        path = folder / "overlays" / f"{name}.yaml"
        path.parent.mkdir(parents=True)
        path.write_text(text)
    return folder


@pytest.fixture(scope="module")
def environment(folder):
    registry = folder.parent / "partners.yaml"
    registry.write_text(REGISTRY, encoding="utf-8")
    return {
        "CASEBRIDGE_AUTH": "off",
        "CASEBRIDGE_PARTNERS": str(registry),
        "CASEBRIDGE_MAPPINGS": str(folder),
    }


@pytest.fixture
def settings(environment, database_url):
    return Settings.from_env(environment | {"CASEBRIDGE_DATABASE_URL": database_url})


@pytest.fixture(scope="module")
def mappings(environment):
    return compiled.catalogues(Settings.from_env(environment))


def id_of(rivers_house, type_, partner="northern"):
    return rivers_house.one(type_, partner)["id"]


def test_each_partner_reads_the_bytes_of_its_view(rivers_house):
    plain, lean = (rivers_house.one("Patient", partner) for partner in ("northern", "auditor"))
    assert plain["id"] == lean["id"]
    assert plain["telecom"][0]["value"] == "555-0100"
    assert {"telecom", "identifier", "birthDate"} & lean.keys() == set()
    assert [rivers_house.one("CarePlan", partner)["title"] for partner in ("northern", "auditor")] == [
        "Back on the bicycle",
        "Care plan",
    ]


def test_nothing_of_another_view_is_in_any_answer(rivers_house):
    patient, plan = id_of(rivers_house, "Patient"), id_of(rivers_house, "CarePlan")
    paths = [
        "/fhir/Patient",
        "/fhir/CarePlan",
        f"/fhir/Patient/{patient}",
        f"/fhir/Patient/{patient}/_history/1",
        f"/fhir/Patient/{patient}/_history",
        f"/fhir/CarePlan/{plan}",
        f"/fhir/CarePlan/{plan}/_history",
    ]
    for path in paths:
        for language in ("en", "da"):
            answer = rivers_house.get(path, partner="auditor", headers={"Accept-Language": language})
            assert answer.status_code == 200, path
            assert not [word for word in NEVER if word in answer.data], path


def test_each_view_has_words_and_public_codes_of_its_own(rivers_house):
    def asked(partner):
        headers = {"Accept-Language": "da"}
        plan = rivers_house.get(
            f"/fhir/CarePlan/{id_of(rivers_house, 'CarePlan')}", partner=partner, headers=headers
        ).json
        display = rivers_house.get(
            f"/fhir/CodeSystem/$lookup?system={MODEL}&code=clinical&property=lang.da", partner=partner
        ).json["parameter"][-1]["part"][1]["valueString"]
        told_of = rivers_house.get(
            f"/fhir/ConceptMap/$translate?system={MODEL}&code=clinical", partner=partner
        ).json
        codes = [coding["code"] for coding in plan["category"][0]["coding"]]
        words = plan["category"][0]["coding"][0]["display"]
        return words, display, codes, told_of["parameter"][0]["valueBoolean"]

    assert asked("northern") == ("klinisk", "klinisk", ["clinical"], False)
    assert asked("auditor") == ("behandlende", "behandlende", ["clinical", "C"], True)


def test_totals_and_matches_are_those_of_the_view(rivers_house):
    def total(query, partner):
        return rivers_house.get(f"/fhir/{query}", partner=partner).json["total"]

    for query in ("Patient?identifier=R-1", "Patient?birthdate=1990-02"):
        assert [total(query, partner) for partner in ("northern", "auditor")] == [1, 0]
    for query in ("Patient?family=Rider", "CarePlan?status=active", "Patient", "CarePlan", "CareTeam"):
        assert total(query, "northern") == total(query, "auditor")


def test_a_change_that_a_view_does_not_tell_is_no_version_in_it(rivers_house):
    patient = id_of(rivers_house, "Patient")
    changed = river.CLIENT | {"telecom": [{"system": "phone", "value": "555-0199"}]}
    assert rivers_house.put("/api/clients/river", changed, headers={"If-Match": 'W/"1"'}).status_code == 200
    versions = {
        partner: rivers_house.get(f"/fhir/Patient/{patient}/_history", partner=partner).json["total"]
        for partner in ("northern", "auditor")
    }
    assert versions == {"northern": 2, "auditor": 1}
    assert rivers_house.get(f"/fhir/Patient/{patient}/_history/2", partner="auditor").status_code == 404


def test_messages_come_in_their_view_with_a_sequence_of_their_own(rivers_house):
    changed = river.CLIENT | {"telecom": [{"system": "phone", "value": "555-0199"}]}
    rivers_house.put("/api/clients/river", changed, headers={"If-Match": 'W/"1"'})
    rivers_house.outbox.number()
    patient = id_of(rivers_house, "Patient")
    seen = {
        partner: [
            (event["type"], event["sequence"].lstrip("0"))
            for event in rivers_house.get("/events?count=1000", partner=partner).json
            if event["subject"] == f"Patient/{patient}"
        ]
        for partner in ("engineer", "lean-engineer")
    }
    created, updated = (f"org.casebridge.patient.{what}.v1" for what in ("created", "updated"))
    assert [type_ for type_, _ in seen["engineer"]] == [created, updated]
    assert [type_ for type_, _ in seen["lean-engineer"]] == [created]
    for partner in seen:
        everything = rivers_house.get("/events?count=1000", partner=partner).json
        owners = {event["partitionkey"] for event in everything}
        for owner in owners:
            numbers = [int(event["sequence"]) for event in everything if event["partitionkey"] == owner]
            assert numbers == list(range(1, len(numbers) + 1))


def test_erasure_reaches_every_view(rivers_house):
    plan = id_of(rivers_house, "CarePlan")
    case = rivers_house.get("/api/cases/c1").headers["Casebridge-Id"]
    assert rivers_house.ask("DELETE", f"/api/cases/{case}", partner=None).status_code == 204
    rivers_house.outbox.number()
    for reader, engineer in ((None, "engineer"), ("archive", "lean-engineer")):
        assert rivers_house.get(f"/fhir/CarePlan/{plan}", partner=reader).status_code == 410
        assert rivers_house.get("/fhir/CarePlan", partner=reader).json["total"] == 0
        last = rivers_house.get("/events?count=1000", partner=engineer).json[-1]
        assert last["type"].endswith(".deleted.v1")
    with rivers_house.outbox._engine.connect() as connection:
        for table in ("resource", "resource_history"):
            left = connection.exec_driver_sql(f"SELECT count(*) FROM {table} WHERE owner = '{case}'").scalar()
            assert left == 0


def test_a_view_that_no_partner_has_is_made_for_one_may_be_registered_while_we_run(mappings):
    assert set(mappings) == {"default", "lean", "american", "idle"}


def test_profiles_are_claimed_in_the_view_whose_overlay_claims_them(rivers_house):
    def claimed(type_, partner):
        return [url.rpartition("-")[2] for url in rivers_house.one(type_, partner)["meta"].get("profile", [])]

    assert claimed("CarePlan", "northern") == []
    assert claimed("CarePlan", "us") == ["careplan"]
    assert claimed("Patient", "us") == ["patient"]


def test_a_claim_that_comes_or_goes_is_a_version_and_a_message_of_its_own(rivers_house):
    patient = id_of(rivers_house, "Patient")
    nameless = river.CLIENT | {"names": [{"use": "usual", "text": "River"}], "identifiers": []}
    assert rivers_house.put("/api/clients/river", nameless, headers={"If-Match": 'W/"1"'}).status_code == 200
    versions = rivers_house.get(f"/fhir/Patient/{patient}/_history", partner="us").json["entry"]
    assert [version["resource"]["meta"].get("profile") is not None for version in versions] == [False, True]
    with rivers_house.outbox._engine.connect() as connection:
        written = "SELECT body FROM outbox WHERE view = 'american' AND routing_key = 'patient.updated'"
        (body,) = [bytes(raw) for (raw,) in connection.exec_driver_sql(written)]
    assert "meta" in json.loads(body)["data"]["changed"]


def test_a_view_that_is_new_to_a_database_holds_nothing_until_it_is_applied(
    environment, database_url, tmp_path
):
    nobody = tmp_path / "partners.yaml"
    nobody.write_text("partners: [{name: cms, kind: case-system}]")
    here = environment | {"CASEBRIDGE_DATABASE_URL": database_url}
    before, after = (Settings.from_env(here | more) for more in ({"CASEBRIDGE_PARTNERS": str(nobody)}, {}))
    engine = rooms.database(before)
    house = House(serving.application(before, engine, compiled.catalogues(before)), engine)
    for path, document in river.STORY:
        assert house.put(path, document).status_code == 201

    house = House(serving.application(after, engine, compiled.catalogues(after)), engine)
    assert house.get("/fhir/CarePlan", partner="auditor").json["total"] == 0
    with operator.remapping(after) as work:
        assert [result.failed for result in work.apply()] == [""] * len(river.STORY)
    assert house.one("CarePlan", "auditor")["title"] == "Care plan"
    house.outbox.number()
    body = house.get("/events?count=1000", partner="lean-engineer").json
    assert "org.casebridge.careplan.created.v1" in {event["type"] for event in body}
    engine.dispose()
