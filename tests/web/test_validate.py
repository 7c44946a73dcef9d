"""`$validate`: what is wrong with a resource that somebody sends, and that nothing of it is kept."""

import json
from pathlib import Path

import pytest

from service.flows.authoring.validity import MOST_OBJECTS

FHIR = "application/fhir+json"
GOLDEN = Path(__file__).parents[2] / "mappings" / "golden"
CORE = "http://hl7.org/fhir/us/core/StructureDefinition"
PLAN = {
    "resourceType": "CarePlan",
    "status": "active",
    "intent": "plan",
    "subject": {"reference": "Patient/x"},
}


@pytest.fixture
def database_url(sqlite_url):
    """No database is asked."""
    return sqlite_url


def validate(house, type_, body, query="", **asked):
    return house.ask("POST", f"/fhir/{type_}/$validate{query}", json=body, content_type=FHIR, **asked)


def issues(answer):
    """Of each issue its severity, code and place."""
    assert (answer.status_code, answer.content_type) == (200, FHIR), answer.json
    return [(each["severity"], each["code"], *each.get("expression", ["-"])) for each in answer.json["issue"]]


def made(overlay):
    path = GOLDEN / overlay / "case" if overlay else GOLDEN / "case"
    return json.loads((path / "out.json").read_text(encoding="utf-8"))


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
        told = issues(answer)
        assert told[: len(more)] == more
        assert {each[:2] for each in told[len(more) :]} == {("error", "invariant")}
        assert "Patient.name" in {each[2] for each in told}
    (unknown,) = issues(validate(house, "Patient", patient, "?profile=urn:example:other"))
    assert unknown == ("error", "not-found", "profile")


def test_it_is_asked_with_parameters_too(house):
    asked = [
        {"name": "resource", "resource": PLAN},
        {"name": "mode", "valueCode": "create"},
        {"name": "profile", "valueUri": f"{CORE}/us-core-careplan"},
    ]
    sent = {"resourceType": "Parameters", "parameter": asked}
    assert {each[:2] for each in issues(validate(house, "CarePlan", sent))} == {("error", "invariant")}
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
