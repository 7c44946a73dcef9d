"""The audit is read: as AuditEvents by who may, and by the owner of a client as who was told of them."""

from base64 import b64decode
from urllib.parse import quote

import pytest

from service.flows.audit.events import BATCH
from service.values.ids import resource_id
from service.wire.fhir.check.model import structure
from tests.flows import river

ROBIN = {**river.CLIENT, "identifiers": [{"system": "urn:example:clients", "value": "R-2"}]}
ROBINS = {**river.CASE, "client": "robin", "identifiers": [{"system": "urn:example:cases", "value": "C-2"}]}
PATIENT, QUERY, DATA = ("1", "1"), ("2", "24"), ("2", "4")


@pytest.fixture
def two(rivers_house):
    """Two clients, each with a case; and the plan of the first."""
    assert rivers_house.put("/api/clients/robin", ROBIN).status_code == 201
    assert rivers_house.put("/api/cases/c2", ROBINS).status_code == 201
    plans = rivers_house.get("/fhir/CarePlan").json["entry"]
    return rivers_house, [entry["resource"] for entry in plans]


def events(house, query=""):
    bundle = house.get(f"/fhir/AuditEvent?{query}", partner=None)
    assert bundle.status_code == 200, bundle.data
    resources = [entry["resource"] for entry in bundle.json.get("entry", [])]
    for event in resources:
        assert list(structure(event)) == [], event
    return resources


def entities(event, kind):
    """The entities of a type and role."""
    for entity in event["entity"]:
        if (entity["type"]["code"], entity.get("role", {}).get("code")) == kind:
            yield entity


def patient_of(event):
    return [entity["what"]["reference"] for entity in entities(event, PATIENT)]


def test_there_is_an_event_for_each_pull_and_patient(two):
    house, plans = two
    for _ in range(3):
        assert house.get("/fhir/CarePlan?status=active", partner="northern").json["total"] == 2
    recorded = events(house, "agent=northern")
    patients = {plan["subject"]["reference"] for plan in plans}
    assert len(recorded) == 3 * 2
    assert {tuple(patient_of(event)) for event in recorded} == {(patient,) for patient in patients}
    assert len({event["id"] for event in recorded}) == 6


def test_an_event_says_who_asked_what_of_whom_from_where_and_what_they_got(two):
    house, plans = two
    plan, patient = plans[0], plans[0]["subject"]["reference"]
    headers = {"X-Correlation-Id": "abc-1"}
    house.get(f"/fhir/CarePlan?patient={patient}", partner="northern", headers=headers)
    (search,) = events(house, "agent=northern")
    assert search["meta"]["profile"] == [
        "https://profiles.ihe.net/ITI/BALP/StructureDefinition/IHE.BasicAudit.PatientQuery"
    ]
    (query,) = entities(search, QUERY)
    assert b64decode(query["query"]).decode() == f"CarePlan?patient={quote(patient, safe='')}"
    assert (search["action"], search["outcome"]) == ("E", "0")
    client, server = search["agent"]
    assert (client["who"]["identifier"]["value"], client["requestor"]) == ("northern", True)
    assert client["network"] == {"address": "127.0.0.1", "type": "2"}
    assert search["entity"][-1]["what"]["identifier"]["value"] == "abc-1"
    assert [event["type"]["coding"][0]["code"] for event in (client, server)] == ["110153", "110152"]
    house.get(f"/fhir/CarePlan/{plan['id']}", partner="northern")
    read = events(house, "agent=northern")[0]
    (data,) = entities(read, DATA)
    assert data["what"]["reference"] == f"CarePlan/{plan['id']}/_history/1"
    assert [agent["type"]["coding"][0]["code"] for agent in read["agent"]] == ["110152", "110153"]
    assert house.get(f"/fhir/AuditEvent/{read['id']}", partner=None).json == read


def test_what_was_denied_is_an_event_with_its_outcome(two):
    house, plans = two
    house.get(f"/fhir/CarePlan/{plans[0]['id']}", partner="southern")
    house.get("/api/clients", partner="southern")
    denied, missing = events(house, "agent=southern")
    assert [(event["outcome"], event["outcomeDesc"]) for event in (denied, missing)] == [
        ("8", "not permitted"),
        ("4", "not found"),
    ]
    assert [b64decode(next(entities(event, QUERY))["query"]) for event in (denied, missing)] == [
        b"/api/clients",
        f"/fhir/CarePlan/{plans[0]['id']}".encode(),
    ]


