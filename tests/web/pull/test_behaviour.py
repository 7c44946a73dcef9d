"""What docs/behaviour.md says where FHIR servers differ is so."""

import copy
import re
from dataclasses import replace
from pathlib import Path

from service.door import LIMITS
from tests.flows import river

PAGE = (Path(__file__).parents[3] / "docs/behaviour.md").read_text(encoding="utf-8")
LENIENT = {"Prefer": "handling=lenient"}
STATED = {}


def states(*sentences):
    """Mark the test of what the page states in bold."""

    def mark(test):
        STATED.update(dict.fromkeys(sentences, test))
        return test

    return mark


def test_each_statement_of_the_page_has_its_test():
    said = [
        " ".join(each.split()) for each in re.findall(r"^- \*\*(.+?)\*\*", PAGE, re.MULTILINE | re.DOTALL)
    ]
    assert sorted(STATED) == sorted(said)


def found(house, asked, **given):
    answer = house.get(f"/fhir{'' if asked[0] == '?' else '/'}{asked}", **given)
    assert answer.status_code == 200, answer.json
    return answer.json


def entries(bundle, mode="match"):
    """The names of the entries of a mode."""
    return [
        f"{each['resource']['resourceType']}/{each['resource'].get('id')}"
        for each in bundle.get("entry", [])
        if each["search"]["mode"] == mode
    ]


def names(house, asked, **given):
    return set(entries(found(house, asked, **given)))


def status(house, asked, **given):
    return house.get(f"/fhir/{asked}", **given).status_code


def next_of(bundle):
    """The address of the next page, below /fhir/."""
    (url,) = (each["url"] for each in bundle["link"] if each["relation"] == "next")
    return url.partition("/fhir/")[2]


def change(house, alter):
    """Write River's case with a change."""
    case = copy.deepcopy(river.CASE)
    alter(case)
    tag = house.get("/api/cases/c1").headers["ETag"]
    assert house.put("/api/cases/c1", case, headers={"If-Match": tag}).status_code == 200


@states("A searchset has a `total` where it costs nothing, or where it is asked for.")
def test_totals(told):
    assert found(told, "Goal")["total"] == 2
    assert "total" not in found(told, "Goal?_count=1")
    for asked in ("_count=1&_total=accurate", "_count=1&_total=estimate", "_summary=count", "_count=0"):
        assert found(told, f"Goal?{asked}")["total"] == 2, asked


@states("`_count=0` is `_summary=count`.")
def test_count_of_nothing(told):
    for asked in ("_count=0", "_summary=count"):
        bundle = found(told, f"Goal?{asked}")
        assert (bundle["total"], "entry" in bundle) == (2, False)


@states("A greater `_count` than the most is the most.")
def test_the_greatest_page(told):
    told.app.config[LIMITS] = replace(told.app.config[LIMITS], count=1)
    first = found(told, "Goal?_count=100000000")
    assert len(entries(first)) == 1
    assert len(entries(found(told, next_of(first)))) == 1


@states("`total` counts matches alone.")
def test_total_of_matches(told):
    bundle = found(told, "CarePlan?colour=red&_include=CarePlan:goal", headers=LENIENT)
    assert (bundle["total"], len(entries(bundle, "include")), len(entries(bundle, "outcome"))) == (1, 2, 1)


@states("An unknown parameter is refused, or left out for who prefers so.")
def test_unknown_parameters(told):
    refused = told.get("/fhir/CarePlan?stats=active&intent=plan")
    assert refused.status_code == 400
    assert refused.json["issue"][0]["expression"] == ["stats"]
    assert "did you mean status?" in refused.json["issue"][0]["details"]["text"]
    bundle = found(told, "CarePlan?stats=active&intent=plan", headers=LENIENT)
    assert bundle["link"][0]["url"].endswith("/fhir/CarePlan?intent=plan")
    assert len(entries(bundle, "outcome")) == 1


@states(
    "What is known and cannot be read is refused, whatever is preferred.",
    "An empty value is refused.",
)
def test_what_cannot_be_read(told):
    for asked in ("date=yesterday", "status:exact=active", "status=", "_id=", "_include=CarePlan:status"):
        assert status(told, f"CarePlan?{asked}", headers=LENIENT) == 400, asked


@states("A read takes `_format` and `_pretty` alone.")
def test_parameters_of_a_read(told):
    (name,) = names(told, "CarePlan")
    assert status(told, f"{name}?_format=json&_pretty=true") == 200
    assert status(told, f"{name}?_summary=true") == 400
    assert names(told, f"CarePlan?_id={name.partition('/')[2]}&_summary=true") == {name}


