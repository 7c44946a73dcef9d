"""Inputs that came out wrong once, in folders beside this: who is who, and which stay is which."""

import pytest

from tests.web.facts.case_files import CASES, REGISTRY, Sent, values


@pytest.fixture
def registry():
    return REGISTRY


@pytest.fixture
def sent(house):
    return Sent(house)


def test_a_word_for_no_number_joins_nobody_and_is_told_of(sent):
    answers = sent.folder("03-words-for-no-number")
    anna, bert = sent.patient("88001")[0], sent.patient("88002")[0]
    assert anna["id"] != bert["id"]
    assert (values(anna), values(bert)) == ({"88001"}, {"88002"})
    assert [patient["name"][0]["family"] for patient in (anna, bert)] == ["Ash", "Birch"]
    assert all(b"MSA|AA" in answer.data and b"PID^1^3^2" in answer.data for answer in answers)
    assert sent.patient("UNKNOWN") == []


@pytest.mark.parametrize(
    "word", ["UNKNOWN", "N/A", "NONE", "TBD", "XXX-XX-XXXX", "123456789", "000-00-0000", "-"]
)
def test_no_placeholder_joins_two_persons(sent, word):
    for file in sorted((CASES / "03-words-for-no-number").iterdir()):
        assert b"MSA|AA" in sent.v2(file.read_bytes().replace(b"UNKNOWN", word.encode())).data
    assert sent.patient("88001")[0]["id"] != sent.patient("88002")[0]["id"]


@pytest.mark.parametrize("number", ["UNKNOWN", "0", "99999", "N/A"])
def test_a_placeholder_is_neither_one_doctor_nor_one_payer(sent, number):
    for file in sorted((CASES / "05-placeholder-doctor-and-payer").iterdir()):
        sent.v2(file.read_bytes().replace(b"UNKNOWN", number.encode()))
    for visit, doctor, payer in (("10501", "Al Alder", "Alpha Health"), ("10502", "Bo Beech", "Beta Care")):
        (stay,) = sent.stays(visit)
        assert [participant["name"] for participant in stay["participants"]] == [doctor]
        client = sent.get(f"/api/clients?identifier={visit}")["items"][0]
        (coverage,) = sent.get(f"/api/clients/{client['uuid']}")["received"]["coverages"]
        assert sent.get(f"/api/directory/organization/{coverage['payer']}")["name"] == payer


@pytest.mark.parametrize(
    ("files", "person", "numbers"),
    [
        (("1.hl7", "2.hl7"), "11501", {"A11501", "V11501"}),
        (("3-alternate.hl7", "4-alternate.hl7"), "11502", {"ALT4", "V4"}),
    ],
)
@pytest.mark.parametrize("turned", [False, True])
def test_a_stay_keeps_all_its_numbers_whichever_comes_first(sent, files, person, numbers, turned):
    for name in sorted(files, reverse=turned):
        sent.file(CASES / "15-account-first-visit-later" / name)
    (stay,) = sent.stays(person)
    assert stay["status"] == "finished"
    assert values({"identifier": stay["identifiers"]}) == numbers
    assert [encounter["status"] for encounter in sent.encounters()] == ["finished"]


def test_a_visit_number_with_and_without_its_authority_is_one_stay(sent):
    raw = (CASES / "54-visit-without-authority" / "1.hl7").read_bytes()
    sent.v2(raw.replace(b"7715401", b"7715401^^^MERCY"))
    sent.folder("54-visit-without-authority", "2.hl7")
    (stay,) = sent.stays("15401")
    assert (stay["status"], stay["location"]) == ("finished", "W2 202 B")


def test_a_visit_without_an_authority_is_one_stay_in_other_rooms(sent):
    sent.folder("54-visit-without-authority")
    (stay,) = sent.stays("15401")
    assert (stay["status"], stay["location"]) == ("finished", "W2 202 B")


def test_what_is_sent_with_types_and_without_is_one_client_and_one_stay(sent):
    sent.folder("07-types-left-out")
    assert len(sent.all("Patient")) == 1
    (stay,) = sent.stays("P-7")
    assert stay["status"] == "finished"


SAME = ("P-7^^^WARDS^MR", "P-7^^^WARDS", "P-7", "P-7^^^WARDS&1.2.3&ISO^PI", "P-7^^^WARDS&1.2.3&ISO")


