"""Inputs that came out wrong once, in folders beside this: what is said of people and stays is whole."""

import pytest

from tests.web.facts.case_files import CASES, REGISTRY, Sent, values

TABLE = "http://terminology.hl7.org/CodeSystem/v2-"
ACT_CODE = "http://terminology.hl7.org/CodeSystem/v3-ActCode"
PART = "http://terminology.hl7.org/CodeSystem/v3-ParticipationType"
SNOMED = "http://snomed.info/sct"
AUTHORITY = "urn:casebridge:authority:mercy"


@pytest.fixture
def registry():
    return REGISTRY


@pytest.fixture
def sent(house):
    return Sent(house)


def codes(concept):
    """The codings of a CodeableConcept, as (system, code)."""
    return [(coding["system"], coding["code"]) for coding in concept["coding"]]


def uses(encounter):
    return [codes(diagnosis["use"])[0][1] for diagnosis in encounter["diagnosis"]]


@pytest.fixture
def much(sent):
    """What came of a message that says much."""
    (answer,) = sent.folder("03-much")
    assert b"MSA|AA" in answer.data
    # PID-19 is a running number: a placeholder
    assert (answer.data.count(b"ERR|"), b"ERR||PID^1^19^1^1|" in answer.data) == (1, True)
    return sent


def test_a_message_that_says_much_tells_who_somebody_is(much):
    client = much.document("clients")
    assert {
        (identifier["system"], identifier["value"], identifier["type"])
        for identifier in client["identifiers"]
    } == {
        (f"{AUTHORITY}:WARDS", "P-3", "MR"),
        (f"{AUTHORITY}:GOV", "NAT-3", "NI"),
        (f"{AUTHORITY}:CLINIC", "ALT-3", "PI"),
    }
    name = {"family": "Testc", "given": ["Cia", "M"], "prefix": ["Dr"], "suffix": ["Jr"]}
    phone = {"system": "phone", "value": "+45 11 223344", "use": "home"}
    assert (client["names"], client["telecom"], client["language"]) == ([name], [phone], "fi")
    patient = much.one("Patient")
    assert values(patient) == {"P-3", "NAT-3", "ALT-3"}
    assert (patient["name"], patient["telecom"]) == ([name], [phone])
    assert codes(patient["communication"][0]["language"]) == [("urn:ietf:bcp:47", "fi")]


def test_a_message_that_says_much_tells_who_belongs_to_somebody_and_who_pays(much):
    client = much.received("clients")
    (friend,) = client["related_persons"]
    phone = [{"system": "phone", "value": "555-9999", "use": "work"}]
    assert (friend["relationship"], friend["telecom"]) == ("friend", phone)
    assert friend["relationships_as_sent"] == [{"system": f"{TABLE}0063", "code": "FND"}]
    (related,) = much.parts("RelatedPerson", "related_persons")
    assert (related["telecom"], related["name"]) == (phone, [{"family": "Friend", "given": ["Fia"]}])
    assert (f"{TABLE}0063", "FND") in [code for kind in related["relationship"] for code in codes(kind)]
    (coverage,) = client["coverages"]
    assert (coverage["status"], coverage["subscriber_id"]) == ("draft", "M-77")
    assert much.get(f"/api/directory/organization/{coverage['payer']}")["name"] == "Medicare"
    (part,) = much.parts("Coverage", "coverages")
    assert (part["status"], part["subscriberId"]) == ("draft", "M-77")


def test_a_message_that_says_much_tells_of_the_stay(much):
    stay = much.stay()
    assert (stay["kind"], stay["location"]) == ("emergency", "ER 1 2")
    assert stay["class_as_sent"] == {"system": ACT_CODE, "code": "EMER", "display": "emergency"}
    assert stay["disposition"] == {"system": f"{TABLE}0112", "code": "07"}
    assert [diagnosis["use"] for diagnosis in stay["diagnoses"]] == ["admission", "discharge"]
    assert [participant["role"] for participant in stay["participants"]] == ["primary-care"]
    case = much.received("cases")
    assert [condition["code"]["code"] for condition in case["conditions"]] == ["I10", "E11"]
    assert [member["role"] for member in case["team"]] == ["hospital-contact", "physician"]
    (encounter,) = much.encounters()
    assert (encounter["class"]["code"], uses(encounter)) == ("EMER", ["AD", "DD"])
    (doctor,) = much.people(encounter)
    assert (doctor["name"], values(doctor)) == ([{"family": "Doctor", "given": ["Gail"]}], {"GP9"})


