"""A scope with a search lets its token see what the search finds, and nothing else is there for it."""

import copy
from collections import Counter

import pytest

from tests.flows import river
from tests.web import smart

PLANS = "system/CarePlan.rs"


@pytest.fixture
def settings(tmp_path, database_url):
    writes = smart.entry("northern", writes=["CarePlan"])
    entries = [smart.entry(name) for name in ("cms", "southern", "desk")]
    narrowed = smart.entry("mercy", kind="insurer", scopes=[f"{PLANS}?status=completed"])
    narrowed["identifiers"] = writes["identifiers"]
    return smart.settings(database_url, smart.registry(tmp_path, writes, narrowed, *entries))


@pytest.fixture
def house(settings, engine, mappings):
    """River's story, with a second version of the plan."""
    house = smart.House(settings, engine, mappings)
    for path, document in river.STORY:
        assert house.ask("PUT", path, partner="cms", json=document).status_code == 201
    changed = copy.deepcopy(river.CASE)
    changed["plan"]["title"] = "Another title"
    match = {"If-Match": 'W/"1"'}
    assert house.ask("PUT", "/api/cases/c1", partner="cms", json=changed, headers=match).status_code == 200
    return house


def seen(house, partner, scope):
    """What a partner is told of the plan with a token of a scope: every status and total."""
    plan = house.get("/fhir/CarePlan", partner="desk").json["entry"][0]["resource"]
    token = house.token(partner, scope)
    path = f"/fhir/CarePlan/{plan['id']}"
    body = house.get("/fhir/CarePlan", token=token).json
    history = house.get(f"{path}/_history", token=token)
    return {
        "read": house.get(path, token=token).status_code,
        "versions": [house.get(f"{path}/_history/{n}", token=token).status_code for n in (1, 2)],
        "history": history.json.get("total") if history.status_code == 200 else history.status_code,
        "search": (body["total"], len(body.get("entry", []))),
        "by id": house.get(f"/fhir/CarePlan?_id={plan['id']}", token=token).json["total"],
    }


ALL = {"read": 200, "versions": [200, 200], "history": 2, "search": (1, 1), "by id": 1}
NOW = {**ALL, "versions": [404, 200], "history": 1}
NOTHING = {"read": 404, "versions": [404, 404], "history": 404, "search": (0, 0), "by id": 0}


@pytest.mark.parametrize("partner", ["northern", "cms", "desk"])
def test_what_matches_is_there_in_its_current_version_and_what_does_not_is_not(house, partner):
    """Nothing tells whether a version before the current one matched, so it is not shown."""
    plan = house.get("/fhir/CarePlan", partner="desk").json["entry"][0]["resource"]
    status, patient = plan["status"], plan["subject"]["reference"]
    coding = plan["category"][0]["coding"][0]
    matching = (
        f"{PLANS}?status={status}",
        f"{PLANS}?status=completed,{status}",
        f"{PLANS}?category={coding['system']}|{coding['code']}&status={status}",
        f"{PLANS}?patient={patient}",
        f"{PLANS}?status=completed {PLANS}?status={status}",
    )
    for scope in matching:
        assert seen(house, partner, scope) == NOW, scope
    for scope in (
        f"{PLANS}?status=completed",
        f"{PLANS}?status={status}&category=none",
        f"{PLANS}?category=urn:elsewhere|{coding['code']}",
        f"{PLANS}?patient=Patient/x",
        f"{PLANS}?identifier=x {PLANS}?status=completed",
    ):
        assert seen(house, partner, scope) == NOTHING, scope
    assert seen(house, partner, f"{PLANS} {PLANS}?status=completed") == ALL
    assert seen(house, partner, f"{PLANS}?status=completed system/CarePlan.r") == {
        **ALL,
        "search": (0, 0),
        "by id": 0,
    }


def test_strings_and_dates_narrow_and_other_types_are_as_they_were(house):
    named = {**river.CLIENT, "names": [{"given": ["River"], "family": "Rider"}]}
    match = {"If-Match": 'W/"1"'}
    path = next(path for path, document in river.STORY if document is river.CLIENT)
    assert house.ask("PUT", path, partner="cms", json=named, headers=match).status_code == 200
    for search, total in (
        ("family=rider", 1),
        ("family:exact=rider", 0),
        ("family:exact=Rider", 1),
        ("family:contains=ide", 1),
        ("birthdate=lt1900", 0),
        ("birthdate=gt1900", 1),
    ):
        token = house.token("northern", f"system/Patient.rs?{search} {PLANS}")
        assert house.get("/fhir/Patient", token=token).json["total"] == total, search
        assert house.get("/fhir/CarePlan", token=token).json["total"] == 1


