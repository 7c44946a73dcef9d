"""What hospitals send as FHIR arrives whole: who reads the message and the case agrees, or is told."""

import copy

import pytest

from tests.web.sent import SNOMED, VISIT, Mercy, encounter, entry, message, outcomes, transaction

DISPOSITIONS = "http://terminology.hl7.org/CodeSystem/discharge-disposition"
ABSENT = "http://hl7.org/fhir/StructureDefinition/data-absent-reason"
MASKED = {"extension": [{"url": ABSENT, "valueCode": "masked"}]}
ROLES = "http://terminology.hl7.org/CodeSystem/v3-ParticipationType"
STAFF = "https://mercy.example/staff"
VERIFICATION = "http://terminology.hl7.org/CodeSystem/condition-ver-status"
# how each door answers what is used, and what it is sent
SENDS = {
    "message": lambda mercy, *more: mercy.message(with_more(message(), *more)),
    "transaction": lambda mercy, *more: mercy.send("/fhir", with_more(transaction(), *more)),
    "batch": lambda mercy, *more: mercy.send("/fhir", with_more(transaction("batch"), *more)),
}


def with_more(sent, change, *resources):
    """A Bundle with its stay changed, and further resources in it."""
    resources_of = {entry["resource"]["resourceType"]: entry["resource"] for entry in sent["entry"]}
    change(resources_of["Encounter"])
    asked = "request" in sent["entry"][0]
    for resource in resources:
        request = {"method": "POST", "url": resource["resourceType"]} if asked else {}
        sent["entry"].append(entry(resource, **request))
    return sent


def name_of(id_):
    return f"urn:uuid:00000000-0000-4000-8000-{id_:>012}"


def role(code):
    return [{"coding": [{"system": ROLES, "code": code}]}]


def codeable(system, *codes):
    return {"coding": [{"system": system, "code": code} for code in codes]}


def the_case(mercy):
    (case,) = mercy.cases()
    return mercy.house.get(f"/api/cases/{case['uuid']}", partner=None).json["received"]


def the_stay(mercy):
    (stay,) = the_case(mercy)["stays"]
    return stay


def covered(house):
    """The status of each insurance that hospitals told of."""
    (client,) = house.get("/api/clients", partner=None).json["items"]
    return [coverage["status"] for coverage in client["document"].get("received", {}).get("coverages", [])]


def named(mercy, participant):
    """Who takes part, by the name in the directory or the words of the stay, and their numbers."""
    if "name" in participant:
        return participant["name"], []
    path = f"/api/directory/practitioner/{participant['practitioner']}"
    body = mercy.house.get(path, partner=None).json
    name = body["names"][0]
    words = name.get("text") or " ".join([*name.get("given", []), name.get("family", "")])
    return words, [identifier["value"] for identifier in body["identifiers"]]


def of_13(stay):
    """A stay with two doctors, two places and a nursing home, each behind a reference."""
    stay["participant"] = [
        {"type": role("ATND"), "individual": {"reference": name_of("a01")}},
        {
            "type": role("CON"),
            "individual": {"identifier": {"system": STAFF, "value": "89"}, "display": "Dr. Elm"},
        },
    ]
    stay["location"] = [
        {"location": {"reference": name_of("b01")}, "status": "completed"},
        {"location": {"reference": name_of("b02")}, "status": "active"},
    ]
    stay["hospitalization"] = {"destination": {"reference": name_of("d01")}}


PEOPLE = (
    {"resourceType": "PractitionerRole", "id": "a01", "practitioner": {"reference": name_of("a02")}},
    {
        "resourceType": "Practitioner",
        "id": "a02",
        "identifier": [{"system": STAFF, "value": "W13"}],
        "name": [{"family": "Okafor", "given": ["Uma"]}],
    },
    {"resourceType": "Location", "id": "b01", "name": "Emergency"},
    {"resourceType": "Location", "id": "b02", "name": "Ward 7"},
    {"resourceType": "Organization", "id": "d01", "name": "Sunset Nursing Home"},
)


