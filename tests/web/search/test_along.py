"""What comes along with a page has a bound: what fits comes, in order, and the page says if more is left."""

from dataclasses import replace

import pytest

MOST = 3
FORWARD = "_include=CarePlan:goal&_include=CarePlan:care-team"
BACK = "_revinclude=Provenance:target"


@pytest.fixture
def settings(settings):
    return replace(settings, max_included=MOST)


def along(house, asked, **options):
    """The names of what comes with the plans, in order, and the issues that the page tells."""
    answer = house.get(f"/fhir/CarePlan?{asked}", **options).json
    names, issues = [], []
    for entry in answer.get("entry", []):
        resource = entry["resource"]
        if entry["search"]["mode"] == "include":
            names.append(f"{resource['resourceType']}/{resource['id']}")
        if entry["search"]["mode"] == "outcome":
            issues += resource["issue"]
    return names, issues


def test_what_fits_comes_along_and_the_page_says_that_more_is_left_out(rivers_house):
    plan = rivers_house.one("CarePlan")
    named = sorted(reference["reference"] for name in ("careTeam", "goal") for reference in plan[name])
    assert len(named) == MOST
    assert along(rivers_house, FORWARD) == (named, [])
    names, (issue,) = along(rivers_house, f"{FORWARD}&{BACK}")
    assert names == named
    assert (issue["severity"], issue["code"], issue["expression"]) == ("warning", "too-costly", ["_include"])
    assert "_count" in issue["details"]["text"]


def test_what_results_refer_to_comes_before_what_refers_to_them(rivers_house):
    plan = rivers_house.one("CarePlan")
    told_of = rivers_house.get(f"/fhir/Provenance?target=CarePlan/{plan['id']}").json["entry"]
    named = [plan["careTeam"][0]["reference"]]
    named += sorted(f"Provenance/{entry['resource']['id']}" for entry in told_of)
    names, issues = along(rivers_house, f"{BACK}&_include=CarePlan:care-team")
    assert names == named[:MOST]
    assert bool(issues) == (len(named) > MOST)


def test_more_names_than_fit_are_cut_in_their_order(rivers_house):
    names, (issue,) = along(rivers_house, f"{FORWARD}&_include=CarePlan:activity-reference")
    plan = rivers_house.one("CarePlan")
    every = [*plan["careTeam"], *plan["goal"], *(activity["reference"] for activity in plan["activity"])]
    assert names == sorted({reference["reference"] for reference in every})[:MOST]
    assert issue["code"] == "too-costly"


def test_what_is_out_of_scope_takes_no_place_and_is_not_told_of(rivers_house):
    assert along(rivers_house, f"{FORWARD}&{BACK}", partner="southern") == ([], [])
