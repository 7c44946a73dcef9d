"""The door for those who pull, and the feed."""

import json
from pathlib import Path

import pytest
from sqlalchemy import select
from werkzeug.datastructures import MultiDict

from service.cli.demo import story
from service.store import tables
from service.wire.fhir.check.validate import validate
from tests.flows import river

BASE = "http://127.0.0.1:8080"
FHIR = "application/fhir+json"
CONTRACTS = Path(__file__).parents[3] / "contracts"


def test_a_read_answers_the_stored_version(rivers_house):
    plan = rivers_house.one("CarePlan")
    answer = rivers_house.get(f"/fhir/CarePlan/{plan['id']}")
    assert answer.json == plan
    assert (answer.content_type, answer.headers["ETag"]) == (FHIR, 'W/"1"')
    same = rivers_house.get(f"/fhir/CarePlan/{plan['id']}", headers={"If-None-Match": 'W/"1"'})
    assert (same.status_code, same.data) == (304, b"")


def test_versions_and_history_are_kept(rivers_house):
    rivers_house.put(
        "/api/cases/c1", {**river.CASE, "care_model": "brokerage"}, headers={"If-Match": 'W/"1"'}
    )
    id_ = rivers_house.one("CarePlan")["id"]
    history = rivers_house.get(f"/fhir/CarePlan/{id_}/_history").json
    assert [entry["resource"]["meta"]["versionId"] for entry in history["entry"]] == ["2", "1"]
    assert (
        rivers_house.get(f"/fhir/CarePlan/{id_}/_history/1").json["category"]
        != rivers_house.one("CarePlan")["category"]
    )
    assert rivers_house.get(f"/fhir/CarePlan/{id_}/_history/3").status_code == 404


def test_a_history_comes_in_pages_that_name_themselves(rivers_house):
    for number, model in enumerate(("brokerage", "intensive", "clinical"), 1):
        headers = {"If-Match": f'W/"{number}"'}
        rivers_house.put("/api/cases/c1", {**river.CASE, "care_model": model}, headers=headers)
    path = f"/fhir/CarePlan/{rivers_house.one('CarePlan')['id']}/_history"
    seen, url, totals = [], f"{path}?_count=3", set()
    while url:
        page = rivers_house.get(url).json
        links = {link["relation"]: link["url"].removeprefix(BASE) for link in page["link"]}
        assert links["self"] == f"{path}?_count=3"
        seen += [entry["resource"]["meta"]["versionId"] for entry in page["entry"]]
        totals.add(page["total"])
        url = links.get("next")
    assert (seen, totals) == (["4", "3", "2", "1"], {4})


@pytest.mark.parametrize(
    ("query", "status", "total"),
    [
        ("_since=2020-01-01T00:00:00Z", 200, 1),
        ("_since=2999-01-01T00:00:00%2B02:00", 200, 0),
        ("_since=2020-01-01", 400, None),
        ("_since=2020-13-01T00:00:00Z", 400, None),
        ("_count=0", 200, 1),
        ("_count=many", 400, None),
        ("_at=2020", 200, 0),
        ("_at=2999-01", 200, 1),
        ("_at=2999-13", 400, None),
        ("_at=ge2999", 400, None),
        ("_at=2999&_at=2998", 400, None),
        ("_sort=_lastUpdated", 400, None),
    ],
)
def test_a_history_since_an_instant_holds_what_was_stored_then(rivers_house, query, status, total):
    answer = rivers_house.get(f"/fhir/CarePlan/{rivers_house.one('CarePlan')['id']}/_history?{query}")
    assert (answer.status_code, answer.json.get("total")) == (status, total)


@pytest.mark.parametrize("expected", [("Fjörd", 1), ("fjord", 0), ("Fjord", 0)])
def test_an_exact_search_goes_by_the_letter(house, expected):
    named = {**river.CLIENT, "names": [{"family": "Fjörd", "given": ["River"]}], "coverages": []}
    assert house.put("/api/clients/fjord", named).status_code == 201
    text, total = expected
    assert house.get(f"/fhir/Patient?family:exact={text}").json["total"] == total
    assert house.get(f"/fhir/Patient?family={text}").json["total"] == 1


@pytest.mark.parametrize(
    ("search", "total"),
    [
        ("CarePlan?status=active", 1),
        ("CarePlan?status=completed", 0),
        ("CarePlan?identifier=urn:example:cases|C-1", 1),
        ("CarePlan?category=clinical", 1),
        ("CarePlan?category=https://casebridge.org/fhir/CodeSystem/care-model|clinical", 1),
        ("CarePlan?category=brokerage", 0),
        ("CareTeam?status=active", 1),
        ("EpisodeOfCare?status=active,finished", 1),
        ("EpisodeOfCare?status=finished", 0),
        ("Patient?identifier=R-1", 1),
        ("Patient?birthdate=1990", 1),
        ("Patient?birthdate=ge1991", 0),
        ("Patient?family=nobody", 0),
        ("Patient?_lastUpdated=gt2020-01-01", 1),
        ("Patient?_lastUpdated=lt2020-01-01", 0),
        ("Patient?_id=nobody", 0),
    ],
)
def test_search_finds_what_matches(rivers_house, search, total):
    answer = rivers_house.get(f"/fhir/{search}")
    assert (answer.status_code, answer.content_type) == (200, FHIR)
    assert answer.json["total"] == total


