"""`$validate`: what is wrong with a resource that somebody sends, and that nothing of it is kept."""

import json
from pathlib import Path

import pytest

from service.flows.authoring.validity import MOST_OBJECTS

FHIR = "application/fhir+json"
GOLDEN = Path(__file__).parents[3] / "mappings" / "golden"
CORE = "http://hl7.org/fhir/us/core/StructureDefinition"
PLAN = {
    "resourceType": "CarePlan",
    "status": "active",
    "intent": "plan",
    "subject": {"reference": "Patient/x"},
}


@pytest.fixture
def database_url(sqlite_url):
    """What is valid is the same on both."""
    return sqlite_url


def validate(house, type_, body, query="", **asked):
    return house.ask("POST", f"/fhir/{type_}/$validate{query}", json=body, content_type=FHIR, **asked)


def issues(answer):
    """Of each issue its severity, code and place."""
    assert (answer.status_code, answer.content_type) == (200, FHIR), answer.json
    return [
        (issue["severity"], issue["code"], *issue.get("expression", ["-"])) for issue in answer.json["issue"]
    ]


def made(overlay):
    path = GOLDEN / overlay / "case" if overlay else GOLDEN / "case"
    return json.loads((path / "out.json").read_text(encoding="utf-8"))


def test_all_that_is_stored_is_valid(rivers_house):
    types = ("CarePlan", "CareTeam", "EpisodeOfCare", "Patient", "Coverage", "Practitioner", "Provenance")
    for type_ in types:
        address = (
            f"/fhir/{type_}/{rivers_house.get(f'/fhir/{type_}').json['entry'][0]['resource']['id']}/$validate"
        )
        for query in ("", "?mode=update", "?mode=profile"):
            assert issues(rivers_house.get(address + query)) == [("information", "informational", "-")], type_


def test_of_what_is_stored_a_profile_may_be_asked_for(rivers_house):
    plan = rivers_house.one("CarePlan")
    address = f"/fhir/CarePlan/{plan['id']}/$validate"
    # US Core wants the category assess-plan, which its overlay gives
    named = f"?mode=profile&profile={CORE}/us-core-careplan"
    assert [severity for severity, *_ in issues(rivers_house.get(address + named))] == ["error"]
    parameters = [
        {"name": "mode", "valueCode": "profile"},
        {"name": "profile", "valueUri": f"{CORE}/us-core-careplan"},
    ]
    asked = {"resourceType": "Parameters", "parameter": parameters}
    posted = rivers_house.ask("POST", address, json=asked, content_type=FHIR)
    assert issues(posted) == issues(rivers_house.get(address + named))
    assert issues(rivers_house.get(f"{address}?profile=urn:none")) == [("error", "not-found", "profile")]


def test_what_is_sent_in_the_place_of_what_is_stored_is_looked_at_instead(rivers_house):
    plan = rivers_house.one("CarePlan")
    address = f"/fhir/CarePlan/{plan['id']}/$validate"
    wrong = {**plan, "status": "going well"}
    parameters = {"resourceType": "Parameters", "parameter": [{"name": "resource", "resource": wrong}]}
    for body in (wrong, parameters):
        answer = rivers_house.ask("POST", address, json=body, content_type=FHIR)
        assert issues(answer) == [("error", "code-invalid", "CarePlan.status")]
    assert issues(rivers_house.ask("POST", address))[0][0] == "information"
    other = rivers_house.ask("POST", address, json={**plan, "id": "other"}, content_type=FHIR)
    assert (other.status_code, other.json["issue"][0]["expression"]) == (400, ["CarePlan.id"])
    assert rivers_house.one("CarePlan") == plan


def test_nothing_is_deleted_by_fhir_and_what_is_there_is_not_created(rivers_house):
    address = f"/fhir/CarePlan/{rivers_house.one('CarePlan')['id']}/$validate"
    assert issues(rivers_house.get(f"{address}?mode=delete")) == [("error", "not-supported", "mode")]
    for query, where in (("?mode=create", "mode"), ("?mode=x", "mode"), ("?persist=true", "persist")):
        answer = rivers_house.get(address + query)
        assert (answer.status_code, answer.json["issue"][0]["expression"]) == (400, [where])


def test_what_is_out_of_scope_cannot_be_asked_about(rivers_house):
    address = f"/fhir/CarePlan/{rivers_house.one('CarePlan')['id']}/$validate"
    for path in (address, "/fhir/CarePlan/none/$validate", "/fhir/Slot/none/$validate"):
        assert rivers_house.get(path, partner="southern").status_code == 404
    uuid = rivers_house.get("/api/cases/c1").headers["Casebridge-Id"]
    assert rivers_house.ask("DELETE", f"/api/cases/{uuid}", partner=None).status_code == 204
    assert rivers_house.get(address, partner=None).status_code == 410


