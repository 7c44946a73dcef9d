"""What a case system finds and corrects of what a hospital sent."""

import json

import pytest

from service.values.ids import resource_id
from service.wire.fhir.check.validate import validate
from tests.web.sent import (
    PERSON,
    a03,
    encounter,
    entry,
    message,
    one_case,
    outcomes,
    transaction,
)


def test_the_case_system_finds_what_was_opened(mercy):
    assert mercy.message(message()).status_code == 200
    assert PERSON["value"] in json.dumps(mercy.house.get("/api/clients", partner=None).json)


def test_a_wrong_merge_is_undone_by_the_case_system_and_told(mercy):
    house = mercy.house
    old = {**PERSON, "value": "R-old"}
    assert house.put("/api/clients/old", {"identifiers": [old], "names": []}).status_code == 201
    assert house.put("/api/cases/k", {"client": "old", "status": "active"}).status_code == 201
    assert mercy.hl7v2(a03()).status_code == 200
    merge = a03("MSG-2", "A40", more="MRG|R-old^^^&urn:example:persons&URI\r").replace(b"\rPV1", b"\rZV1")
    assert b"MSA|AA" in mercy.hl7v2(merge).data
    client = house.get("/api/clients/old").headers["Casebridge-Id"]
    patient = f"/fhir/Patient/{resource_id(client, 'Patient', '')}"
    assert house.get(patient, partner=None).json["active"] is False
    house.outbox.number()
    position = house.get("/events?count=1000", partner=None).headers["Casebridge-Position"]
    answer = house.ask("POST", "/api/clients/old/unmerge")
    assert (answer.status_code, answer.json["identifiers"]) == (200, [old])
    assert house.ask("POST", "/api/clients/old/unmerge").status_code == 409
    assert house.ask("POST", "/api/clients/nobody/unmerge").status_code == 404
    assert house.ask("POST", "/api/clients/old/unmerge", partner="mercy").status_code == 403
    body = house.get(patient, partner=None).json
    assert (body.get("active", True), body.get("link")) == (True, None)
    (episode,) = house.get("/fhir/EpisodeOfCare?status=active", partner=None).json["entry"]
    assert episode["resource"]["patient"]["reference"] == patient.removeprefix("/fhir/")
    house.outbox.number()
    body = house.get(f"/events?after={position}&count=1000", partner=None).json
    kinds = {event["type"] for event in body}
    assert {"org.casebridge.patient.updated.v1", "org.casebridge.episodeofcare.updated.v1"} <= kinds
    assert patient.removeprefix("/fhir/") in {event["subject"] for event in body}


def test_a_number_that_a_wrong_merge_gave_is_taken_off_by_the_case_system(mercy):
    house = mercy.house
    assert house.put("/api/clients/river", {"identifiers": [PERSON], "names": []}).status_code == 201
    merge = a03("MSG-2", "A40", more="MRG|R-old^^^&urn:example:persons&URI\r").replace(b"\rPV1", b"\rZV1")
    assert b"MSA|AA" in mercy.hl7v2(merge).data
    old = {**PERSON, "value": "R-old"}

    def ask(sent, partner="cms"):
        return house.ask("POST", "/api/clients/river/unmerge", partner=partner, json=sent)

    assert len(house.get("/api/clients?identifier=R-old").json["items"]) == 1
    assert [ask(body).status_code for body in ({}, {"identifier": "R-old"}, [])] == [400, 400, 400]
    assert ask({"identifier": PERSON}).status_code == 409
    assert ask({"identifier": old}, partner="mercy").status_code == 403
    assert ask({"identifier": old}).status_code == 200
    assert house.get("/api/clients?identifier=R-old").json["items"] == []
    assert ask({"identifier": old}).status_code == 409


def test_a_stay_tells_when_it_was_what(mercy):
    before = {"meta": {"lastUpdated": "2026-02-20T15:00:00Z"}, "period": {"start": "2026-02-20"}}
    admitted = mercy.send("/fhir/Encounter", encounter(status="in-progress", **before))
    path = f"/fhir/{admitted.headers['Location'].partition('/fhir/')[2]}"
    assert "statusHistory" not in mercy.house.get(path, partner=None).json
    for at, status in (("26T10:10", "onleave"), ("26T10:20", "onleave"), ("27T15:30", "finished")):
        more = {"meta": {"lastUpdated": f"2026-02-{at}:00Z"}, "status": status}
        assert mercy.send("/fhir/Encounter", encounter(**more)).status_code == 200
    body = mercy.house.get(path, partner=None).json
    assert [period["status"] for period in body["statusHistory"]] == ["in-progress", "onleave"]
    assert [period["period"] for period in body["statusHistory"]] == [
        {"start": "2026-02-20", "end": "2026-02-26T10:10:00Z"},
        {"start": "2026-02-26T10:10:00Z", "end": "2026-02-27T14:00:00+01:00"},
    ]
    assert validate(body) == []


OTHERS = {"resourceType": "Patient", "id": "a2", "identifier": [{**PERSON, "value": "R-2"}]}
SENT = {"reference": entry(OTHERS)["fullUrl"]}


@pytest.mark.parametrize("subject", [SENT, {"identifier": OTHERS["identifier"][0]}])
@pytest.mark.parametrize("way", ["diagnosis", "reasonReference", "encounter"])
def test_a_condition_of_somebody_else_is_not_the_patients_and_its_sender_is_told(mercy, subject, way):
    sent = transaction("transaction", entry(OTHERS, method="POST", url="Patient"))
    stay, _, condition = (entry["resource"] for entry in sent["entry"][:3])
    (named,) = stay.pop("diagnosis")
    if way == "encounter":
        condition["encounter"] = {"reference": sent["entry"][0]["fullUrl"]}
    else:
        stay[way] = [named if way == "diagnosis" else named["condition"]]
    condition["subject"] = subject
    answer = mercy.send("/fhir", sent)
    assert answer.status_code == 200, answer.data
    assert [
        outcome[3] for outcome in outcomes(answer) if outcome[2].endswith("entry[2].resource.subject")
    ] == ["Of another patient than the stay with which it is told; it was left out: correct either."]
    case = mercy.house.get(f"/api/cases/{one_case(mercy)['uuid']}", partner=None).json["received"]
    assert "conditions" not in case
    assert "reasons" not in case["stays"][0]
