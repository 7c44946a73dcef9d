"""Who of its members somebody is an insurer asks by a card and a form, and learns of nobody else's.

https://hl7.org/fhir/us/davinci-hrex/OperationDefinition-member-match.html
"""

import pytest

from service.wire.fhir.check.validate import validate
from tests.web.conftest import REGISTRY
from tests.web.members import matching
from tests.web.members.matching import (
    FHIR,
    HREX,
    MATCH,
    asked,
    coded,
    consent,
    coverage,
    match,
    patient,
    provision,
)
from tests.web.seen.test_audit import records

UMB = "http://hl7.org/fhir/us/davinci-hrex/CodeSystem/hrex-temp"


@pytest.fixture
def registry(tmp_path):
    """The case system's organization is known by a number; southern sees what is psychiatric."""
    path = tmp_path / "partners.yaml"
    agency = 'kind: case-system, identifiers: [{system: "urn:example:payers", value: agency}]'
    said = REGISTRY.replace("kind: case-system", agency, 1)
    path.write_text(said.replace("value: southern}]", "value: southern}], labels: [PSY]"), encoding="utf-8")
    return path


@pytest.fixture
def members(house):
    matching.load(house)
    return house


def id_of(house, number, partner="cms"):
    (entry,) = house.get(f"/fhir/Patient?identifier=urn:example:people|{number}", partner=partner).json[
        "entry"
    ]
    return entry["resource"]["id"]


def codes(answer):
    """The codes of an OperationOutcome, and where."""
    assert answer.json["resourceType"] == "OperationOutcome"
    return [(issue["code"], issue.get("expression", [""])[0]) for issue in answer.json["issue"]]


def test_a_member_is_told_by_an_identifier_and_an_id_that_find_them(members):
    answer = match(members)
    assert answer.status_code == 200, answer.json
    assert validate(answer.json) == []
    by_name = {parameter["name"]: parameter for parameter in answer.json["parameter"]}
    assert list(by_name) == ["MemberIdentifier", "MemberId"]
    identifier = by_name["MemberIdentifier"]["valueIdentifier"]
    assert (UMB, "UMB") in {(coding["system"], coding["code"]) for coding in identifier["type"]["coding"]}
    assert by_name["MemberId"]["valueReference"] == {"reference": f"Patient/{id_of(members, 'A-1')}"}
    query = f"{identifier['system']}|{identifier['value']}"
    entries = members.get(f"/fhir/Patient?identifier={query}", partner="northern").json["entry"]
    assert [entry["resource"]["id"] for entry in entries] == [id_of(members, "A-1")]


@pytest.mark.parametrize(
    "more",
    [
        {"CoverageToMatch": coverage(None, subscriberId="F-7")},
        {"CoverageToMatch": coverage("m 100")},
        {"CoverageToMatch": coverage(None),
         "MemberPatient": patient(identifier=[{"system": "urn:example:people", "value": "A-1"}])},
        {"MemberPatient": patient(name=[{"family": "Birch", "given": ["ALMA"]}])},
        {"CoverageToLink": coverage("X-1", "southern"), "Consent": consent()},
    ],
    ids=["by the subscriber's number", "as the card prints it", "by their own", "maiden name", "linked"],
)  # fmt: skip
def test_a_member_is_found(members, more):
    answer = match(members, **more)
    assert answer.status_code == 200, answer.json
    assert answer.json["parameter"][1]["valueReference"]["reference"] == f"Patient/{id_of(members, 'A-1')}"


@pytest.mark.parametrize(
    "more",
    [
        {"CoverageToMatch": coverage("M-102")},
        {"CoverageToMatch": coverage(None)},
        {"CoverageToMatch": coverage("M-100", "southern")},
        {"CoverageToMatch": coverage("M-101", subscriberId="F-7")},
        {"MemberPatient": patient(birthDate="1974-12-24")},
        {"MemberPatient": patient(name=[{"family": "Åström", "given": ["Carla"]}])},
        {"MemberPatient": patient(identifier=[{"system": "urn:example:people", "value": "A-2"}])},
    ],
    ids=["other number", "no number", "other payer", "twin's", "other day", "other name", "twin's own"],
)
def test_who_is_not_known_to_be_a_member_is_told_as_nobody(members, more):
    answer = match(members, **more)
    assert (answer.status_code, codes(answer)) == (422, [("not-found", "Parameters")])


