"""Bundles as hospitals of several countries send them: whose they are, how stays end, what is over."""

import pytest

from tests.web.sent import PERSON, SNOMED, VISIT, Mercy, encounter, entry, outcomes, parts

TYPES = "http://terminology.hl7.org/CodeSystem/v2-0203"
MEMBER = {
    "system": "urn:example:members",
    "value": "F-9",
    "type": {"coding": [{"system": TYPES, "code": "SN"}]},
}
NO_NUMBER = {"system": "urn:example:national", "value": "000-00-0000"}
ACCOUNT = {
    "system": "urn:example:accounts",
    "value": "A-1",
    "type": {"coding": [{"system": TYPES, "code": "AN"}]},
}
SUBJECT = "urn:uuid:00000000-0000-4000-8000-0000000000a1"


@pytest.fixture
def harbour(house):
    return Mercy(house, "harbour")


def posted(*resources, kind="transaction"):
    entries = [entry(resource, method="POST", url=resource["resourceType"]) for resource in resources]
    return {"resourceType": "Bundle", "type": kind, "entry": entries}


def stay_of(subject, visit="V-1", **more):
    made = encounter(subject=subject, **{"identifier": [{**VISIT, "value": visit}], **more})
    del made["contained"]
    return made


def person(id_="a1", *identifiers, **more):
    return {"resourceType": "Patient", "id": id_, "identifier": list(identifiers or [PERSON]), **more}


def clients(house):
    return [item["document"] for item in house.get("/api/clients", partner=None).json["items"]]


def the_case(house):
    (item,) = house.get("/api/cases", partner=None).json["items"]
    return house.get(f"/api/cases/{item['uuid']}", partner=None).json["received"]


@pytest.mark.parametrize("kind", ["transaction", "batch"])
def test_an_id_within_a_bundle_is_nobodys_name_in_the_next_one(harbour, kind):
    for value, family, born in (("R-1", "Rider", "1990-05-01"), ("R-2", "Rider", "1955-01-01")):
        one = person("p1", {**PERSON, "value": value}, name=[{"family": family}], birthDate=born)
        answer = harbour.send("/fhir", posted(stay_of({"reference": "Patient/p1"}, value), one, kind=kind))
        assert answer.json["entry"][0]["response"]["status"] == "201 Created", answer.data
    assert [client["identifiers"] for client in clients(harbour.house)] == [
        [{**PERSON, "value": client["identifiers"][0]["value"]}] for client in clients(harbour.house)
    ]
    assert len(clients(harbour.house)) == 2


def test_numbers_that_a_family_shares_do_not_keep_a_transaction_from_being_taken(mercy):
    mother, child = (f"urn:uuid:00000000-0000-4000-8000-0000000000{id_}" for id_ in ("a1", "a2"))
    sent = posted(
        stay_of({"reference": mother}, "V-1", id="e1"),
        stay_of({"reference": child}, "V-2", id="e2"),
        person("a1", PERSON, MEMBER, NO_NUMBER, name=[{"family": "Rider", "given": ["River"]}]),
        person("a2", {**PERSON, "value": "R-2"}, MEMBER, NO_NUMBER, name=[{"family": "Rider"}]),
    )
    answer = mercy.send("/fhir", sent)
    assert answer.status_code == 200, answer.data
    assert len(clients(mercy.house)) == 2
    assert "F-9" in {known["value"] for client in clients(mercy.house) for known in client["identifiers"]}


def test_stays_on_one_account_are_several_wherever_the_account_stands(mercy):
    both = [[ACCOUNT, {**VISIT, "value": value}] for value in ("V-1", "V-2")]
    first, second = (
        stay_of({"reference": SUBJECT}, id=f"e{at}", identifier=pair) for at, pair in enumerate(both, 1)
    )
    assert mercy.send("/fhir", posted(first, second, person())).status_code == 200
    third = stay_of({"reference": SUBJECT}, identifier=[ACCOUNT, {**VISIT, "value": "V-3"}])
    assert mercy.send("/fhir", posted(third, person())).status_code == 200
    stays = the_case(mercy.house)["stays"]
    assert {stay["identifiers"][0]["value"] for stay in stays} == {"V-1", "V-2", "V-3"}


