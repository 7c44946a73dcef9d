"""Searches by what codes are called, by value sets, and by levels of a code system."""

import pytest

from service.flows.pull.codes import codes_of
from service.flows.pull.terminology import Vocabulary
from service.mapping.terminology.concepts import CodeSystem

KINDS = "https://casebridge.org/fhir/ValueSet/service-kind"
KIND = "https://casebridge.org/fhir/CodeSystem/service-kind"


def ids_of(house, asked):
    """The ids of what a search finds."""
    answer = house.get(f"/fhir/{asked}")
    assert answer.status_code == 200, answer.json
    return {entry["resource"]["id"] for entry in answer.json.get("entry", [])}


def refused(house, asked):
    """What is said of a search that is refused: the name of the parameter, and why."""
    answer = house.get(f"/fhir/{asked}", headers={"Prefer": "handling=lenient"})
    assert answer.status_code == 400, answer.json
    (issue,) = answer.json["issue"]
    return issue["expression"], issue["details"]["text"]


def called(house, type_, path, text):
    """The ids of resources of a type with a code that is called so, told from what is served."""
    return {
        entry["resource"]["id"]
        for entry in house.get(f"/fhir/{type_}").json["entry"]
        for coding in entry["resource"].get(path, {}).get("coding", [])
        if coding.get("display", "").casefold().startswith(text)
    }


def test_a_code_is_found_by_the_beginning_of_what_it_is_called(rivers_house):
    wanted = called(rivers_house, "ServiceRequest", "code", "physio")
    assert len(wanted) == 1
    for text in ("physio", "PHYSIOTHER", "Ph%C3%BDsio"):
        assert ids_of(rivers_house, f"ServiceRequest?code:text={text}") == wanted, text
    assert ids_of(rivers_house, "ServiceRequest?code:text=physio,neuro") > wanted
    assert ids_of(rivers_house, "ServiceRequest?code:text=therapy") == set()
    assert ids_of(rivers_house, "CarePlan?activity-reference:ServiceRequest.code:text=physio") == ids_of(
        rivers_house, "CarePlan"
    )


def test_the_words_of_somebodys_own_are_found_in_cyrillic_too(house, rivers_house):
    case = house.get("/api/cases/c1")
    patch = {"conditions": [{"id": "k", "code": {"text": "Ёлочная Аллергия"}, "clinical_status": "active"}]}
    headers = {"If-Match": case.headers["ETag"], "Content-Type": "application/merge-patch+json"}
    assert house.ask("PATCH", "/api/cases/c1", json=patch, headers=headers).status_code == 200
    assert len(ids_of(rivers_house, "Condition?code:text=елочная")) == 1
    assert ids_of(rivers_house, "Condition?code:text=аллергия") == set()


@pytest.mark.parametrize(
    "name", [KINDS, "ValueSet/service-kind", "http://127.0.0.1:8080/fhir/ValueSet/service-kind"]
)
def test_what_is_in_a_value_set_and_what_is_not_are_told_apart(rivers_house, name):
    every = ids_of(rivers_house, "ServiceRequest")
    inside = ids_of(rivers_house, f"ServiceRequest?code:in={name}")
    assert inside == ids_of(rivers_house, f"ServiceRequest?code={KIND}|")
    assert ids_of(rivers_house, f"ServiceRequest?code:not-in={name}") == every - inside
    assert inside


def test_a_version_of_a_value_set_is_the_one_that_is_kept_or_refused(rivers_house):
    version = rivers_house.get(f"/fhir/ValueSet?url={KINDS}").json["entry"][0]["resource"]["version"]
    assert ids_of(rivers_house, f"ServiceRequest?code:in={KINDS}|{version}") == ids_of(
        rivers_house, f"ServiceRequest?code:in={KINDS}"
    )
    where, what = refused(rivers_house, f"ServiceRequest?code:in={KINDS}|1999")
    assert where == ["code"]
    assert version in what


@pytest.mark.parametrize("asked", ["code:in", "code:not-in"])
def test_an_unknown_value_set_is_refused_with_the_nearest(rivers_house, asked):
    where, what = refused(rivers_house, f"ServiceRequest?{asked}={KINDS[:-1]}")
    assert where == ["code"]
    assert f"did you mean {KINDS}?" in what
    assert "did you mean" not in refused(rivers_house, f"ServiceRequest?{asked}=urn:x")[1]


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
def test_what_cannot_be_compared_so_is_refused_with_why(rivers_house, asked, what):
    where, said = refused(rivers_house, asked)
    assert where == [asked.partition("?")[2].partition(":")[0]]
    assert what in said


def test_a_search_has_a_bound_of_codes(rivers_house, monkeypatch):
    monkeypatch.setattr("service.wire.fhir.search.tokens.MOST_CODES", 3)
    assert refused(rivers_house, f"ServiceRequest?code:in={KINDS}") == (
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
        assert {code_ for _, code_ in codes.below("urn:l", code, "code")} == below
        assert {code_ for _, code_ in codes.above("urn:l", code, "code")} == above