def test_somebody_elses_member_is_nobody_as_who_never_was(members):
    theirs = {"CoverageToMatch": coverage("M-900", "southern")}
    never = {"CoverageToMatch": coverage("M-901", "southern")}
    answers = [match(members, **whom) for whom in (theirs, never)]
    assert answers[0].json == answers[1].json
    assert {answer.status_code for answer in answers} == {422}
    assert match(members, "southern", **theirs).status_code == 200


def test_who_denies_the_insurer_is_nobody(members):
    denied = {**matching.ALMA, "consents": [{"id": "no", "status": "active", "decision": "deny"}]}
    assert members.put("/api/clients/alma", denied, headers={"If-Match": "*"}).status_code == 200
    answer = match(members)
    assert (answer.status_code, codes(answer)) == (422, [("not-found", "Parameters")])


def test_several_are_not_one(members):
    again = {**matching.ALMA, "identifiers": [{"system": "urn:example:people", "value": "A-3"}]}
    assert members.put("/api/clients/again", again).status_code == 201
    answer = match(members)
    assert (answer.status_code, codes(answer)) == (422, [("multiple-matches", "Parameters")])


def test_what_is_missing_of_a_member_is_said(members):
    bare = {"resourceType": "Patient", "id": "1"}
    assert codes(match(members, MemberPatient=bare))[1:] == [
        ("required", f"MemberPatient.{element}") for element in ("name", "birthDate", "gender")
    ]


NARROWER = {"purpose": [{"system": "http://terminology.hl7.org/CodeSystem/v3-ActReason", "code": "TREAT"}]}


@pytest.mark.parametrize(
    ("more", "where"),
    [
        ({"status": "inactive"}, "Consent.status"),
        ({"scope": coded("http://terminology.hl7.org/CodeSystem/consentscope", "research")}, "Consent.scope"),
        ({"category": [coded("http://loinc.org", "59284-0")]}, "Consent.category"),
        ({"policy": [{"uri": "http://example.org/ours"}]}, "Consent.policy"),
        ({"policy": [{"uri": f"{HREX}regular"}, {"uri": f"{HREX}sensitive"}]}, "Consent.policy"),
        ({"provision": provision(type="deny")}, "Consent.provision.type"),
        ({"provision": provision(start=1)}, "Consent.provision.period"),
        ({"provision": provision(end=-1)}, "Consent.provision.period"),
        ({"provision": provision(period={"start": matching.day(-1)})}, "Consent.provision.period"),
        ({"provision": provision(recipient="southern")}, "Consent.provision.actor"),
        ({"provision": provision(discloser="southern")}, "Consent.provision.actor"),
        ({"provision": provision(action=[])}, "Consent.provision.action"),
        ({"provision": provision(**NARROWER)}, "Consent.provision.purpose"),
        ({"provision": provision(provision=[{"type": "deny"}])}, "Consent.provision.provision"),
    ],
)
def test_a_consent_that_does_not_permit_it_or_cannot_be_kept_to_is_refused(members, more, where):
    sent = {name: part for name, part in consent(**more).items() if part}
    if not sent["provision"].get("action", [1]):
        del sent["provision"]["action"]
    answer = match(members, Consent=sent)
    assert (answer.status_code, codes(answer)) == (422, [("business-rule", where)])
    assert id_of(members, "A-1") not in answer.text


def test_a_consent_without_what_is_sensitive_cannot_be_kept_to_for_who_sees_that(members):
    theirs = {"CoverageToMatch": coverage("M-900", "southern")}
    both = provision("southern", "southern")
    sensitive = consent(provision=both, policy=[{"uri": f"{HREX}sensitive"}])
    assert match(members, "southern", Consent=sensitive, **theirs).status_code == 200
    answer = match(members, "southern", Consent=consent(provision=both), **theirs)
    assert (answer.status_code, codes(answer)) == (422, [("business-rule", "Consent.policy")])


def test_a_consent_may_name_who_keeps_the_data(members):
    keeper = consent(provision=provision("agency"))
    assert match(members, Consent=keeper).status_code == 200