def test_where_somebody_is_and_goes_and_why_are_what_was_said(sent):
    (answer,) = sent.folder("10-location-reason-destination")
    assert answer.status_code == 200, answer.data
    stay = sent.stay()
    assert (stay["location"], stay["destination"]) == ("Ward 7", "Rehab home Sunny")
    assert [reason["display"] for reason in stay["reasons"]] == ["Total replacement of hip"]
    (condition,) = sent.received("cases")["conditions"]
    assert condition["code"] == {"system": SNOMED, "code": "52734007", "display": "x", "text": "said twice"}
    stands = [condition[part] for part in ("clinical_status", "onset", "abatement")]
    assert stands == ["resolved", "2026-01-05", "2026-02-01"]
    client = sent.received("clients")
    assert (client["language"], [coverage["status"] for coverage in client["coverages"]]) == (
        "fi",
        ["cancelled"],
    )
    (encounter,) = sent.encounters()
    assert [location["location"] for location in encounter["location"]] == [{"display": "Ward 7"}]
    assert encounter["hospitalization"]["destination"] == {"display": "Rehab home Sunny"}
    assert [codes(reason) for reason in encounter["reasonCode"]] == [[(SNOMED, "52734007")]]
    assert (uses(encounter), encounter["diagnosis"][0]["rank"]) == (["DD"], 1)
    (part,) = sent.parts("Condition", "conditions")
    assert codes(part["clinicalStatus"])[0][1] == "resolved"
    assert part["abatementDateTime"] == "2026-02-01"
    assert [part["status"] for part in sent.parts("Coverage", "coverages")] == ["cancelled"]
    assert codes(sent.one("Patient")["communication"][0]["language"]) == [("urn:ietf:bcp:47", "fi")]


def test_who_takes_part_is_known_behind_a_role_and_by_a_number(sent):
    (answer,) = sent.folder("13-practitionerrole")
    assert answer.status_code == 200, answer.data
    stay = sent.stay()
    assert (stay["location"], stay["destination"]) == ("Ward 7", "Sunset Nursing Home")
    assert [(participant["role"], participant["role_as_sent"]) for participant in stay["participants"]] == [
        ("attending", {"system": PART, "code": "ATND"}),
        ("consulting", {"system": PART, "code": "CON"}),
    ]
    known = [
        sent.get(f"/api/directory/practitioner/{participant['practitioner']}")
        for participant in stay["participants"]
    ]
    assert [(relative["names"], values({"identifier": relative["identifiers"]})) for relative in known] == [
        ([{"family": "Okafor", "given": ["Uma"]}], {"W13"}),
        ([{"text": "Dr. Elm"}], {"89"}),
    ]
    (encounter,) = sent.encounters()
    roles = [
        {code for kind in participant["type"] for _, code in codes(kind)}
        for participant in encounter["participant"]
    ]
    assert roles == [{"attending", "ATND"}, {"consulting", "CON"}]
    assert [(person["name"], values(person)) for person in sent.people(encounter)] == [
        ([{"family": "Okafor", "given": ["Uma"]}], {"W13"}),
        ([{"text": "Dr. Elm"}], {"89"}),
    ]
    assert encounter["hospitalization"]["destination"] == {"display": "Sunset Nursing Home"}
    assert [location["location"] for location in encounter["location"]] == [{"display": "Ward 7"}]


def test_a_next_of_kin_has_every_number_that_is_sent(sent):
    (answer,) = sent.folder("12-next-of-kin-phone")
    assert b"MSA|AA" in answer.data
    assert b"ERR" not in answer.data
    (kin,) = sent.received("clients")["related_persons"]
    name = [{"family": "Ash", "given": ["Bo"]}]
    ways = [
        {"system": "phone", "value": "+45 22 334455", "use": "home"},
        {"system": "email", "value": "bo@example.org"},
        {"system": "phone", "value": "+45 44 556677", "use": "work"},
    ]
    assert (kin["relationship"], kin["names"], kin["telecom"]) == ("spouse", name, ways)
    assert kin["relationships_as_sent"] == [{"system": f"{TABLE}0063", "code": "SPO"}]
    (related,) = sent.parts("RelatedPerson", "related_persons")
    assert (related["name"], related["telecom"]) == (name, ways)
    assert (f"{TABLE}0063", "SPO") in [code for kind in related["relationship"] for code in codes(kind)]


def test_a_death_that_a_person_update_tells_of_ends_the_case(sent):
    sent.folder("20-death-told-by-a31", "1.hl7")
    assert sent.document("cases")["status"] == "planned"
    (answer,) = sent.folder("20-death-told-by-a31", "2.hl7")
    assert b"MSA|AA" in answer.data
    assert b"Nothing in it changes a case" not in answer.data
    assert sent.document("clients")["has_died"] is True
    case = sent.document("cases")
    assert (case["status"], case["closure"]["reason"]) == ("finished", "died")
    # nobody is visited any more
    assert "plan" not in case["received"]
    assert sent.one("Patient")["deceasedBoolean"] is True
    assert sent.one("EpisodeOfCare")["status"] == "finished"
    assert [encounter["status"] for encounter in sent.encounters()] == ["finished"]