def test_search_goes_by_the_patient_either_way(rivers_house):
    patient = rivers_house.one("Patient")["id"]
    for text in (patient, f"Patient/{patient}", f"http://127.0.0.1:8080/fhir/Patient/{patient}"):
        for name in ("patient", "subject"):
            assert rivers_house.get(f"/fhir/CarePlan?{name}={text}").json["total"] == 1, (name, text)


def test_a_posted_search_is_the_same_search(rivers_house):
    answer = rivers_house.ask("POST", "/fhir/CarePlan/_search", data={"status": "active"})
    assert answer.json["total"] == 1


def test_a_posted_search_heeds_its_address_too(rivers_house):
    assert rivers_house.ask("POST", "/fhir/CarePlan/_search?status=completed").json["total"] == 0
    both = rivers_house.ask("POST", "/fhir/CarePlan/_search?status=active", data={"identifier": "nobody"})
    assert both.json["total"] == 0


@pytest.mark.parametrize("type_", ["CarePlan", "CodeSystem"])
def test_a_search_is_not_posted_in_another_form(rivers_house, type_):
    answer = rivers_house.ask("POST", f"/fhir/{type_}/_search", json={"status": "completed"})
    assert (answer.status_code, answer.content_type) == (415, FHIR)


def test_a_search_has_no_more_values_than_a_database_compares(rivers_house):
    def status(type_, *criteria):
        return rivers_house.ask("POST", f"/fhir/{type_}/_search", data=MultiDict(criteria)).status_code

    many = ",".join(["x|a"] * 200)
    for criteria in (
        [("status", "x|a")] * 20,
        [("_lastUpdated", "ne2026")] * 20,
        [("status", many)],
        [("_id", many.replace("|", "-"))],
    ):
        assert status("CarePlan", *criteria) == 200, criteria[0][0]
    assert status("Patient", ("family", "%" * 1000)) == 200
    for criteria in (
        [("status", "x|a")] * 21,
        [("status", f"{many},b")],
        [("_id", f"{many},b")],
        [("_id", "a")] * 2,
    ):
        assert status("CarePlan", *criteria) == 400, criteria[0][0]
    assert status("Patient", ("family", "a" * 1001)) == 400


def test_a_resource_was_last_updated_when_it_says(rivers_house):
    plan = rivers_house.one("CarePlan")
    at = plan["meta"]["lastUpdated"]
    minute = f"{at[:16]}Z"
    for prefix, total in {"": 1, "ge": 1, "le": 1, "gt": 0, "lt": 0, "sa": 0, "eb": 0, "ne": 0}.items():
        for value in (at, minute, at[:10], at[:4]):
            answer = rivers_house.get(f"/fhir/CarePlan?_id={plan['id']}&_lastUpdated={prefix}{value}")
            assert answer.json["total"] == total, (prefix, value)


def test_nul_in_a_posted_search_is_the_callers_mistake(rivers_house):
    assert rivers_house.ask("POST", "/fhir/Patient/_search", data={"family": "\0"}).status_code == 400


@pytest.mark.parametrize("accept", ["*/*", "application/json", "application/fhir+json; fhirVersion=4.0"])
def test_json_by_any_of_its_names_is_answered(rivers_house, accept):
    assert rivers_house.get("/fhir/Patient", headers={"Accept": accept}).status_code == 200
    assert rivers_house.get("/fhir/Patient?_format=json", headers={"Accept": "text/html"}).status_code == 200


def test_next_links_lead_through_all_and_carry_no_search_value(rivers_house):
    rivers_house.put(
        "/api/cases/c2", {**river.CASE, "identifiers": [{"system": "urn:example:cases", "value": "C-2"}]}
    )
    patient = rivers_house.one("Patient")["id"]
    seen, url = [], f"/fhir/CarePlan?patient={patient}&_count=1"
    while url:
        page = rivers_house.get(url).json
        seen += [entry["resource"]["id"] for entry in page["entry"]]
        url = next((link["url"] for link in page["link"] if link["relation"] == "next"), None)
        assert url is None or patient not in url
    assert len(seen) == len(set(seen)) == 2