@pytest.mark.parametrize("way", SENDS)
def test_who_and_what_stand_behind_references_are_in_the_case(mercy, way):
    answer = SENDS[way](mercy, of_13, *PEOPLE)
    assert answer.status_code == 200, answer.data
    stay = the_stay(mercy)
    assert {participant["role"]: named(mercy, participant) for participant in stay["participants"]} == {
        "attending": ("Uma Okafor", ["W13"]),
        "consulting": ("Dr. Elm", ["89"]),
    }
    assert (stay["location"], stay["destination"]) == ("Ward 7", "Sunset Nursing Home")


def test_what_is_contained_is_found_as_what_is_sent_beside_is(mercy):
    sent = encounter()
    of_13(sent)
    text = {name_of(person["id"]): f"#{person['id']}" for person in PEOPLE}
    for holder in (*sent["participant"], *sent["location"], sent["hospitalization"]):
        for key in ("individual", "location", "destination"):
            if "reference" in holder.get(key, {}):
                holder[key] = {"reference": text[holder[key]["reference"]]}
    sent["contained"] += [{**person} for person in PEOPLE]
    sent["contained"][1]["practitioner"] = {"reference": "#a02"}
    assert mercy.send("/fhir/Encounter", sent).status_code == 201
    stay = the_stay(mercy)
    assert ("Uma Okafor", ["W13"]) in [named(mercy, participant) for participant in stay["participants"]]
    assert (stay["location"], stay["destination"]) == ("Ward 7", "Sunset Nursing Home")


def test_a_reason_is_no_diagnosis(mercy):
    def because(stay):
        stay["reasonCode"] = [codeable(SNOMED, "52734007")]
        stay["reasonReference"] = [{"reference": name_of("c2")}]

    stroke = {
        "resourceType": "Condition",
        "id": "c2",
        "subject": {"reference": name_of("a1")},
        "encounter": {"reference": name_of("e1")},
        "code": {**codeable(SNOMED, "230690007"), "text": "Stroke"},
    }
    assert SENDS["message"](mercy, because, stroke).status_code == 200
    case = the_case(mercy)
    assert [reason.get("code") for reason in case["stays"][0]["reasons"]] == ["52734007", "230690007"]
    assert [condition["code"]["code"] for condition in case["conditions"]] == ["127295002"]


def test_what_is_masked_or_absent_says_nothing(mercy):
    sent = encounter(hospitalization={"dischargeDisposition": MASKED})
    sent["contained"][0]["name"] = [{"_family": MASKED, "given": [None, "Noor"], "_given": [MASKED, None]}]
    assert mercy.send("/fhir/Encounter", sent).status_code == 201
    assert "disposition" not in the_stay(mercy)
    (client,) = mercy.house.get("/api/clients", partner=None).json["items"]
    assert client["document"]["names"] == [{"given": ["Noor"]}]


@pytest.mark.parametrize(
    ("spoken", "language"),
    [
        ([("fi", None)], "fi"),
        ([("sv", None), ("fi", True)], "fi"),
        ([("sv", False), ("fi", None)], "sv"),
        ([("not a language", None), ("fi", None)], "fi"),
    ],
)
def test_the_language_to_speak_is_the_preferred_or_else_the_first(mercy, spoken, language):
    sent = encounter()
    sent["contained"][0]["communication"] = [
        {
            "language": {"coding": [{"system": "urn:ietf:bcp:47", "code": code}]},
            **({} if preferred is None else {"preferred": preferred}),
        }
        for code, preferred in spoken
    ]
    answer = mercy.send("/fhir/Encounter", sent)
    assert answer.status_code == 201, answer.data
    (client,) = mercy.house.get("/api/clients", partner=None).json["items"]
    assert client["document"]["language"] == language
    chosen = len(spoken) > 1 and not any(preferred for _, preferred in spoken)
    places = [outcome[2] for outcome in outcomes(answer)]
    assert ("Encounter.contained[0].communication" in places) == chosen