@pytest.mark.parametrize("kind", ["transaction", "message"])
def test_what_is_told_by_number_of_who_is_sent_is_theirs(mercy, kind):
    logical = {"identifier": PERSON}
    _, patient, brain = parts()
    brain["subject"] = logical
    brother = {"resourceType": "RelatedPerson", "id": "b1", "patient": logical, "name": [{"family": "Near"}]}
    insured = {
        "resourceType": "Coverage",
        "id": "f1",
        "status": "active",
        "beneficiary": logical,
        "payor": [{"display": "Northern Health"}],
    }
    sent = posted(stay_of(logical), patient, brain, brother, insured, kind=kind)
    if kind == "message":
        header = {
            "resourceType": "MessageHeader",
            "id": "1",
            "eventCoding": {"system": "urn:example:events", "code": "discharge"},
            "source": {"endpoint": "https://mercy.example/fhir"},
            "focus": [{"reference": sent["entry"][0]["fullUrl"]}],
        }
        unasked = [{key: entry[key] for key in ("fullUrl", "resource")} for entry in sent["entry"]]
        sent |= {"timestamp": "2026-02-27T15:00:00Z", "entry": [entry(header), *unasked]}
    answer = mercy.message(sent) if kind == "message" else mercy.send("/fhir", sent)
    assert answer.status_code == 200, answer.data
    (client,) = clients(mercy.house)
    assert client["names"][0]["family"] == "Rider"
    assert len(client["received"]["coverages"]) == len(client["received"]["related_persons"]) == 1
    assert [condition["code"]["code"] for condition in the_case(mercy.house)["conditions"]] == ["127295002"]


@pytest.mark.parametrize(
    "subject",
    [{"reference": f"Patient?identifier={PERSON['system']}|{PERSON['value']}"}, {"identifier": PERSON}],
)
def test_who_is_sent_in_a_batch_is_who_its_stays_name_by_number(mercy, subject):
    one = person("a1", PERSON, name=[{"family": "Rider"}])
    answer = mercy.send("/fhir", posted(one, stay_of(subject), kind="batch"))
    assert [entry["response"]["status"] for entry in answer.json["entry"]] == ["200 OK", "201 Created"]
    assert clients(mercy.house)[0]["names"] == [{"family": "Rider"}]


def condition(code, **more):
    return {
        "resourceType": "Condition",
        "id": code,
        "subject": {"reference": SUBJECT},
        "encounter": {"reference": "urn:uuid:00000000-0000-4000-8000-0000000000e1"},
        "code": {"coding": [{"system": SNOMED, "code": code}]},
        **more,
    }


def test_what_is_over_in_any_words_is_not_active_and_a_strangers_diagnosis_is_left_out(mercy):
    over = (
        {"abatementAge": {"value": 30, "system": "http://unitsofmeasure.org", "code": "a"}},
        {"abatementString": "last year"},
        {"abatementPeriod": {"start": "2020-01-01"}},
        {"abatementDateTime": "2020"},
    )
    conditions = [condition(f"100{at}", **fields) for at, fields in enumerate(over)]
    stranger = condition("2000", subject={"reference": "Patient/somebody-else"})
    answer = mercy.send("/fhir", posted(stay_of({"reference": SUBJECT}), person(), *conditions, stranger))
    assert answer.status_code == 200, answer.data
    known = {
        condition["code"]["code"]: condition.get("clinical_status")
        for condition in the_case(mercy.house)["conditions"]
    }
    assert known == {f"100{at}": "inactive" for at in range(4)}
    places = [outcome[2] for outcome in outcomes(answer)]
    assert "Bundle.entry[6].resource.subject" in places
    assert {"Bundle.entry[2].resource.abatementAge", "Bundle.entry[3].resource.abatementString"} <= set(
        places
    )


def test_a_doctor_whose_role_or_who_is_no_longer_active_is_not_the_patients_own(mercy):
    literal = "urn:uuid:00000000-0000-4000-8000-0000000000"
    sent = person(
        "a1", PERSON, generalPractitioner=[{"reference": f"{literal}{id_}"} for id_ in ("b1", "b2", "b3")]
    )
    others = (
        {
            "resourceType": "PractitionerRole",
            "id": "b1",
            "active": False,
            "practitioner": {"display": "Dr. Former"},
        },
        {"resourceType": "Practitioner", "id": "b2", "active": False, "name": [{"text": "Dr. Retired"}]},
        {"resourceType": "Practitioner", "id": "b3", "active": True, "name": [{"text": "Dr. Now"}]},
    )
    answer = mercy.send("/fhir", posted(stay_of({"reference": SUBJECT}), sent, *others))
    assert [e["name"] for e in the_case(mercy.house)["team"] if e["role"] == "physician"] == ["Dr. Now"]
    places = {f"Bundle.entry[1].resource.generalPractitioner[{at}]" for at in range(2)}
    assert places <= {outcome[2] for outcome in outcomes(answer)}


def test_a_ward_and_a_destination_that_have_a_number_alone_are_called_by_it(mercy):
    stay = encounter(
        location=[{"location": {"identifier": {"system": "urn:example:wards", "value": "W9"}}}],
        hospitalization={"destination": {"identifier": {"system": "urn:example:homes", "value": "NH1"}}},
    )
    assert mercy.send("/fhir/Encounter", stay).status_code == 201
    (merged,) = the_case(mercy.house)["stays"]
    assert (merged["location"], merged["destination"]) == ("W9", "NH1")