@pytest.mark.parametrize(
    ("body", "where"),
    [
        ({"resourceType": "Patient"}, "resourceType"),
        (asked(MemberPatient=None), "Parameters.parameter"),
        (asked({"name": "MemberPatient", "resource": patient()}), "Parameters.parameter[2].name"),
        (asked({"name": "Other", "valueBoolean": True}), "Other"),
        (asked(CoverageToMatch=patient()), "Parameters.parameter[1].resource"),
        (asked(CoverageToMatch=coverage(beneficiary={"reference": "Patient/2"})),
         "CoverageToMatch.beneficiary.reference"),
        (asked(Consent=consent(patient={"reference": "http://example.org/Patient/1"})),
         "Consent.patient.reference"),
        (asked(MemberPatient={"resourceType": "Patient"}), "CoverageToMatch.beneficiary.reference"),
    ],
)  # fmt: skip
def test_what_is_no_request_is_refused_and_named(members, body, where):
    answer = members.ask("POST", MATCH, partner="northern", json=body, content_type=FHIR)
    assert answer.status_code == 400
    assert codes(answer)[0][1] == where


@pytest.mark.parametrize(
    "more",
    [
        {"MemberPatient": patient(name=[{"family": "x" * 60_000, "given": ["Alma"]}])},
        {"MemberPatient": patient(name=[{"family": "A%_", "given": ["\\,|$"]}])},
        {"MemberPatient": patient(identifier=[{"system": "urn:a|b,c\\", "value": "$|,\\"}])},
        {"MemberPatient": patient(birthDate="0001")},
        {"CoverageToMatch": coverage("\\,|$")},
        {"CoverageToMatch": coverage("x" * 60_000)},
        {"MemberPatient": patient(identifier=[{"value": "no system"}, {"system": "urn:no:value"}])},
        {"MemberPatient": patient(name=[{"text": "Alma Åström"}] * 50), "CoverageToMatch": coverage(None)},
    ],
)
def test_whatever_is_said_of_somebody_can_be_looked_for(members, more):
    assert match(members, **more).status_code in {200, 422}


@pytest.mark.parametrize(
    ("more", "where"),
    [
        ({"MemberPatient": patient(name=[{"family": "x"}] * 51)}, "MemberPatient.name"),
        ({"MemberPatient": patient(identifier=[{"value": "x"}] * 51)}, "MemberPatient.identifier"),
        ({"CoverageToMatch": coverage(payor=[matching.named("x")] * 51)}, "CoverageToMatch.payor"),
    ],
)
def test_more_than_can_be_compared_is_refused(members, more, where):
    answer = match(members, **more)
    assert (answer.status_code, codes(answer)[0][1]) == (400, where)


@pytest.mark.parametrize("text", ["Al\0ma", " ", "\ud800"])
def test_what_no_database_holds_is_the_askers_mistake_or_nobody(members, text):
    for more in (
        {"MemberPatient": patient(name=[{"family": text, "given": [text]}])},
        {"MemberPatient": patient(identifier=[{"system": "urn:x", "value": text}])},
        {"CoverageToMatch": coverage(text)},
    ):
        assert match(members, **more).status_code in {400, 422}
        begun = matching.begin(members, matching.many(matching.bundle(**more)))
        assert begun.status_code in {202, 400}
        if begun.status_code == 202:
            status = begun.headers["Content-Location"].removeprefix("http://127.0.0.1:8080")
            assert members.get(status, partner="northern").status_code == 200


def test_what_is_not_r4_is_refused_with_its_place(members):
    sent = asked(MemberPatient=patient(birthDate="25 December"))
    answer = members.ask("POST", MATCH, partner="northern", json=sent, content_type=FHIR)
    assert answer.status_code == 400
    assert "birthDate" in codes(answer)[0][1]
    assert "December" not in answer.text


def test_a_match_is_on_record_and_so_is_who_guesses(members):
    match(members)
    match(members, CoverageToMatch=coverage("M-102"))
    match(members, Consent=consent(status="inactive"))
    matched, guessed, denied = [row for row in records(members.engine) if row.text == MATCH]
    assert (matched.partner, matched.interaction, matched.status) == ("northern", "operation", 200)
    assert (guessed.partner, guessed.interaction, guessed.status) == ("northern", "operation", 422)
    for record in (matched, denied):
        assert id_of(members, "A-1") in record.things
    assert denied.status == 422
    assert guessed.things == "{}"


def test_the_operation_stands_in_the_capability_statement(members):
    rest = members.get("/fhir/metadata").json["rest"][0]
    (of_patients,) = (resource for resource in rest["resource"] if resource["type"] == "Patient")
    url = "http://hl7.org/fhir/us/davinci-hrex/OperationDefinition/member-match"
    assert {"name": "member-match", "definition": url} in of_patients["operation"]
