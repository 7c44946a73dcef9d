"""Bundles that go wrong in the ways that Bundles do: each is answered with its place, and nothing is lost."""

import json

import pytest

from tests.web.sent import VISIT, encounter, entry, message, outcomes, transaction

NOBODY = "urn:uuid:00000000-0000-4000-8000-00000000dead"
PATHS = {"message": "/fhir/$process-message", "transaction": "/fhir", "batch": "/fhir"}


def bundle(kind):
    return message() if kind == "message" else transaction(kind)


def first(kind):
    """The number of the entry that is the stay; its patient and a diagnosis follow."""
    return 1 if kind == "message" else 0


def waiting(mercy):
    return mercy.house.get("/api/quarantine", partner=None).json["items"]


@pytest.mark.parametrize("kind", ["message", "batch"])
def test_a_patient_that_was_not_sent_is_told_by_where_it_is_named(mercy, kind):
    sent = bundle(kind)
    sent["entry"][first(kind)]["resource"]["subject"] = {"reference": NOBODY}
    answer = mercy.send(PATHS[kind], sent)
    place = f"Bundle.entry[{first(kind)}].resource.subject.reference"
    assert ("warning", "not-found", place) in [outcome[:3] for outcome in outcomes(answer)]
    assert [item["reason"] for item in waiting(mercy)][:1] == ["no-patient"]
    assert mercy.cases() == []


def test_a_transaction_that_names_what_was_not_sent_is_refused(mercy):
    sent = transaction()
    sent["entry"][0]["resource"]["diagnosis"] = [{"condition": {"reference": NOBODY}}]
    answer = mercy.send("/fhir", sent)
    assert answer.status_code == 422
    place = "Bundle.entry[0].resource.diagnosis[0].condition.reference"
    assert [outcome[:3] for outcome in outcomes(answer)] == [("error", "not-found", place)]
    assert (waiting(mercy), mercy.cases()) == ([], [])


def test_a_diagnosis_that_was_not_sent_is_told_and_the_stay_used(mercy):
    sent = message()
    sent["entry"][1]["resource"]["diagnosis"].append({"condition": {"reference": NOBODY}})
    answer = mercy.message(sent)
    assert answer.status_code == 200
    place = "Bundle.entry[1].resource.diagnosis[1].condition.reference"
    assert ("information", "not-found", place) in [outcome[:3] for outcome in outcomes(answer)]
    assert len(mercy.cases()) == 1


def test_what_is_not_contained_is_told_by_where_it_is_named(mercy):
    answer = mercy.send("/fhir/Encounter", encounter(subject={"reference": "#nobody"}))
    assert answer.status_code == 202
    assert ("warning", "not-found", "Encounter.subject.reference") in [
        outcome[:3] for outcome in outcomes(answer)
    ]
    assert len(waiting(mercy)) == 1


@pytest.mark.parametrize("kind", PATHS)
def test_references_that_lead_in_circles_are_followed_once(mercy, kind):
    sent = bundle(kind)
    stay, patient, brain = sent["entry"][first(kind) : first(kind) + 3]
    stay["resource"]["partOf"] = {"reference": stay["fullUrl"]}
    brain["resource"] |= {"encounter": {"reference": stay["fullUrl"]}, "evidence": [{"detail": [{}]}]}
    brain["resource"]["evidence"][0]["detail"][0]["reference"] = brain["fullUrl"]
    patient["resource"]["link"] = [{"other": {"reference": patient["fullUrl"]}, "type": "seealso"}]
    answer = mercy.send(PATHS[kind], sent)
    assert answer.status_code == 200, answer.data
    assert {outcome[0] for outcome in outcomes(answer)} == {"information"}
    assert len(mercy.cases()) == 1


def test_what_contains_itself_is_followed_once(mercy):
    sent = encounter(partOf={"reference": "#"}, diagnosis=[{"condition": {"reference": "#k"}}])
    around = {"subject": {"reference": "#p"}, "encounter": {"reference": "#"}, "code": {"text": "Concussion"}}
    sent["contained"].append({"resourceType": "Condition", "id": "k", **around})
    assert mercy.send("/fhir/Encounter", sent).status_code == 201


@pytest.mark.parametrize("kind", PATHS)
def test_a_stay_of_what_is_no_patient_waits_and_its_place_is_told(mercy, kind):
    sent = bundle(kind)
    stay, _, brain = sent["entry"][first(kind) : first(kind) + 3]
    brain["resource"]["identifier"] = [{"system": "urn:example:conditions", "value": "K-1"}]
    stay["resource"]["subject"] = {"reference": brain["fullUrl"]}
    answer = mercy.send(PATHS[kind], sent)
    place = f"Bundle.entry[{first(kind)}].resource.subject.reference"
    assert ("warning", "value", place) in [outcome[:3] for outcome in outcomes(answer)]
    assert "no-patient" in {item["reason"] for item in waiting(mercy)}
    assert mercy.cases() == []
    assert mercy.house.get("/api/clients", partner=None).json["items"] == []


