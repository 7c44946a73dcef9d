"""The doors that hospitals push FHIR through, on the whole application."""

import json

import pytest

from service.wire.fhir.check.validate import validate
from tests.web.sent import (
    PERSON,
    VISIT,
    a03,
    encounter,
    entry,
    message,
    one_case,
    outcomes,
    transaction,
)


def test_a_message_and_the_a03_of_the_same_discharge_are_one_case(mercy):
    answer = mercy.message(message())
    assert answer.status_code == 200, answer.data
    assert answer.json["entry"][0]["resource"]["response"] == {
        "identifier": "m1",
        "code": "ok",
        "details": {"reference": answer.json["entry"][1]["fullUrl"]},
    }
    assert validate(answer.json) == []
    acknowledged = mercy.hl7v2(a03())
    assert acknowledged.status_code == 200
    assert b"MSA|AA|MSG-1" in acknowledged.data
    case = mercy.house.get(f"/api/cases/{one_case(mercy)['uuid']}", partner=None).json
    assert case["status"] == "planned"
    assert mercy.house.one("EpisodeOfCare", partner=None)["status"] == "planned"
    assert mercy.send("/fhir/Encounter", encounter()).status_code == 200


@pytest.mark.parametrize("way", ["message", "hl7v2"])
def test_the_same_message_again_gets_the_same_answer_byte_for_byte(mercy, way):
    send = {"message": lambda: mercy.message(message()), "hl7v2": lambda: mercy.hl7v2(a03())}[way]
    first = send()
    again = send()
    assert (again.status_code, again.data) == (first.status_code, first.data)
    assert len(mercy.cases()) == 1


def test_a_new_bundle_id_does_not_make_a_new_message(mercy):
    first = mercy.message(message())
    again = mercy.message(message(id="other", timestamp="2026-02-27T16:00:00Z"))
    assert again.data == first.data


def test_a_message_within_parameters_is_the_message(mercy):
    answer = mercy.message(
        {"resourceType": "Parameters", "parameter": [{"name": "content", "resource": message()}]}
    )
    assert answer.status_code == 200, answer.data
    again = mercy.message(message(id="another"))
    assert (again.status_code, again.data) == (answer.status_code, answer.data)
    assert len(mercy.cases()) == 1


def test_parameters_are_kept_as_they_came_and_used_once_more(mercy):
    held = message()
    del held["entry"][2]["resource"]["identifier"]
    sent = {"resourceType": "Parameters", "parameter": [{"name": "content", "resource": held}]}
    assert mercy.message(sent).status_code == 202
    (waits,) = mercy.house.get("/api/quarantine", partner=None).json["items"]
    kept = mercy.house.get(f"/api/quarantine/{waits['id']}/body", partner=None).data
    assert json.loads(kept) == sent
    held["entry"][2]["resource"]["identifier"] = [PERSON]
    path = f"/api/quarantine/{waits['id']}"
    mercy.house.ask("PUT", f"{path}/body", partner=None, data=json.dumps(sent).encode())
    assert mercy.house.ask("POST", f"{path}/replay", partner=None).json["state"] == "accepted"
    assert len(mercy.cases()) == 1


def test_a_transaction_tells_of_each_entry(mercy):
    observed = {"resourceType": "Observation", "id": "b1", "status": "final", "code": {"text": "x"}}
    answer = mercy.send(
        "/fhir", transaction("transaction", entry(observed, method="POST", url="Observation"))
    )
    assert answer.status_code == 200, answer.data
    responses = [entry["response"] for entry in answer.json["entry"]]
    assert [response["status"] for response in responses] == ["201 Created", "200 OK", "200 OK", "200 OK"]
    assert "Not retained" in responses[3]["outcome"]["issue"][0]["details"]["text"]
    answer = mercy.house.get(f"/fhir/{responses[0]['location']}", partner=None)
    assert answer.json["identifier"][0]["value"] == VISIT["value"]
    assert validate(answer.json) == []