@pytest.mark.parametrize("way", SENDS)
def test_a_part_of_a_stay_is_not_the_stay_and_is_told_of(mercy, way):
    ward = encounter(
        id="e2",
        subject={"reference": name_of("a1")},
        identifier=[{**VISIT, "value": "V-2"}],
        partOf={"reference": name_of("e1")},
        status="in-progress",
    )
    del ward["contained"]
    answer = SENDS[way](mercy, lambda _: None, ward)
    assert answer.status_code == 200, answer.data
    stay = the_stay(mercy)
    assert (stay["status"], [identifier["value"] for identifier in stay["identifiers"]]) == (
        "finished",
        ["V-1"],
    )
    first = 4 if way == "message" else 3
    whole = f"Bundle.entry[{first}].resource.partOf"
    assert ("information", "informational", whole) in [outcome[:3] for outcome in outcomes(answer)]
    if way != "message":
        response = answer.json["entry"][3]["response"]
        assert response["status"] == "200 OK"
        assert "location" not in response
        assert "location" in answer.json["entry"][0]["response"]


def test_a_part_of_a_stay_alone_changes_nothing(mercy):
    answer = mercy.send("/fhir/Encounter", encounter(partOf={"reference": "Encounter/12"}))
    assert answer.status_code == 200, answer.data
    assert ("informational", "Encounter.partOf") in [outcome[1:3] for outcome in outcomes(answer)]
    assert mercy.cases() == []


@pytest.mark.parametrize(
    ("more", "place"),
    [
        (
            {
                "resourceType": "Condition",
                "id": "c2",
                "subject": {"reference": name_of("a1")},
                "verificationStatus": codeable(VERIFICATION, "entered-in-error"),
                "code": {"text": "Nothing"},
            },
            "verificationStatus",
        ),
        (
            {
                "resourceType": "Coverage",
                "id": "f2",
                "status": "entered-in-error",
                "beneficiary": {"reference": name_of("a1")},
                "payor": [{"display": "Nobody"}],
            },
            "status",
        ),
    ],
)
@pytest.mark.parametrize("way", ["message", "transaction"])
def test_what_was_entered_in_error_is_left_out_and_told_of(mercy, way, more, place):
    answer = SENDS[way](mercy, lambda _: None, more)
    assert answer.status_code == 200, answer.data
    at = f"Bundle.entry[{4 if way == 'message' else 3}].resource.{place}"
    assert at in [outcome[2] for outcome in outcomes(answer)]
    assert covered(mercy.house) == []


@pytest.mark.parametrize(
    ("change", "place"),
    [
        ({"participant": [{"individual": {"reference": "Practitioner/12"}}]}, "participant[0].individual"),
        ({"serviceProvider": {"reference": "https://x.example/fhir/Organization/1"}}, "serviceProvider"),
        ({"location": [{"location": {"reference": "Location/w"}}]}, "location[0].location"),
        (
            {"hospitalization": {"destination": {"reference": "Location/w"}}},
            "hospitalization.destination",
        ),
        ({"reasonReference": [{"reference": "Condition/c"}]}, "reasonReference[0]"),
        ({"diagnosis": [{"condition": {"reference": "Condition/c"}}]}, "diagnosis[0].condition"),
    ],
)
def test_a_reference_that_leads_nowhere_is_told_of_unless_it_names_what_it_is_to(mercy, change, place):
    answer = mercy.send("/fhir/Encounter", encounter(**change))
    assert answer.status_code == 201, answer.data
    where = ("information", "not-found", f"Encounter.{place}.reference")
    assert where in [outcome[:3] for outcome in outcomes(answer)]
    name, value = next(iter(copy.deepcopy(change).items()))
    inner = value[0] if isinstance(value, list) else value
    reference = inner if "reference" in inner else next(iter(inner.values()))
    reference["display"] = "Sent with words"
    again = mercy.send("/fhir/Encounter", encounter(**{name: value}))
    assert where not in [outcome[:3] for outcome in outcomes(again)]
    assert "Sent with words" not in again.text