@states("A date without a zone is one of UTC.")
def test_zones(told):
    change(told, lambda case: case["period"].update(start="2026-03-01T23:30:00-05:00"))
    for asked in ("ge2026-03-02", "sa2026-03-01", "ge2026-03-02T04:30:00", "ge2026-03-02T05:30:00%2B01:00"):
        assert len(names(told, f"EpisodeOfCare?date={asked}")) == 1, asked
    assert names(told, "EpisodeOfCare?date=lt2026-03-02T04:30:00") == set()


@states("A date is all that it covers.")
def test_what_a_date_covers(told):
    assert names(told, "EpisodeOfCare?date=2026") == set()
    assert len(names(told, "EpisodeOfCare?date=ap2026")) == 1
    change(told, lambda case: case["plan"]["goals"][0].update(start="2026-03"))
    assert len(names(told, "Goal?start-date=2026")) == 1
    assert names(told, "Goal?start-date=2026-03-01") == set()


@states(
    "`:not` finds what says something else, and what says nothing.",
    "`:missing` asks what a resource itself says.",
)
def test_what_says_nothing(told):
    change(told, lambda case: case["plan"]["goals"][0].pop("category"))
    assert len(names(told, "Goal?category:not=x")) == 2
    assert len(names(told, "Goal?category:not=x&category:missing=false")) == 1
    assert len(names(told, "Goal?category:missing=true")) == 1


@states("A string is found by its beginning, without case and accents.")
def test_strings(told):
    sizes = {"name=r%C3%ADVER": 1, "name=iver": 0, "name:contains=IVE": 1, "name:exact=river": 0}
    assert {asked: len(names(told, f"Patient?{asked}")) for asked in sizes} == sizes


@states("A code without a system is one of any system.")
def test_codes(told):
    system = "http://hl7.org/fhir/request-status"
    wanted = {"CarePlan?status=active": 1, f"CarePlan?status={system}|active": 1}
    wanted |= {"Patient?identifier=R-1": 1, "Patient?identifier=|R-1": 0}
    wanted |= {"Patient?identifier=urn:example:clients|": 1, "Patient?identifier=urn:other|R-1": 0}
    assert {asked: len(names(told, asked)) for asked in wanted} == wanted


@states(
    "`:text` looks at the beginning of what a code is called, `:in` and `:below` at our own terminologies."
)
def test_terminologies(told):
    assert len(names(told, "ServiceRequest?code:text=PHYSIO")) == 1
    assert len(names(told, "ServiceRequest?code:in=ValueSet/service-kind")) == 3
    assert status(told, "ServiceRequest?code:in=http://snomed.info/sct?fhir_vs") == 400
    assert status(told, "ServiceRequest?code:below=http://snomed.info/sct|1") == 400


@states("`_include=*`, `_revinclude=*` and `:iterate` are refused.")
def test_stars(told):
    for asked in ("_include=*", "_revinclude=*", "_include:iterate=CarePlan:goal", "_include=CarePlan:*"):
        assert status(told, f"CarePlan?{asked}") == 400, asked


@states("What comes along comes with the page of its match.")
def test_pages_of_what_comes_along(told):
    (patient,) = names(told, "Patient")
    first = found(told, "Goal?_count=1&_include=Goal:patient&_include=Goal:subject")
    for page in (first, found(told, next_of(first))):
        assert (len(entries(page)), entries(page, "include")) == (1, [patient])
    both = found(told, "?_type=Goal,Patient&_revinclude=Goal:patient")
    assert (len(entries(both)), entries(both, "include")) == (3, [])


@states("What is too much to come along is left out, and the page says so.")
def test_too_much_to_come_along(told):
    told.app.config[LIMITS] = replace(told.app.config[LIMITS], included=1)
    bundle = found(told, "CarePlan?_include=CarePlan:goal&_include=CarePlan:care-team")
    assert entries(bundle, "include") == list(names(told, "CareTeam"))
    assert len(entries(bundle, "outcome")) == 1


@states("What you may not see neither comes along nor leads anywhere.")
def test_what_is_out_of_scope(told):
    for asked in ("CarePlan?_revinclude=Provenance:target", "Goal?patient.name=River", "Patient?name=River"):
        assert found(told, asked, partner="northern")["total"] == 1 + (asked[0] == "G")
        assert found(told, asked, partner="southern")["total"] == 0
    assert found(told, "Patient?_has:Goal:patient:category:not=x", partner="southern")["total"] == 0


@states("Without `_sort` the newest comes first.")
def test_the_newest_first(told):
    change(told, lambda case: case["plan"]["goals"][0].update(description="Walk a mile"))
    first = found(told, "Goal?_count=1")["entry"][0]["resource"]
    assert first["description"]["text"] == "Walk a mile"
    assert [names(told, "Goal?_sort=-_lastUpdated,-_id&_count=1")] == [{f"Goal/{first['id']}"}]


