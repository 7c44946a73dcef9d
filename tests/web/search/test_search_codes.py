"""Searches by what codes are called, by value sets, and by levels of a code system."""

import pytest

from service.flows.pull.codes import codes_of
from service.flows.pull.terminology import Vocabulary
from service.mapping.terminology.concepts import CodeSystem

KINDS = "https://casebridge.org/fhir/ValueSet/service-kind"
KIND = "https://casebridge.org/fhir/CodeSystem/service-kind"


def found(house, asked):
    """The ids of what a search finds."""
    answer = house.get(f"/fhir/{asked}")
    assert answer.status_code == 200, answer.json
    return {each["resource"]["id"] for each in answer.json.get("entry", [])}


def refused(house, asked):
    """What is said of a search that is refused: the name of the parameter, and why."""
    answer = house.get(f"/fhir/{asked}", headers={"Prefer": "handling=lenient"})
    assert answer.status_code == 400, answer.json
    (issue,) = answer.json["issue"]
    return issue["expression"], issue["details"]["text"]


def called(house, type_, path, text):
    """The ids of resources of a type with a code that is called so, told from what is served."""
    return {
        each["resource"]["id"]
        for each in house.get(f"/fhir/{type_}").json["entry"]
        for coding in each["resource"].get(path, {}).get("coding", [])
        if coding.get("display", "").casefold().startswith(text)
    }


def test_a_code_is_found_by_the_beginning_of_what_it_is_called(told):
    wanted = called(told, "ServiceRequest", "code", "physio")
    assert len(wanted) == 1
    for text in ("physio", "PHYSIOTHER", "Ph%C3%BDsio"):
        assert found(told, f"ServiceRequest?code:text={text}") == wanted, text
    assert found(told, "ServiceRequest?code:text=physio,neuro") > wanted
    assert found(told, "ServiceRequest?code:text=therapy") == set()
    assert found(told, "CarePlan?activity-reference:ServiceRequest.code:text=physio") == found(
        told, "CarePlan"
    )


def test_the_words_of_somebodys_own_are_found_in_cyrillic_too(house, told):
    case = house.get("/api/cases/c1")
    patch = {"conditions": [{"id": "k", "code": {"text": "Ёлочная Аллергия"}, "clinical_status": "active"}]}
    headers = {"If-Match": case.headers["ETag"], "Content-Type": "application/merge-patch+json"}
    assert house.ask("PATCH", "/api/cases/c1", json=patch, headers=headers).status_code == 200
    assert len(found(told, "Condition?code:text=елочная")) == 1
    assert found(told, "Condition?code:text=аллергия") == set()


@pytest.mark.parametrize(
    "name", [KINDS, "ValueSet/service-kind", "http://127.0.0.1:8080/fhir/ValueSet/service-kind"]
)
def test_what_is_in_a_value_set_and_what_is_not_are_told_apart(told, name):
    every = found(told, "ServiceRequest")
    inside = found(told, f"ServiceRequest?code:in={name}")
    assert inside == found(told, f"ServiceRequest?code={KIND}|")
    assert found(told, f"ServiceRequest?code:not-in={name}") == every - inside
    assert inside


def test_a_version_of_a_value_set_is_the_one_that_is_kept_or_refused(told):
    version = told.get(f"/fhir/ValueSet?url={KINDS}").json["entry"][0]["resource"]["version"]
    assert found(told, f"ServiceRequest?code:in={KINDS}|{version}") == found(
        told, f"ServiceRequest?code:in={KINDS}"
    )
    where, what = refused(told, f"ServiceRequest?code:in={KINDS}|1999")
    assert where == ["code"]
    assert version in what


@pytest.mark.parametrize("asked", ["code:in", "code:not-in"])
def test_an_unknown_value_set_is_refused_with_the_nearest(told, asked):
    where, what = refused(told, f"ServiceRequest?{asked}={KINDS[:-1]}")
    assert where == ["code"]
    assert f"did you mean {KINDS}?" in what
    assert "did you mean" not in refused(told, f"ServiceRequest?{asked}=urn:x")[1]


@pytest.mark.parametrize(
    ("asked", "what"),
    [
        (f"ServiceRequest?code:below={KIND}|physiotherapy", "no code stands below another"),
        ("ServiceRequest?code:above=http://snomed.info/sct|1", "CodeSystems that are kept here"),
        ("ServiceRequest?code:below=physiotherapy", "Write system|code"),
        ("Patient?identifier:in=" + KINDS, ":in is of codes"),
        ("Patient?active:below=true", ":below is of codes"),
        ("CarePlan?status:text=active", ":text is of words"),
        ("ServiceRequest?code:text=", "The value is empty"),
        ("ServiceRequest?code:in=", "The value is empty"),
    ],
)
def test_what_cannot_be_compared_so_is_refused_with_why(told, asked, what):
    where, said = refused(told, asked)
    assert where == [asked.partition("?")[2].partition(":")[0]]
    assert what in said


def test_a_search_has_a_bound_of_codes(told, monkeypatch):
    monkeypatch.setattr("service.wire.fhir.search.tokens.MOST_CODES", 3)
    assert refused(told, f"ServiceRequest?code:in={KINDS}") == (
        ["code"],
        "These are over 3 codes; ask for them in parts.",
    )


LEVELS = [
    {"code": "any", "display": "any", "concept": [
        {"code": "body", "display": "body", "concept": [{"code": "walk", "display": "walk"}]},
        {"code": "mind", "display": "mind"},
    ]},
    {"code": "other", "display": "other"},
]  # fmt: skip


def test_the_codes_below_and_above_one_are_those_that_stand_so_in_its_system():
    system = CodeSystem("levels", "urn:l", {}, {}, {"concept": LEVELS})
    codes = codes_of(Vocabulary((), {"urn:l": system}, ()))
    for code, below, above in (
        ("any", {"any", "body", "walk", "mind"}, {"any"}),
        ("body", {"body", "walk"}, {"body", "any"}),
        ("walk", {"walk"}, {"walk", "body", "any"}),
        ("other", {"other"}, {"other"}),
    ):
        assert {each for _, each in codes.below("urn:l", code, "code")} == below
        assert {each for _, each in codes.above("urn:l", code, "code")} == above