def test_a_conditional_reference_leads_to_who_was_sent_or_is_taken_at_its_word(mercy):
    asked = "Patient?identifier=urn:example:persons|R-1"
    sent = transaction()
    sent["entry"][0]["resource"]["subject"] = {"reference": asked}
    assert mercy.send("/fhir", sent).status_code == 200
    alone = encounter(subject={"reference": asked}, identifier=[{**VISIT, "value": "V-2"}])
    del alone["contained"]
    assert mercy.send("/fhir/Encounter", alone).status_code == 201
    (client,) = mercy.house.get("/api/clients", partner=None).json["items"]
    assert client["document"]["names"][0]["family"] == "Rider"


@pytest.mark.parametrize(
    ("change", "place", "code"),
    [
        (lambda sent: sent["entry"].append(sent["entry"][0]), "Bundle.entry[3]", "duplicate"),
        (
            lambda sent: sent["entry"].append(
                entry({**sent["entry"][1]["resource"], "id": "a2"}, method="PUT", url="Patient/a2")
            ),
            "Bundle.entry[3]",
            "duplicate",
        ),
        (
            lambda sent: sent["entry"][0]["resource"].update(subject={"reference": "urn:uuid:nobody"}),
            "Bundle.entry[0].resource.subject.reference",
            "not-found",
        ),
        (
            lambda sent: sent["entry"][0].update(request={"method": "DELETE", "url": "Encounter/1"}),
            "Bundle.entry[0].request.method",
            "not-supported",
        ),
        (lambda sent: sent["entry"][0].pop("request"), "Bundle.entry[0].request.method", "required"),
        (
            lambda sent: sent["entry"][0]["resource"].update(period="yesterday"),
            "Bundle.entry[0].resource.period",
            "value",
        ),
    ],
)
def test_a_transaction_that_cannot_be_taken_whole_does_nothing(mercy, change, place, code):
    sent = transaction()
    change(sent)
    answer = mercy.send("/fhir", sent)
    assert answer.status_code == 422, answer.data
    assert ("error", code, place) in [outcome[:3] for outcome in outcomes(answer)]
    assert mercy.cases() == []


def test_a_batch_answers_each_entry_for_itself(mercy):
    other = encounter(id="e2", identifier=[{**VISIT, "value": "V-2"}], period={"start": "soon"})
    sent = transaction(
        "batch",
        entry(other, method="POST", url="Encounter"),
        {"request": {"method": "GET", "url": "Patient/1"}},
    )
    answer = mercy.send("/fhir", sent)
    assert answer.status_code == 200, answer.data
    statuses = [entry["response"]["status"][:3] for entry in answer.json["entry"]]
    assert statuses == ["201", "200", "200", "422", "422"]
    assert len(mercy.cases()) == 1


def test_the_same_stay_again_is_200_and_not_201(mercy):
    first = mercy.send("/fhir/Encounter", encounter())
    assert first.status_code == 201, first.data
    again = mercy.send("/fhir/Encounter", encounter())
    newer = encounter(meta={"lastUpdated": "2026-02-28T15:00:00Z"})
    by_identifier = f"/fhir/Encounter?identifier={VISIT['system']}|{VISIT['value']}"
    updated = mercy.send(by_identifier, newer, method="PUT")
    assert (again.status_code, updated.status_code) == (200, 200)
    path = first.headers["Location"].partition("/fhir/")[2]
    assert mercy.house.get(f"/fhir/{path}", partner=None).json["identifier"][0]["value"] == VISIT["value"]


def test_criteria_that_are_not_those_of_the_stay_are_refused(mercy):
    answer = mercy.send("/fhir/Encounter?identifier=urn:example:visits|V-9", encounter(), method="PUT")
    assert answer.status_code == 422
    ((*_, place, text),) = outcomes(answer)
    assert place == "Encounter.identifier"
    assert "the address" in text
    assert mercy.send("/fhir/Encounter?status=finished", encounter(), method="PUT").status_code == 400


