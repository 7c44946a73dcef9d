"""Searches through the door: what comes along, how much is shown, and how what is not known is answered."""

import pytest


def kinds(answer):
    assert answer.status_code == 200, answer.json
    return sorted(
        (entry["search"]["mode"], entry["resource"]["resourceType"]) for entry in answer.json.get("entry", [])
    )


def test_what_a_plan_refers_to_and_what_refers_to_it_comes_with_it(rivers_house):
    plan = rivers_house.one("CarePlan")
    patient = plan["subject"]["reference"]
    answer = rivers_house.get(
        f"/fhir/CarePlan?patient={patient}&status=active&_include=CarePlan:care-team&_include=CarePlan:goal"
        "&_revinclude=Provenance:target",
        partner="northern",
    )
    listed = kinds(answer)
    assert listed.count(("match", "CarePlan")) == answer.json["total"] == 1
    assert {kind for mode, kind in listed if mode == "include"} == {"CareTeam", "Goal", "Provenance"}
    assert (
        rivers_house.get(f"/fhir/CarePlan?patient={patient}&_include=CarePlan:goal", partner="southern").json[
            "total"
        ]
        == 0
    )


def test_chains_and_compartments_lead_to_what_is_in_scope_alone(rivers_house):
    patient = rivers_house.one("CarePlan")["subject"]["reference"]
    paths = (
        "CarePlan?patient.identifier=R-1",
        "Patient?_has:CarePlan:subject:status=active",
        f"{patient}/Goal",
        f"{patient}/CarePlan?status=active",
    )
    for path in paths:
        assert rivers_house.get(f"/fhir/{path}", partner="northern").json["total"] >= 1, path
        assert rivers_house.get(f"/fhir/{path}", partner="southern").json["total"] == 0, path
    assert rivers_house.get(f"/fhir/{patient}/_history").json["type"] == "history"


def test_an_unknown_parameter_is_named_with_the_nearest_or_left_out_for_who_prefers_so(rivers_house):
    strict = rivers_house.get("/fhir/CarePlan?stats=active")
    assert strict.status_code == 400
    assert "did you mean status?" in strict.json["issue"][0]["details"]["text"]
    lenient = rivers_house.get(
        "/fhir/CarePlan?stats=active&intent=plan", headers={"Prefer": "handling=lenient"}
    )
    assert kinds(lenient)[-1] == ("outcome", "OperationOutcome")
    assert lenient.json["link"][0]["url"].endswith("/fhir/CarePlan?intent=plan")


@pytest.mark.parametrize(
    "asked",
    [
        "_include=*",
        "_include:iterate=CarePlan:goal",
        "_include=Goal:subject",
        "patient.organization.name=x",
        "_text=x",
        "_content=x",
        "_filter=x",
        "_sort=status",
        "_summary=some",
        "_total=all",
    ],
)
def test_what_is_not_supported_is_refused_with_its_name(rivers_house, asked):
    answer = rivers_house.get(f"/fhir/CarePlan?{asked}")
    assert answer.status_code == 400
    assert answer.json["issue"][0]["expression"]


@pytest.mark.parametrize("modifier", ["of-type", "exact", "iterate"])
@pytest.mark.parametrize(
    "asked",
    ["CarePlan?category:{}=x", "CarePlan?goal.category:{}=x", "Patient?_has:CarePlan:subject:category:{}=x"],
)
def test_a_modifier_that_is_not_searched_by_is_refused_with_those_that_are(rivers_house, asked, modifier):
    """Unheeded it would find more than is asked for, whatever a client prefers."""
    for headers in ({}, {"Prefer": "handling=lenient"}):
        answer = rivers_house.get(f"/fhir/{asked.format(modifier)}", headers=headers)
        assert answer.status_code == 400
        (issue,) = answer.json["issue"]
        assert issue["expression"] == ["category"]
        known = ":not, :text, :in, :not-in, :below, :above, :missing"
        said = f":{modifier} is not searched by here; of a token known are {known}."
        assert said in issue["details"]["text"]


def test_a_part_of_a_resource_is_tagged(rivers_house):
    for asked, gone in (("_summary=true", "text"), ("_elements=title", "goal"), ("_summary=data", "text")):
        (entry,) = rivers_house.get(f"/fhir/CarePlan?{asked}").json["entry"]
        assert gone not in entry["resource"], asked
        assert {"id", "status", "subject"} <= entry["resource"].keys(), asked
        assert entry["resource"]["meta"]["tag"][0]["code"] == "SUBSETTED"
    counted = rivers_house.get("/fhir/CarePlan?_summary=count").json
    assert ("entry" in counted, counted["total"]) == (False, 1)


def test_results_are_sorted_and_paged_in_order(rivers_house):
    seen, url = [], "/fhir/Goal?_sort=-target-date&_count=1"
    while url:
        page = rivers_house.get(url).json
        assert "entry" in page, (url, page)
        seen += [entry["resource"]["id"] for entry in page["entry"]]
        url = {link["relation"]: link["url"].partition("/fhir")[2] for link in page["link"]}.get("next")
        url = url and f"/fhir{url}"
    assert sorted(seen) == sorted(
        entry["resource"]["id"] for entry in rivers_house.get("/fhir/Goal").json["entry"]
    )
    assert len(set(seen)) == len(seen)


def test_several_types_are_searched_at_once(rivers_house):
    listed = kinds(rivers_house.get("/fhir?_type=CarePlan,CareTeam&_count=100"))
    assert listed == [("match", "CarePlan"), ("match", "CareTeam")]


def test_what_is_of_a_case_is_found_by_its_episode_and_leads_there(rivers_house):
    name = f"EpisodeOfCare/{rivers_house.one('EpisodeOfCare')['id']}"
    url = "http://hl7.org/fhir/StructureDefinition/workflow-episodeOfCare"
    statement = rivers_house.get("/fhir/metadata").json["rest"][0]["resource"]
    (defined,) = rivers_house.get("/fhir/SearchParameter").json["entry"]
    parameter = defined["resource"]
    parameter_ = {"name": "episode-of-care", "definition": parameter["url"], "type": "reference"}
    searched = [resource["type"] for resource in statement if parameter_ in resource.get("searchParam", ())]
    assert sorted(searched) == parameter["base"]
    for type_ in ("CarePlan", "CareTeam", "ServiceRequest"):
        every = rivers_house.get(f"/fhir/{type_}").json["entry"]
        for entry in every:
            assert {"url": url, "valueReference": {"reference": name}} in entry["resource"]["extension"]
        for value in (name, name.partition("/")[2], f"http://127.0.0.1:8080/fhir/{name}"):
            of = rivers_house.get(f"/fhir/{type_}?episode-of-care={value}").json
            assert len(of["entry"]) == len(every), (type_, value)
        assert "entry" not in rivers_house.get(f"/fhir/{type_}?episode-of-care=none").json
    plans = rivers_house.get(
        "/fhir/CarePlan?episode-of-care.status=active&_include=CarePlan:episode-of-care"
    ).json
    assert [entry["resource"]["resourceType"] for entry in plans["entry"]] == ["CarePlan", "EpisodeOfCare"]