@pytest.mark.parametrize("overlay", ["", "us-core"])
def test_all_that_our_mappings_make_is_valid(house, overlay):
    types = set()
    for resource in made(overlay):
        assert issues(validate(house, resource["resourceType"], resource)) == [
            ("information", "informational", "-")
        ], resource["resourceType"]
        types.add(resource["resourceType"])
    assert len(types) > 10


@pytest.mark.parametrize(
    ("changed", "where"),
    [
        ({"status": "going well"}, "CarePlan.status"),
        ({"status": None}, "CarePlan.status"),
        ({"subject": {"reference": "Location/x"}}, "CarePlan.subject"),
        ({"period": {"start": "2026-13-01"}}, "CarePlan.period.start"),
        ({"mood": "good"}, "CarePlan.mood"),
        ({"contained": [{"resourceType": "Patient", "id": "p"}]}, "CarePlan"),
    ],
)
def test_what_is_wrong_is_told_with_its_place_and_quotes_nothing(house, changed, where):
    answer = validate(house, "CarePlan", {**PLAN, **changed})
    (severity, _, place), *_ = issues(answer)
    assert (severity, place) == ("error", where)
    assert "going well" not in answer.text


def test_an_invariant_is_looked_at_too(house):
    wrong = {"resourceType": "Patient", "contact": [{"gender": "other"}]}
    assert issues(validate(house, "Patient", wrong)) == [("error", "invariant", "Patient.contact[0]")]


def test_a_profile_that_is_claimed_or_asked_for_is_looked_at(house):
    patient = {"resourceType": "Patient", "gender": "other"}
    claims = {**patient, "meta": {"profile": [f"{CORE}/us-core-patient|8.0.0", "urn:example:other"]}}
    warning = ("warning", "not-found", "Patient.meta.profile[1]")
    for answer, more in (
        (validate(house, "Patient", claims), [warning]),
        (validate(house, "Patient", patient, f"?profile={CORE}/us-core-patient"), []),
    ):
        issues_ = issues(answer)
        assert issues_[: len(more)] == more
        assert {issue[:2] for issue in issues_[len(more) :]} == {("error", "invariant")}
        assert "Patient.name" in {issue[2] for issue in issues_}
    (unknown,) = issues(validate(house, "Patient", patient, "?profile=urn:example:other"))
    assert unknown == ("error", "not-found", "profile")


def test_it_is_asked_with_parameters_too(house):
    asked = [
        {"name": "resource", "resource": PLAN},
        {"name": "mode", "valueCode": "create"},
        {"name": "profile", "valueUri": f"{CORE}/us-core-careplan"},
    ]
    sent = {"resourceType": "Parameters", "parameter": asked}
    assert {issue[:2] for issue in issues(validate(house, "CarePlan", sent))} == {("error", "invariant")}
    sent = {"resourceType": "Parameters", "parameter": asked[:1]}
    assert issues(validate(house, "CarePlan", sent)) == [("information", "informational", "-")]


@pytest.mark.parametrize(
    ("type_", "body", "query", "status"),
    [
        ("Nonsense", PLAN, "", 404),
        ("Patient", PLAN, "", 400),
        ("CarePlan", PLAN, "?mode=delete", 400),
        ("CarePlan", PLAN, "?foo=1", 400),
        ("CarePlan", [], "", 400),
        ("CarePlan", {"resourceType": "Parameters"}, "", 400),
        ("CarePlan", {"resourceType": "Parameters", "parameter": [1]}, "", 400),
        ("CarePlan", {"resourceType": "Parameters", "parameter": [{"name": "resource"}]}, "", 400),
        ("CarePlan", {"resourceType": "Parameters", "parameter": [{"name": "x"}]}, "", 400),
        ("CarePlan", {"resourceType": "Parameters", "parameter": [{"name": "mode"}]}, "", 400),
        ("Patient", {"resourceType": "Patient", "contact": [{}] * (MOST_OBJECTS + 1)}, "", 413),
    ],
)
def test_what_cannot_be_validated_is_refused(house, type_, body, query, status):
    answer = validate(house, type_, body, query)
    assert (answer.status_code, answer.json["resourceType"]) == (status, "OperationOutcome")
    assert house.ask("POST", "/fhir/CarePlan/$validate", data="<a/>").status_code == 415


def test_who_may_not_read_a_type_has_nothing_of_it_validated(house):
    assert validate(house, "CarePlan", PLAN, partner="engineer").status_code == 403