@pytest.mark.parametrize(
    ("path", "sent", "place", "code"),
    [
        ("/fhir/Encounter", {"resourceType": "Patient", "id": "x"}, "resourceType", "structure"),
        ("/fhir/$process-message", {"resourceType": "Parameters"}, "content", "required"),
        ("/fhir/$process-message", transaction(), "Bundle.type", "invalid"),
        ("/fhir", message(), "Bundle.type", "invalid"),
        ("/fhir", encounter(), "resourceType", "structure"),
    ],
)
def test_another_type_than_is_taken_there_is_refused(mercy, path, sent, place, code):
    answer = mercy.send(path, sent)
    assert answer.status_code in {400, 422}
    assert [outcome[:3] for outcome in outcomes(answer)] == [("error", code, place)]
    assert waiting(mercy) == []


def asked(*more, content=None):
    """Parameters that ask for a message to be processed."""
    held = {"name": "content", "resource": message() if content is None else content}
    return {"resourceType": "Parameters", "parameter": [held, *more]}


@pytest.mark.parametrize(
    ("path", "sent", "place"),
    [
        ("", asked({"name": "content", "resource": message()}), "content"),
        ("", asked(content=encounter()), "content"),
        ("", asked(content=transaction()), "Bundle.type"),
        ("", asked(content={"resourceType": "Bundle", "type": "message", "entry": {}}), "Bundle.entry"),
        ("", asked({"name": "later", "valueBoolean": True}), "later"),
        ("", asked({"name": "async", "valueString": "true"}), "async"),
        ("", asked({"name": "async"}), "async"),
        ("", asked("async"), "Parameters.parameter[0]"),
        ("?async=true", asked({"name": "async", "valueBoolean": False}), "async"),
        ("?response-url=a", asked({"name": "response-url", "valueUrl": "b"}), "response-url"),
    ],
)
def test_parameters_that_ask_for_nothing_that_can_be_done_are_told_where(mercy, path, sent, place):
    answer = mercy.send(f"/fhir/$process-message{path}", sent)
    assert answer.status_code in {400, 422}
    assert [outcome[2] for outcome in outcomes(answer)] == [place]
    assert (waiting(mercy), mercy.cases()) == ([], [])


def test_a_type_that_there_is_not_is_told_and_left_out(mercy):
    sent = transaction("transaction", entry({"resourceType": "Bogus", "id": "9"}, method="POST", url="Bogus"))
    answer = mercy.send("/fhir", sent)
    assert answer.status_code == 200
    assert "Not retained" in answer.json["entry"][3]["response"]["outcome"]["issue"][0]["details"]["text"]
    named = message("m9")
    named["entry"].append(entry({"resourceType": "Bogus", "id": "9"}))
    assert ("information", "informational", "Bundle.entry[4].resource") in [
        outcome[:3] for outcome in outcomes(mercy.message(named))
    ]


def test_each_part_of_a_batch_is_told_the_places_of_the_whole(mercy):
    other = encounter(id="e2", identifier=[{**VISIT, "value": "V-2"}], subject={"reference": NOBODY})
    sent = transaction("batch", entry(other, method="POST", url="Encounter"))
    answer = mercy.send("/fhir", sent)
    places = [outcome[2] for outcome in outcomes(answer) if outcome[1] == "not-found"]
    assert places == ["Bundle.entry[3].resource.subject.reference"]


def test_more_than_can_be_listed_are_counted(mercy):
    sent = message()
    observed = {"resourceType": "Observation", "status": "final", "code": {"text": "x"}}
    sent["entry"] += [entry({**observed, "id": str(number)}) for number in range(500)]
    noted = outcomes(mercy.message(sent))
    assert "480 more of these are not listed." in {outcome[3] for outcome in noted}
    assert len(noted) == 21
    assert len(json.dumps(noted)) < 5_000


def test_what_has_no_room_is_counted_by_its_kind(mercy):
    sent = message()
    sent["entry"][2]["resource"] |= {"maritalStatus": {"text": "x"}, "photo": [{"title": "x"}]}
    observed = {"resourceType": "Observation", "status": "final", "code": {"text": "x"}}
    sent["entry"] += [entry({**observed, "id": str(number)}) for number in range(30)]
    noted = outcomes(mercy.message(sent))
    assert len([outcome for outcome in noted if outcome[2]]) == 20
    assert [outcome[3] for outcome in noted if not outcome[2]] == [
        "10 more of these are not listed.",
        "2 more are not used here: Patient.maritalStatus, Patient.photo.",
    ]


@pytest.mark.parametrize(
    "odd",
    [
        {"identifier": [{"system": [], "value": {}}]},
        {"contained": "x", "subject": {"reference": "#x"}},
        {"contained": [1], "focus": [{"reference": "#1"}]},
        {"telecom": 1, "period": [], "meta": {"lastUpdated": 5}},
    ],
)
@pytest.mark.parametrize("kind", PATHS)
def test_what_tells_of_no_stay_may_be_as_odd_as_it_likes(mercy, kind, odd):
    sent = bundle(kind)
    more = {"resourceType": "Observation", "id": "9", "status": "final", "code": {"text": "x"}, **odd}
    asked = {} if kind == "message" else {"method": "POST", "url": "Observation"}
    sent["entry"].append(entry(more, **asked))
    assert mercy.send(PATHS[kind], sent).status_code == 200
    assert len(mercy.cases()) == 1