def test_old_versions_of_other_types_are_as_they_were(house):
    plan = house.get("/fhir/CarePlan", partner="desk").json["entry"][0]["resource"]
    token = house.token("northern", f"system/Patient.rs?birthdate=lt1900 {PLANS}")
    path = f"/fhir/CarePlan/{plan['id']}"
    assert house.get(f"{path}/_history", token=token).json["total"] == 2
    assert house.get(f"{path}/_history/1", token=token).status_code == 200


def test_a_scope_never_reaches_out_of_what_is_the_partners(house):
    assert seen(house, "southern", f"{PLANS}?status=active") == NOTHING


def test_what_the_registry_narrows_is_narrowed_whatever_is_asked_for(house):
    for asked, granted in (
        (None, f"{PLANS}?status=completed"),
        (PLANS, f"{PLANS}?status=completed"),
        ("system/*.rs", f"{PLANS}?status=completed"),
        (f"{PLANS}?status=active", f"{PLANS}?status=active&status=completed"),
    ):
        assert house.grant("mercy", asked).json["scope"] == granted
        assert seen(house, "mercy", asked) == NOTHING
    path = f"/fhir/CarePlan/{house.get('/fhir/CarePlan', partner='desk').json['entry'][0]['resource']['id']}"
    answer = house.get(path, token=house.token("mercy"))
    missing = house.get("/fhir/CarePlan/x", token=house.token("mercy"))
    assert (answer.status_code, answer.json) == (404, missing.json)


def test_what_is_put_is_looked_for_within_what_may_be_read(house):
    (entry,) = house.get("/fhir/CarePlan", partner="northern").json["entry"]
    plan = entry["resource"]
    path, match = f"/fhir/CarePlan/{plan['id']}", {"If-Match": f'W/"{plan["meta"]["versionId"]}"'}
    for search, status in (("?status=completed", 404), ("", 200)):
        token = house.token("northern", f"system/CarePlan.r{search} system/CarePlan.u")
        options = {"json": plan, "headers": match, "content_type": "application/fhir+json"}
        assert house.ask("PUT", path, token=token, **options).status_code == status


def test_an_erased_resource_is_nothing_to_whom_a_search_narrows(house):
    """Else the operator's 410 would tell that it was there."""
    plan = house.get("/fhir/CarePlan", partner="desk").json["entry"][0]["resource"]
    uuid = house.get("/api/cases/c1", partner="cms").headers["Casebridge-Id"]
    both = house.token("desk", "casebridge/documents casebridge/erase")
    assert house.ask("DELETE", f"/api/cases/{uuid}", token=both).status_code == 204
    path = f"/fhir/CarePlan/{plan['id']}"
    assert house.get(path, partner="desk").status_code == 410
    assert house.get(path, token=house.token("desk", f"{PLANS}?status=active")).status_code == 404


def test_more_than_a_token_can_say_is_refused_with_what_to_do(house):
    long = " ".join(f"{PLANS}?identifier={number}{'x' * 700}" for number in range(9))
    for scope, said in (
        (f"{PLANS}?colour=red", "scope: Scope 1: colour: Not a search parameter of CarePlan"),
        (long, "scope: a token that says all this is too long"),
    ):
        answer = house.grant("northern", scope)
        assert (answer.status_code, answer.json["error"]) == (400, "invalid_scope")
        assert answer.json["error_description"].startswith(said)


SURVEY = "http://terminology.hl7.org/CodeSystem/observation-category|survey"
OBSERVED = {
    "assessments": [{"id": "first", "date": "2026-03-03", "assessor": "nurse", "summary": "Well"}],
    "outcomes": [{"id": "mood", "date": "2026-04", "code": {"text": "Mood"}, "text": "Brighter"}],
}


def ids_of(house, path, token):
    """How many resources of each type a search gives: matches, and what comes with them."""
    answer = house.get(path, token=token)
    assert answer.status_code == 200, (path, answer.json)
    return Counter(entry["resource"]["resourceType"] for entry in answer.json.get("entry", []))


@pytest.fixture
def observed(house):
    """The story with an assessment, which is of a category, and an outcome, which is of none."""
    case = {**copy.deepcopy(river.CASE), **OBSERVED}
    match = {"If-Match": 'W/"2"'}
    assert house.ask("PUT", "/api/cases/c1", partner="cms", json=case, headers=match).status_code == 200
    return house