def test_parts_of_names_and_addresses_are_put_together_and_a_language_is_a_tag(sent):
    (answer,) = sent.folder("25-address-and-name-parts")
    assert b"MSA|AA" in answer.data
    client, patient = sent.document("clients"), sent.one("Patient")
    name = {"family": "von Ahn", "given": ["Ida"], "prefix": ["Dr"], "suffix": ["Jr", "MD"]}
    assert client["names"] == patient["name"] == [name]
    place = {"line": ["Kanalvej 7"], "city": "Aarhus", "country": "DK"}
    assert client["addresses"] == [{**place, "postal_code": "8000"}]
    assert patient["address"] == [{**place, "postalCode": "8000"}]
    assert client["language"] == codes(patient["communication"][0]["language"])[0][1] == "de"


@pytest.mark.parametrize(
    ("case", "name"),
    [
        ("50-escapes", {"family": "O&Neil^x", "given": ["Ivy\\R\\z", "4\\5 re."]}),
        ("63-charsets", {"family": "Sørensen", "given": ["Åse"]}),
        # what is masked or absent says nothing
        ("55-absent-data", {"given": ["Noor"]}),
    ],
)
def test_a_name_is_what_was_meant_however_it_was_written(sent, case, name):
    (answer,) = sent.folder(case)
    assert answer.status_code == 200
    assert sent.document("clients")["names"] == sent.one("Patient")["name"] == [name]


CYRILLIC = {"family": "Иванова", "given": ["Анна"]}
DANISH = {"family": "Sørensen", "given": ["Åse"]}


@pytest.mark.parametrize(
    ("charset", "encoding", "name"),
    [
        ("UNICODE UTF-8", "utf-8", DANISH),
        ("8859/1", "latin-1", DANISH),
        # some declare what they do not send
        ("8859/1", "utf-8", DANISH),
        ("8859/5", "iso8859-5", CYRILLIC),
        ("UNICODE UTF-8", "utf-8", CYRILLIC),
    ],
)
def test_a_name_is_read_in_the_character_set_that_is_declared(sent, charset, encoding, name):
    text = (CASES / "63-charsets" / "in.hl7").read_text(encoding="utf-8")
    written = f"{name['family']}^{name['given'][0]}"
    text = text.replace("UNICODE UTF-8", charset).replace("S\\XC3B8\\rensen^Åse", written)
    assert b"MSA|AA" in sent.v2(text.encode(encoding)).data
    assert sent.document("clients")["names"] == sent.one("Patient")["name"] == [name]


def test_bytes_of_no_declared_character_set_are_refused_where_they_stand(sent):
    text = (CASES / "63-charsets" / "in.hl7").read_text(encoding="utf-8")
    answer = sent.v2(text.replace("UNICODE UTF-8", "").encode("latin-1"))
    assert b"MSA|AE" in answer.data
    assert b"PID^1^5" in answer.data
    assert sent.all("Patient") == []


def test_a_disposition_that_is_absent_is_none(sent):
    (answer,) = sent.folder("55-absent-data")
    assert [entry["response"]["status"] for entry in answer.json["entry"]] == ["200 OK", "201 Created"]
    assert "disposition" not in sent.stay()
    (encounter,) = sent.encounters()
    assert "hospitalization" not in encounter


def test_the_history_of_a_stay_is_when_it_was_not_when_it_was_told(sent):
    sent.folder("09-stay-of-2023")
    (stay,) = sent.encounters()
    assert [(period["status"], period["period"]["start"][:10]) for period in stay["statusHistory"]] == [
        ("in-progress", "2023-03-01"),
        ("onleave", "2023-03-03"),
    ]
    assert stay["statusHistory"][-1]["period"]["end"][:10] == "2023-03-05"


def test_a_local_time_of_nowhere_is_told_of(sent):
    (answer,) = sent.folder("26-no-time-zone-registered", partner="plain")
    assert b"MSA|AA" in answer.data
    assert b"no time zone is registered" in answer.data
    (again,) = sent.folder("26-no-time-zone-registered", partner="mercy")
    assert b"no time zone" not in again.data


@pytest.mark.parametrize("class_", ["", "N", "U"])
def test_no_class_is_made_up(sent, class_):
    raw = (
        (CASES / "54-visit-without-authority" / "2.hl7")
        .read_bytes()
        .replace(b"PV1|1|I|", f"PV1|1|{class_}|".encode())
    )
    sent.v2(raw)
    (stay,) = sent.stays("15401")
    assert (stay["kind"], "class_as_sent" in stay) == ("unknown", False)
    (encounter,) = sent.encounters()
    assert encounter["class"]["system"] == "http://terminology.hl7.org/CodeSystem/v3-NullFlavor"