@pytest.mark.parametrize("first", SAME)
@pytest.mark.parametrize("second", SAME)
def test_a_person_is_found_however_their_record_number_is_written(sent, first, second):
    one, other = sorted((CASES / "07-types-left-out").iterdir())
    sent.v2(one.read_bytes().replace(b"P-7^^^WARDS^MR", first.encode()))
    sent.v2(other.read_bytes().replace(b"P-7^^^WARDS", second.encode()))
    (patient,) = sent.all("Patient")
    assert len(patient["identifier"]) == 1


@pytest.mark.parametrize("type_", ["AN", "VN", "SN", "MB", "MC", "MA", "DL", "Account", "family number"])
def test_a_number_of_another_kind_is_kept_and_finds_nobody(sent, type_):
    raw = (
        (CASES / "03-words-for-no-number" / "1.hl7")
        .read_bytes()
        .replace(b"UNKNOWN^^^SSA^SS", b"55001^^^MERCY^" + type_.encode())
    )
    sent.v2(raw)
    second = (
        (CASES / "03-words-for-no-number" / "2.hl7")
        .read_bytes()
        .replace(b"UNKNOWN^^^SSA^SS", b"55001^^^MERCY^" + type_.encode())
    )
    assert b"MSA|AA" in sent.v2(second).data
    assert len(sent.all("Patient")) == 2
    # nor is it the record number of the same authority
    third = (
        raw.replace(b"88001^^^MERCY^MR", b"55001^^^MERCY^MR")
        .replace(b"w03a", b"w03c")
        .replace(b"Vw03a", b"Vw03c")
        .replace(b"Ash^Anna", b"Cole^Cy")
        .replace(b"19500101", b"19770707")
    )
    sent.v2(third.replace(b"~55001^^^MERCY^" + type_.encode(), b""))
    entries = sent.get("/fhir/Patient?identifier=urn:example:mercy%7C55001")["entry"]
    assert [entry["resource"]["name"][0]["family"] for entry in entries] == ["Cole"]


def test_who_has_another_number_or_another_name_and_birth_date_waits(sent):
    raw = (CASES / "03-words-for-no-number" / "1.hl7").read_bytes()
    national = raw.replace(b"UNKNOWN^^^SSA^SS", b"010150-1234^^^CPR&1.2.208.176.1.2&ISO^NNDNK")
    assert b"MSA|AA" in sent.v2(national).data
    other = national.replace(b"88001", b"88009").replace(b"w03a", b"w03x")
    answer = sent.v2(other)
    assert b"MSA|AA" in answer.data
    assert b"another number in urn:example:mercy" in answer.data
    stranger = (
        raw.replace(b"w03a", b"w03y").replace(b"Ash^Anna", b"Berg^Per").replace(b"19500101", b"19880808")
    )
    assert b"another birth date and another name" in sent.v2(stranger).data
    waiting = sent.get("/api/quarantine")["items"]
    assert {item["reason"] for item in waiting} == {"other-person"}
    assert len(sent.all("Patient")) == 1


def test_a_merge_into_oneself_and_a_merge_turned_round_make_no_circle(sent):
    answers = sent.folder("51-merge-itself-and-back")
    assert all(b"MSA|AA" in answer.data for answer in answers)
    patients = sent.all("Patient")
    assert sorted(patient.get("active", True) for patient in patients) == [False, True]
    cases = [sent.get(f"/api/cases/{item['uuid']}") for item in sent.get("/api/cases")["items"]]
    (live,) = [case for case in cases if case["status"] != "cancelled"]
    assert len(live["received"]["stays"]) == 3


def test_a_conditional_reference_to_nobody_makes_nobody(sent):
    (answer,) = sent.folder("19-conditional-reference-to-nobody")
    assert answer.status_code in {202, 412}
    assert sent.all("Patient") == []
    assert [item["reason"] for item in sent.get("/api/quarantine")["items"]] == ["unknown-person"]


def test_a_number_that_is_asked_for_in_part_is_not_said_to_be_nobodys(sent):
    sent.folder("03-words-for-no-number", "1.hl7")
    answer = sent.house.get("/fhir/Patient?identifier=", partner=None)
    assert (answer.status_code, answer.json["resourceType"]) == (400, "OperationOutcome")
    patients = sent.all("Patient?identifier=urn:example:mercy%7C")
    systems = [
        {identifier["system"] for identifier in patient.get("identifier", [])}
        for patient in sent.all("Patient")
    ]
    assert len(patients) == len([known for known in systems if "urn:example:mercy" in known])