@pytest.mark.parametrize("kind", ["transaction", "batch"])
@pytest.mark.parametrize(
    ("index", "url", "place", "says"),
    [
        (0, "Encounter?identifier=urn:example:visits|V-9", "resource.identifier", "request.url"),
        (1, "Patient?identifier=urn:example:visits|R-1", "resource.identifier", "request.url"),
        (1, "Patient?name=River", "request.url", "system|value"),
    ],
)
def test_an_entry_that_does_not_match_its_own_criteria_is_refused(mercy, kind, index, url, place, says):
    sent = transaction(kind)
    sent["entry"][index]["request"] = {"method": "PUT", "url": url}
    answer = mercy.send("/fhir", sent)
    where = f"Bundle.entry[{index}].{place}"
    (text,) = [text for *about, text in outcomes(answer) if about == ["error", "value", where]]
    assert says in text
    assert answer.status_code == (422 if kind == "transaction" else 200)
    sent["entry"][index]["request"]["url"] = f"Encounter?identifier={VISIT['system']}|{VISIT['value']}"
    if index:
        sent["entry"][index]["request"]["url"] = f"Patient?identifier={PERSON['system']}|{PERSON['value']}"
    assert "error" not in [severity for severity, *_ in outcomes(mercy.send("/fhir", sent))]
    assert len(mercy.cases()) == 1


def test_who_cannot_be_told_waits_in_quarantine_and_the_sender_knows(mercy):
    nobody = encounter(subject={"reference": "Patient/unknown"})
    answer = mercy.send("/fhir/Encounter", nobody)
    assert answer.status_code == 202
    assert "Kept in quarantine as " in outcomes(answer)[0][3]
    assert {outcome[2] for outcome in outcomes(answer)} == {"Encounter.subject"}
    v2 = mercy.hl7v2(a03(person=""))
    assert v2.status_code == 200
    assert b"MSA|AA|MSG-1" in v2.data
    assert b"ERR||PID^1^3|0^Message accepted^HL70357|W||||Kept in quarantine as " in v2.data
    assert b"ERR||PID^1^3|101^Required field missing^HL70357|W|" in v2.data
    assert mercy.cases() == []


def test_a_stay_that_ended_in_the_far_future_waits_and_its_place_is_told(mercy):
    answer = mercy.send("/fhir/Encounter", encounter(period={"start": "2026-02-20", "end": "2099-02-27"}))
    assert answer.status_code == 202
    assert ("warning", "value", "Encounter.period.end") in [outcome[:3] for outcome in outcomes(answer)]
    assert mercy.cases() == []


def test_who_was_sent_without_an_identifier_is_told_there(mercy):
    sent = encounter()
    sent["contained"][0] = {"resourceType": "Patient", "id": "p", "gender": "other"}
    answer = mercy.send("/fhir/Encounter", sent)
    assert [outcome[1:3] for outcome in outcomes(answer)] == [
        ("incomplete", "Patient.identifier"),
        ("required", "Patient.identifier"),
    ]


@pytest.mark.parametrize(
    ("raw", "err"),
    [
        (a03(visit=""), b"ERR||PV1^1^19|101^Required field missing^HL70357|W|"),
        (a03(trigger="A40"), b"ERR||MRG^1^1|101^Required field missing^HL70357|W|"),
        (a03().replace(b"20260227150000", b"20990227150000"), b"ERR||EVN^1^2|102^Data type error^HL70357|W|"),
        (a03(msh11="T"), b"ERR||MSH^1^11|202^Unsupported processing id^HL70357|W|"),
    ],
)
def test_what_is_not_used_has_a_code_that_says_why(mercy, raw, err):
    answered = mercy.hl7v2(raw).data
    assert err in answered, answered
    assert b"|207^" not in answered


def test_a_large_bundle_is_answered_and_a_larger_one_refused(mercy):
    many = [
        entry(
            {"resourceType": "Observation", "id": str(number), "status": "final", "code": {"text": "x"}},
            method="POST",
            url="Observation",
        )
        for number in range(9_000)
    ]
    answer = mercy.send("/fhir", transaction("transaction", *many))
    assert answer.status_code == 200, answer.data[:500]
    assert len(json.loads(answer.data)["entry"]) == 9_003
    over = transaction("transaction", *many, *many)
    assert mercy.send("/fhir", over).status_code == 413


def test_only_hospitals_and_the_operator_may_send(house):
    for partner in ("cms", "northern", "engineer"):
        answer = house.ask("POST", "/fhir/Encounter", partner=partner, json=encounter())
        assert answer.status_code == 403
