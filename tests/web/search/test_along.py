"""What comes along with a page has a bound: what fits comes, in order, and the page says if more is left."""

from dataclasses import replace

import pytest

MOST = 3
FORWARD = "_include=CarePlan:goal&_include=CarePlan:care-team"
BACK = "_revinclude=Provenance:target"


@pytest.fixture
def settings(settings):
    return replace(settings, max_included=MOST)


def along(house, asked, **given):
    """The names of what comes with the plans, in order, and the issues that the page tells."""
    answer = house.get(f"/fhir/CarePlan?{asked}", **given).json
    names, issues = [], []
    for each in answer.get("entry", []):
        resource = each["resource"]
        if each["search"]["mode"] == "include":
            names.append(f"{resource['resourceType']}/{resource['id']}")
        if each["search"]["mode"] == "outcome":
            issues += resource["issue"]
    return names, issues


def test_what_fits_comes_along_and_the_page_says_that_more_is_left_out(told):
    plan = told.one("CarePlan")
    named = sorted(each["reference"] for name in ("careTeam", "goal") for each in plan[name])
    assert len(named) == MOST
    assert along(told, FORWARD) == (named, [])
    names, (issue,) = along(told, f"{FORWARD}&{BACK}")
    assert names == named
    assert (issue["severity"], issue["code"], issue["expression"]) == ("warning", "too-costly", ["_include"])
    assert "_count" in issue["details"]["text"]


def test_what_results_refer_to_comes_before_what_refers_to_them(told):
    plan = told.one("CarePlan")
    told_of = told.get(f"/fhir/Provenance?target=CarePlan/{plan['id']}").json["entry"]
    named = [plan["careTeam"][0]["reference"]]
    named += sorted(f"Provenance/{each['resource']['id']}" for each in told_of)
    names, issues = along(told, f"{BACK}&_include=CarePlan:care-team")
    assert names == named[:MOST]
    assert bool(issues) == (len(named) > MOST)


def test_more_names_than_fit_are_cut_in_their_order(told):
    names, (issue,) = along(told, f"{FORWARD}&_include=CarePlan:activity-reference")
    plan = told.one("CarePlan")
    every = [*plan["careTeam"], *plan["goal"], *(each["reference"] for each in plan["activity"])]
    assert names == sorted({each["reference"] for each in every})[:MOST]
    assert issue["code"] == "too-costly"


def test_what_is_out_of_scope_takes_no_place_and_is_not_told_of(told):
    assert along(told, f"{FORWARD}&{BACK}", partner="southern") == ([], [])