def test_what_nothing_is_made_of_of_a_stay_that_goes_on_and_of_insurances_is_told(mercy):
    going_on = stay_of({"reference": SUBJECT}, status="in-progress")
    insured = {"resourceType": "Coverage", "status": "active", "beneficiary": {"reference": SUBJECT}}
    odd = {"coding": [{"system": "https://nahdo.org/sopt", "code": "1"}]}
    known = {
        **insured,
        "id": "f1",
        "payor": [{"display": "Northern Health"}],
        "type": odd,
        "relationship": odd,
    }
    self_paid = {**insured, "id": "f2", "payor": [{"reference": SUBJECT}]}
    answer = mercy.send("/fhir", posted(going_on, person(), known, self_paid))
    assert answer.status_code == 200, answer.data
    places = ("0].resource.period.end", "2].resource.type", "2].resource.relationship", "3].resource.payor")
    assert {f"Bundle.entry[{place}" for place in places} <= {outcome[2] for outcome in outcomes(answer)}


@pytest.mark.parametrize(
    ("class_", "kind"),
    [
        ({"system": "urn:example:classes", "code": "R", "display": "Rehabilitation ward"}, "unknown"),
        ({"system": "urn:example:classes", "code": "S", "display": "inpatient encounter"}, "inpatient"),
        ({"system": "urn:example:classes", "code": "IMP"}, "inpatient"),
        ({"system": "http://hl7.org/fhir/v2/0004", "code": "E"}, "emergency"),
        ({"system": "http://hl7.org/fhir/v3/ActCode", "code": "AMB"}, "outpatient"),
    ],
)
def test_a_senders_own_letter_is_no_class_of_hl7s(mercy, class_, kind):
    answer = mercy.send("/fhir/Encounter", encounter(**{"class": class_}))
    place = ("code-invalid", "Encounter.class.code")
    assert (place in [outcome[1:3] for outcome in outcomes(answer)]) == (kind == "unknown")
    stays = the_case(mercy.house)["stays"] if kind != "outpatient" else []
    assert [(stay["kind"], stay["class_as_sent"]) for stay in stays] == [(kind, class_)] * len(stays)


@pytest.mark.parametrize(
    ("words", "relationship"),
    [("Spouse", "spouse"), ("Tochter", "child"), ("neighbor", "neighbour"), ("Aunt", "other")],
)
def test_a_relationship_that_words_alone_tell_is_known(mercy, words, relationship):
    contact = {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/v2-0131", "code": "C"}]}
    local = {"coding": [{"system": "urn:example:relations", "code": "15", "display": words}]}
    sent = encounter()
    sent["contained"][0]["contact"] = [{"relationship": [contact, local], "name": {"text": "Somebody Near"}}]
    sent["diagnosis"] = [{"condition": {"display": "Stroke"}, "use": {"text": "Discharge Diagnosis"}}]
    assert mercy.send("/fhir/Encounter", sent).status_code == 201
    (client,) = clients(mercy.house)
    assert [related_person["relationship"] for related_person in client["received"]["related_persons"]] == [
        relationship
    ]
    assert the_case(mercy.house)["stays"][0]["diagnoses"][0]["use"] == "discharge"


@pytest.mark.parametrize(
    ("language", "tag"),
    [
        ({"text": "Spanish"}, "es"),
        ({"coding": [{"system": "urn:example:languages", "code": "SPANISH"}]}, "es"),
        ({"coding": [{"system": "urn:example:languages", "code": "1", "display": "German"}]}, "de"),
        ({"coding": [{"system": "urn:iso:std:iso:639:-2", "code": "spa"}]}, "es"),
        ({"coding": [{"system": "urn:ietf:bcp:47", "code": "en-US", "display": "English"}]}, "en-US"),
        ({"text": "Klingon"}, None),
    ],
)
def test_a_language_in_words_is_its_tag_or_told_of(mercy, language, tag):
    sent = encounter()
    sent["contained"][0]["communication"] = [{"language": language}]
    answer = mercy.send("/fhir/Encounter", sent)
    (client,) = clients(mercy.house)
    assert client.get("language") == tag
    place = ("code-invalid", "Encounter.contained[0].communication[0].language")
    assert (place in [outcome[1:3] for outcome in outcomes(answer)]) == (tag is None)


def test_a_death_that_a_countrys_extension_tells_ends_the_case(mercy):
    reason = {
        "system": "http://fhir.de/CodeSystem/dkgev/EntlassungsgrundErsteUndZweiteStelle",
        "code": "07",
        "display": "Tod",
    }
    inner = [{"url": "ErsteUndZweiteStelle", "valueCoding": reason}]
    outer = {"url": "http://fhir.de/StructureDefinition/Entlassungsgrund", "extension": inner}
    stay = encounter(hospitalization={"dischargeDisposition": {"extension": [outer]}})
    answer = mercy.send("/fhir/Encounter", stay)
    assert (answer.status_code, [outcome for outcome in outcomes(answer) if "extension" in outcome[2]]) == (
        201,
        [],
    )
    assert the_case(mercy.house)["stays"][0]["disposition"] == reason
    (case,) = mercy.house.get("/api/cases", partner=None).json["items"]
    assert case["document"]["status"] == "finished"