def test_events_are_found_by_patient_entity_agent_and_date(two):
    house, plans = two
    plan, patient = plans[0], plans[0]["subject"]["reference"]
    house.get(f"/fhir/CarePlan/{plan['id']}", partner="northern")
    house.get(f"/fhir/CarePlan/{plans[1]['id']}", partner="northern")
    at = quote(events(house, "agent=northern")[0]["recorded"])
    for query, count in {
        f"agent=northern&patient={patient}": 1,
        f"agent=northern&patient={patient.partition('/')[2]}": 1,
        f"agent=northern&entity=CarePlan/{plan['id']}": 1,
        f"agent=northern&date={at[:10]}": 2,
        f"agent=northern&date=ge{at[:10]}&date=le{at[:10]}": 2,
        f"agent=northern&date=gt{at[:10]}": 0,
        f"agent=northern&date=lt{at[:10]}": 0,
        "patient=Patient/unknown": 0,
        "agent=nobody": 0,
        f"entity=CarePlan/{plan['id'][:8]}": 0,
    }.items():
        assert len(events(house, query)) == count, query
    for query in ("entity=1", "date=ne2026", "patient=a,b", "_id=1-0", "bogus=1", "_cursor=x", "_cursor=9"):
        assert house.get(f"/fhir/AuditEvent?{query}", partner=None).status_code == 400, query
    for id_ in ("x", "1-", "9" * 19 + "-0", "1-" + "9" * 19):
        assert house.get(f"/fhir/AuditEvent/{id_}", partner=None).status_code == 404, id_


def test_pages_of_events_are_whole(two):
    house, _ = two
    for _ in range(5):
        house.get("/fhir/Patient?family=nobody", partner="southern")
    path, seen = "/fhir/AuditEvent?agent=southern&_count=2", []
    while path:
        page = house.get(path, partner=None).json
        seen += [entry["resource"]["id"] for entry in page["entry"]]
        path = {link["relation"]: link["url"] for link in page["link"]}.get("next")
    assert len(seen) == len(set(seen)) == 5
    for _ in range(BATCH):
        house.get("/fhir/Patient?family=nobody", partner="southern")
    assert len({event["id"] for event in events(house, "agent=southern&_count=100")}) == 5 + BATCH


def test_a_page_has_no_more_events_than_asked_for_though_one_answer_told_of_more_clients(two):
    house, plans = two
    for _ in range(3):
        house.get("/fhir/CarePlan", partner="northern")
    whole = [event["id"] for event in events(house, "agent=northern")]
    path, seen = "/fhir/AuditEvent?agent=northern&_count=1", []
    while path:
        page = house.get(path, partner=None).json
        assert len(page["entry"]) == 1
        seen += [entry["resource"]["id"] for entry in page["entry"]]
        path = {link["relation"]: link["url"] for link in page["link"]}.get("next")
    assert (seen, len(seen)) == (whole, 3 * 2)
    patient = plans[1]["subject"]["reference"]
    assert len(events(house, f"agent=northern&patient={patient}")) == 3


def test_who_was_told_of_a_resource_is_told_without_what_stood_beside_it(two):
    house, plans = two
    house.get("/fhir/CarePlan", partner="northern")
    (event,) = events(house, f"agent=northern&entity=CarePlan/{plans[1]['id']}")
    assert patient_of(event) == [plans[1]["subject"]["reference"]]


@pytest.mark.parametrize("partner", ["cms", "northern", "mercy", "engineer"])
def test_who_has_no_right_to_the_audit_reads_none(rivers_house, partner):
    for path in ("/fhir/AuditEvent", "/fhir/AuditEvent/1-0"):
        assert rivers_house.get(path, partner=partner).status_code == 403


def test_who_owns_a_client_lists_who_was_told_of_them(two):
    house, plans = two
    house.get("/fhir/CarePlan?status=active", partner="northern")
    path = "/api/clients/river/disclosures"
    items = house.get(path).json["items"]
    uuid = house.get("/api/clients/river").headers["Casebridge-Id"]
    patient = f"Patient/{resource_id(uuid, 'Patient', '')}"
    mine = next(plan for plan in plans if plan["subject"]["reference"] == patient)
    assert (items[0]["partner"], items[0]["interaction"]) == ("northern", "search-type")
    assert items[0]["told"] == [f"CarePlan/{mine['id']}/_history/1"]
    first = house.get(f"{path}?_count=1").json
    later = house.get(f"{path}?_count=500&below={first['below']}").json
    assert [*first["items"], *later["items"]][-len(items) :] == items
    assert house.get(path, partner="other").status_code == 404
    assert house.get(path, partner="northern").status_code == 403