def test_a_place_that_only_a_number_names_is_told_of(mercy):
    ward = {"reference": "Location?identifier=urn:example:wards|7"}
    answer = mercy.send("/fhir/Encounter", encounter(location=[{"location": ward}]))
    assert "Encounter.location[0].location.reference" in [outcome[2] for outcome in outcomes(answer)]


def test_instants_finer_than_we_keep_and_leap_seconds_are_read(mercy):
    sent = encounter(
        meta={"lastUpdated": "2026-02-27T15:00:00.1234567891234Z"},
        period={"start": "2026-02-20T09:00:00.00000000001+01:00", "end": "2026-02-27T23:59:60+01:00"},
    )
    answer = mercy.send("/fhir/Encounter", sent)
    assert answer.status_code == 201, answer.data
    assert the_stay(mercy)["period"] == {
        "start": "2026-02-20T09:00:00.000000000+01:00",
        "end": "2026-02-27T23:59:59+01:00",
    }


def test_what_of_a_person_says_nothing_is_told_of(mercy):
    sent = message()
    patient = sent["entry"][2]["resource"]
    patient["telecom"] = [
        {"system": "phone"},
        {"value": "river@example.com"},
        {"value": "555-0100", "rank": 1},
    ]
    patient["identifier"].append({"value": "77"})
    answer = mercy.message(sent)
    assert answer.status_code == 200, answer.data
    places = [outcome[2] for outcome in outcomes(answer)]
    assert {f"Bundle.entry[2].resource.{place}" for place in ("telecom[0]", "identifier[1]")} <= set(places)
    (client,) = mercy.house.get("/api/clients", partner=None).json["items"]
    assert [(telecom["system"], telecom["value"]) for telecom in client["document"]["telecom"]] == [
        ("phone", "555-0100"),
        ("email", "river@example.com"),
    ]


def test_the_disposition_that_everybody_knows_is_used_wherever_it_stands(mercy):
    codings = [{"system": "urn:example:mercy", "code": "H"}, {"system": DISPOSITIONS, "code": "home"}]
    sent = encounter(hospitalization={"dischargeDisposition": {"coding": codings}})
    assert mercy.send("/fhir/Encounter", sent).status_code == 201
    disposition = the_stay(mercy)["disposition"]
    assert (disposition["system"], disposition["code"]) == (DISPOSITIONS, "home")
    assert disposition["alternates"] == [codings[0]]


def test_what_is_told_of_somebody_else_is_told_of(mercy):
    stranger = {
        "resourceType": "Coverage",
        "id": "f3",
        "status": "active",
        "beneficiary": {"reference": "Patient/stranger", "display": "Somebody"},
        "payor": [{"display": "Northern Health"}],
    }
    answered = SENDS["transaction"](mercy, lambda _: None, stranger)
    assert "Bundle.entry[3].resource.beneficiary" in [outcome[2] for outcome in outcomes(answered)]
    assert covered(mercy.house) == []


def test_an_insurance_of_who_is_known_by_reference_alone_is_theirs(house):
    harbour = Mercy(house, "harbour")
    sent = transaction()
    stay = sent["entry"][0]["resource"]
    stay["subject"] = {"reference": "Patient/123"}
    del stay["diagnosis"]
    insured = {
        "resourceType": "Coverage",
        "id": "f3",
        "status": "active",
        "beneficiary": {"reference": "Patient/123"},
        "payor": [{"display": "Northern Health"}],
    }
    sent["entry"] = [sent["entry"][0], entry(insured, method="POST", url="Coverage")]
    known = {
        "names": [{"family": "Rider"}],
        "identifiers": [{"system": "https://harbour.example/fhir/Patient", "value": "123"}],
    }
    assert house.put("/api/clients/r", known).status_code == 201
    answer = harbour.send("/fhir", sent)
    assert answer.status_code == 200, answer.data
    assert covered(house) == ["draft"]