@pytest.mark.parametrize(
    ("search", "mine"),
    [
        (f"category={SURVEY}", "survey"),
        (f"category:not={SURVEY}", "outcome"),
        ("category:missing=false", "survey"),
        ("category:missing=true", "outcome"),
        ("date=lt2026-04", "survey"),
        ("value-string:exact=Brighter", "outcome"),
        ("value-string=bright", "outcome"),
        ("value-string:contains=el", "survey"),
    ],
)
def test_a_scope_narrows_observations_by_all_that_they_are_searched_by(observed, search, mine):
    entries = observed.get("/fhir/Observation", partner="desk").json["entry"]
    by_kind = {"survey" if "category" in e["resource"] else "outcome": e["resource"]["id"] for e in entries}
    token = observed.token("northern", f"system/Observation.rs?{search}")
    shown = observed.get("/fhir/Observation?_total=accurate", token=token).json
    assert shown["total"] == 1
    assert [entry["resource"]["id"] for entry in shown["entry"]] == [by_kind[mine]]
    for kind, id_ in by_kind.items():
        for path in (f"/fhir/Observation/{id_}", f"/fhir/Observation/{id_}/_history"):
            assert observed.get(path, token=token).status_code == (200 if kind == mine else 404)


def test_what_a_scope_hides_does_not_come_along_and_nothing_leads_through_it(house):
    (plan,) = house.get("/fhir/CarePlan", partner="desk").json["entry"]
    patient = plan["resource"]["subject"]["reference"]
    both = "system/CarePlan.rs system/Patient.rs"
    every = house.token("northern", f"{both} system/Goal.rs")
    some = house.token("northern", f"{both} system/Goal.rs?category=physical")
    for path, type_, of_all, of_some in (
        ("/fhir/Goal", "Goal", 2, 1),
        (f"/fhir/{patient}/Goal", "Goal", 2, 1),
        ("/fhir/CarePlan?_include=CarePlan:goal", "Goal", 2, 1),
        ("/fhir/Patient?_revinclude=Goal:subject", "Goal", 2, 1),
        ("/fhir/CarePlan?goal.category=physical", "CarePlan", 1, 1),
        ("/fhir/CarePlan?goal.category=cognitive", "CarePlan", 1, 0),
        ("/fhir/CarePlan?goal:Goal.category:not=physical", "CarePlan", 1, 0),
        ("/fhir/CarePlan?goal.category:missing=false", "CarePlan", 1, 1),
        ("/fhir/Patient?_has:Goal:subject:category=physical", "Patient", 1, 1),
        ("/fhir/Patient?_has:Goal:subject:category=cognitive", "Patient", 1, 0),
        ("/fhir/Patient?_has:Goal:subject:category:not=physical", "Patient", 1, 0),
    ):
        assert ids_of(house, path, every)[type_] == of_all, path
        assert ids_of(house, path, some)[type_] == of_some, path


def test_what_comes_along_is_narrowed_as_it_is_when_read(house):
    token = house.token(
        "northern", "system/CarePlan.rs system/Goal.s system/Goal.r?category=physical system/Patient.rs"
    )
    assert ids_of(house, "/fhir/CarePlan?_include=CarePlan:goal", token)["Goal"] == 1
    assert ids_of(house, "/fhir/Patient?_revinclude=Goal:subject", token)["Goal"] == 1
    assert ids_of(house, "/fhir/CarePlan?goal.category=cognitive", token)["CarePlan"] == 1


def test_types_that_were_not_granted_do_not_come_along_and_nothing_leads_through_them(house):
    token = house.token("northern", "system/CarePlan.rs system/Provenance.rs")
    found_with = ids_of(house, "/fhir/Provenance?_include=Provenance:target", token)
    assert found_with.keys() == {"Provenance", "CarePlan"}
    for asked, scope in (
        ("CarePlan?_include=CarePlan:goal", "system/Goal.r"),
        ("CarePlan?_revinclude=Goal:subject", "system/Goal.rs"),
        ("Provenance?_revinclude=Observation:focus", "system/Observation.rs"),
        ("CarePlan?patient.identifier=R-1", "system/Patient.s"),
        ("CarePlan?_has:Goal:subject:category=physical", "system/Goal.s"),
    ):
        answer = house.get(f"/fhir/{asked}", token=token)
        assert answer.status_code == 403, (asked, answer.json)
        assert f'scope="{scope}"' in answer.headers["WWW-Authenticate"]