@states("A page goes on after the last entry of the one before.")
def test_pages_of_what_changes(told):
    began = found(told, "CarePlan")["entry"][0]["resource"]["meta"]["lastUpdated"]
    by_id, newest = found(told, "Goal?_count=1&_sort=_id"), found(told, "Goal?_count=1")
    every = names(told, "Goal")
    for alter in ("one", "other"):
        change(
            told,
            lambda case, alter=alter: [goal.update(description=alter) for goal in case["plan"]["goals"]],
        )
    assert set(entries(by_id)) | names(told, next_of(by_id)) == every
    # both moved before the place where the page went on
    assert names(told, next_of(newest)) == set()
    assert names(told, f"Goal?_lastUpdated=ge{began.replace('+', '%2B')}") == every


@states("The link to the next page is yours alone.")
def test_links(told):
    link = next_of(found(told, "Goal?_count=1", partner="northern"))
    assert status(told, link, partner="northern") == 200
    assert status(told, link, partner="southern") == 400
    assert status(told, link.replace("Goal?", "CarePlan?"), partner="northern") == 400
    assert status(told, f"{link}x", partner="northern") == 400
    assert status(told, f"{link}&_pretty=true&_format=json", partner="northern") == 200
    for beside in ("_count=500", "status=active", "_cursor=x"):
        assert status(told, f"{link}&{beside}", partner="northern") == 400, beside


@states("What a resource says nothing of sorts last.")
def test_sorting(told):
    change(told, lambda case: case["plan"]["goals"][0].update(start="2026-03-01"))
    (said,) = names(told, "Goal?start-date:missing=false")
    for order in ("start-date", "-start-date"):
        assert entries(found(told, f"Goal?_sort={order}"))[0] == said


@states("Nothing is deleted because it is no longer so.")
def test_withdrawal(told):
    every = names(told, "Goal")
    change(told, lambda case: case["plan"]["goals"].pop())
    assert names(told, "Goal") == every
    assert len(names(told, "Goal?lifecycle-status:not=entered-in-error")) == len(every) - 1


@states("410 is for what was erased.")
def test_erasure(told):
    (plan,) = names(told, "CarePlan")
    (case,) = told.get("/api/cases", partner=None).json["items"]
    assert told.ask("DELETE", f"/api/cases/{case['uuid']}", partner=None).status_code == 204
    assert [status(told, path, partner=None) for path in (plan, f"{plan}/_history/1")] == [410, 410]
    assert names(told, "CarePlan") == set()
    assert status(told, plan, partner="southern") == status(told, "CarePlan/never") == 404


@states("Histories go from the newest to the oldest, of a resource, a type or all types.")
def test_histories(told):
    change(told, lambda case: case["plan"].update(title="Onwards"))
    (plan,) = names(told, "CarePlan")
    for path in (f"{plan}/_history", "CarePlan/_history", "_history"):
        entries_ = [each["resource"] for each in found(told, path)["entry"]]
        versions = [each["meta"]["versionId"] for each in entries_ if each["resourceType"] == "CarePlan"]
        assert versions == ["2", "1"], path
    assert status(told, "CarePlan/_history?_sort=_lastUpdated") == 400


@states("A version is its entity tag.")
def test_entity_tags(told):
    (plan,) = names(told, "CarePlan")
    tag = told.get(f"/fhir/{plan}").headers["ETag"]
    assert status(told, plan, headers={"If-None-Match": tag}) == 304
    for header in ("If-None-Match", "If-Modified-Since"):
        assert status(told, plan, headers={header: "no tag, no date"}) == 200


@states("JSON is what is spoken.")
def test_formats(told):
    assert status(told, "CarePlan", headers={"Accept": "application/fhir+xml"}) == 406
    assert status(told, "CarePlan?_format=json", headers={"Accept": "application/fhir+xml"}) == 200
    assert status(told, "CarePlan?_format=xml") == 406


@states("`POST _search` takes a form, and the parameters of its address too.")
def test_posted_searches(told):
    answer = told.ask("POST", "/fhir/Goal/_search?_count=1", data={"category": "physical,cognitive"})
    assert len(entries(answer.json)) == 1
    assert told.ask("POST", "/fhir/Goal/_search", json={"category": "physical"}).status_code == 415


@states("A part of a resource keeps what R4 requires.")
def test_parts(told):
    (entry,) = found(told, "CarePlan?_elements=title")["entry"]
    assert entry["resource"].keys() == {
        *("resourceType", "id", "meta", "title"),
        *("status", "intent", "subject"),
    }
    assert entry["resource"]["meta"]["tag"][0]["code"] == "SUBSETTED"


@states("A localised answer has an entity tag of its own.")
def test_languages(told):
    (service, *_) = sorted(names(told, "ServiceRequest?code:text=physio"))
    tags = set()
    for language, spoken in (("da", "da"), ("en", "en"), ("tlh", "en")):
        answer = told.get(f"/fhir/{service}", headers={"Accept-Language": language})
        assert answer.headers["Content-Language"] == spoken
        tags.add(answer.headers["ETag"])
    assert len(tags) == 2