def test_each_insurer_sees_its_own_clients_alone(rivers_house):
    plan = rivers_house.one("CarePlan", "northern")
    assert rivers_house.get("/fhir/CarePlan", partner="southern").json["total"] == 0
    for path in ("", "/_history", "/_history/1"):
        assert rivers_house.get(f"/fhir/CarePlan/{plan['id']}{path}", partner="southern").status_code == 404
        assert rivers_house.get(f"/fhir/CarePlan/{plan['id']}{path}", partner="mercy").status_code == 404


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("Patient?shoe=44", 400),
        ("Patient?family:missing=yes", 400),
        ("Patient?family:above=x", 400),
        ("Patient?birthdate=yesterday", 400),
        ("Patient?identifier=%7C", 400),
        ("Patient?identifier=", 400),
        ("Patient?family=", 400),
        ("Patient?identifier=urn:example:persons%7CR-1,", 400),
        ("Patient?birthdate=2026-02-30", 400),
        ("Patient?birthdate=0001-01-01T00:00:00%2B14:00", 400),
        ("Patient?birthdate=9999-12-31T23:59:59-14:00", 400),
        ("Patient?_count=many", 400),
        ("Patient?_cursor=made-up", 400),
        ("Patient?family=%00", 400),
        ("Patient?_id=%00", 400),
        ("CarePlan?patient=Patient/", 400),
        ("Patient/%00", 400),
        ("Patient/none/_history/99999999999999999999", 404),
        ("Patient/none", 404),
        ("Patient/none/_history", 404),
        ("Nonsense", 404),
        ("Nonsense/1", 404),
    ],
)
def test_what_cannot_be_answered_is_an_operation_outcome(rivers_house, path, status):
    answer = rivers_house.get(f"/fhir/{path}")
    assert (answer.status_code, answer.content_type) == (status, FHIR)
    assert answer.json["resourceType"] == "OperationOutcome"
    assert b"44" not in answer.data


@pytest.mark.parametrize(
    ("query", "accept"), [("", "application/fhir+xml"), ("", "application/json;q=0"), ("?_format=xml", "*/*")]
)
def test_who_takes_no_json_is_told_406(rivers_house, query, accept):
    for path in ("Patient", "metadata"):
        answer = rivers_house.get(f"/fhir/{path}{query}", headers={"Accept": accept})
        assert (answer.status_code, answer.json["resourceType"]) == (406, "OperationOutcome")
        (issue,) = answer.json["issue"]
        assert (issue["code"], "application/fhir+json" in issue["details"]["text"]) == ("not-supported", True)


def test_the_statement_names_what_is_searched(house):
    body = house.get("/fhir/metadata", partner=None).json
    patient = next(resource for resource in body["rest"][0]["resource"] if resource["type"] == "Patient")
    names = {parameter["name"] for parameter in patient["searchParam"]}
    assert {"identifier", "family", "birthdate", "_id", "_lastUpdated"} <= names


def test_the_published_statement_is_valid_and_what_a_running_service_says(house):
    published = json.loads((CONTRACTS / "capability.json").read_text(encoding="utf-8"))
    assert validate(published) == []
    running = house.get("/fhir/metadata", partner=None).json
    assert published["rest"] == running["rest"]
    assert {
        resource["conditionalRead"]
        for resource in running["rest"][0]["resource"]
        if "conditionalRead" in resource
    } == {"full-support"}


def test_the_feed_tells_engineers_what_happened_in_order(rivers_house):
    rivers_house.outbox.number()
    answer = rivers_house.get("/events", partner="engineer")
    assert answer.content_type == "application/cloudevents-batch+json"
    kinds = [event["type"] for event in answer.json]
    assert "org.casebridge.careplan.created.v1" in kinds
    assert b"River" not in answer.data
    last = int(answer.headers["Casebridge-Position"])
    assert last == len(kinds)
    assert rivers_house.get(f"/events?after={last}", partner="engineer").json == []
    assert rivers_house.get(f"/events?after={last - 1}", partner="engineer").json == answer.json[-1:]


def test_every_type_that_is_made_is_told_and_can_be_read(house, engine, mappings):
    for path, name in story.DOCUMENTS:
        assert house.put(path, story.document(name)).status_code == 201
    with engine.connect() as connection:
        made = connection.execute(select(tables.resource.c.type, tables.resource.c.id)).all()
    targets = sorted({mapping.target for mapping in mappings["default"].mappings})
    assert {type_ for type_, _ in made} <= set(targets)
    assert {house.get(f"/fhir/{type_}/{id_}").status_code for type_, id_ in made} == {200}

    resources = house.get("/fhir/metadata").json["rest"][0]["resource"]
    words = {"CodeSystem", "ConceptMap", "OperationDefinition", "SearchParameter", "ValueSet"}
    words |= {"Group", "StructureDefinition", "Subscription"}
    assert [resource["type"] for resource in resources if resource["type"] not in words] == targets
    nobody = {house.get(f"/fhir/{type_}/nobody").text for type_ in targets}
    assert len(nobody) == 1
    assert "There is no such resource." in nobody.pop()
