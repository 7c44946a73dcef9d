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
        " ".join(line.split()) for line in re.findall(r"^- \*\*(.+?)\*\*", PAGE, re.MULTILINE | re.DOTALL)
    ]
    assert sorted(STATED) == sorted(said)


def bundle_of(house, asked, **options):
    answer = house.get(f"/fhir{'' if asked[0] == '?' else '/'}{asked}", **options)
    assert answer.status_code == 200, answer.json
    return answer.json


def entries(bundle, mode="match"):
    """The names of the entries of a mode."""
    return [
        f"{entry['resource']['resourceType']}/{entry['resource'].get('id')}"
        for entry in bundle.get("entry", [])
        if entry["search"]["mode"] == mode
    ]


def names(house, asked, **options):
    return set(entries(bundle_of(house, asked, **options)))


def status(house, asked, **options):
    return house.get(f"/fhir/{asked}", **options).status_code


def next_of(bundle):
    """The address of the next page, below /fhir/."""
    (url,) = (link["url"] for link in bundle["link"] if link["relation"] == "next")
    return url.partition("/fhir/")[2]


def change(house, alter):
    """Write River's case with a change."""
    case = copy.deepcopy(river.CASE)
    alter(case)
    tag = house.get("/api/cases/c1").headers["ETag"]
    assert house.put("/api/cases/c1", case, headers={"If-Match": tag}).status_code == 200


@states("A searchset has a `total` where it costs nothing, or where it is asked for.")
def test_totals(rivers_house):
    assert bundle_of(rivers_house, "Goal")["total"] == 2
    assert "total" not in bundle_of(rivers_house, "Goal?_count=1")
    for asked in ("_count=1&_total=accurate", "_count=1&_total=estimate", "_summary=count", "_count=0"):
        assert bundle_of(rivers_house, f"Goal?{asked}")["total"] == 2, asked


@states("`_count=0` is `_summary=count`.")
def test_count_of_nothing(rivers_house):
    for asked in ("_count=0", "_summary=count"):
        bundle = bundle_of(rivers_house, f"Goal?{asked}")
        assert (bundle["total"], "entry" in bundle) == (2, False)


@states("A greater `_count` than the most is the most.")
def test_the_greatest_page(rivers_house):
    rivers_house.app.config[LIMITS] = replace(rivers_house.app.config[LIMITS], count=1)
    first = bundle_of(rivers_house, "Goal?_count=100000000")
    assert len(entries(first)) == 1
    assert len(entries(bundle_of(rivers_house, next_of(first)))) == 1


@states("`total` counts matches alone.")
def test_total_of_matches(rivers_house):
    bundle = bundle_of(rivers_house, "CarePlan?colour=red&_include=CarePlan:goal", headers=LENIENT)
    assert (bundle["total"], len(entries(bundle, "include")), len(entries(bundle, "outcome"))) == (1, 2, 1)


@states("An unknown parameter is refused, or left out for who prefers so.")
def test_unknown_parameters(rivers_house):
    refused = rivers_house.get("/fhir/CarePlan?stats=active&intent=plan")
    assert refused.status_code == 400
    assert refused.json["issue"][0]["expression"] == ["stats"]
    assert "did you mean status?" in refused.json["issue"][0]["details"]["text"]
    bundle = bundle_of(rivers_house, "CarePlan?stats=active&intent=plan", headers=LENIENT)
    assert bundle["link"][0]["url"].endswith("/fhir/CarePlan?intent=plan")
    assert len(entries(bundle, "outcome")) == 1


@states(
    "What is known and cannot be read is refused, whatever is preferred.",
    "An empty value is refused.",
)
def test_what_cannot_be_read(rivers_house):
    for asked in ("date=yesterday", "status:exact=active", "status=", "_id=", "_include=CarePlan:status"):
        assert status(rivers_house, f"CarePlan?{asked}", headers=LENIENT) == 400, asked


@states("A read takes `_format` and `_pretty` alone.")
def test_parameters_of_a_read(rivers_house):
    (name,) = names(rivers_house, "CarePlan")
    assert status(rivers_house, f"{name}?_format=json&_pretty=true") == 200
    assert status(rivers_house, f"{name}?_summary=true") == 400
    assert names(rivers_house, f"CarePlan?_id={name.partition('/')[2]}&_summary=true") == {name}


@states("A date without a zone is one of UTC.")
def test_zones(rivers_house):
    change(rivers_house, lambda case: case["period"].update(start="2026-03-01T23:30:00-05:00"))
    for asked in ("ge2026-03-02", "sa2026-03-01", "ge2026-03-02T04:30:00", "ge2026-03-02T05:30:00%2B01:00"):
        assert len(names(rivers_house, f"EpisodeOfCare?date={asked}")) == 1, asked
    assert names(rivers_house, "EpisodeOfCare?date=lt2026-03-02T04:30:00") == set()


@states("A date is all that it covers.")
def test_what_a_date_covers(rivers_house):
    assert names(rivers_house, "EpisodeOfCare?date=2026") == set()
    assert len(names(rivers_house, "EpisodeOfCare?date=ap2026")) == 1
    change(rivers_house, lambda case: case["plan"]["goals"][0].update(start="2026-03"))
    assert len(names(rivers_house, "Goal?start-date=2026")) == 1
    assert names(rivers_house, "Goal?start-date=2026-03-01") == set()


@states(
    "`:not` finds what says something else, and what says nothing.",
    "`:missing` asks what a resource itself says.",
)
def test_what_says_nothing(rivers_house):
    change(rivers_house, lambda case: case["plan"]["goals"][0].pop("category"))
    assert len(names(rivers_house, "Goal?category:not=x")) == 2
    assert len(names(rivers_house, "Goal?category:not=x&category:missing=false")) == 1
    assert len(names(rivers_house, "Goal?category:missing=true")) == 1


@states("A string is found by its beginning, without case and accents.")
def test_strings(rivers_house):
    sizes = {"name=r%C3%ADVER": 1, "name=iver": 0, "name:contains=IVE": 1, "name:exact=river": 0}
    assert {asked: len(names(rivers_house, f"Patient?{asked}")) for asked in sizes} == sizes


@states("A code without a system is one of any system.")
def test_codes(rivers_house):
    system = "http://hl7.org/fhir/request-status"
    wanted = {"CarePlan?status=active": 1, f"CarePlan?status={system}|active": 1}
    wanted |= {"Patient?identifier=R-1": 1, "Patient?identifier=|R-1": 0}
    wanted |= {"Patient?identifier=urn:example:clients|": 1, "Patient?identifier=urn:other|R-1": 0}
    assert {asked: len(names(rivers_house, asked)) for asked in wanted} == wanted


@states(
    "`:text` looks at the beginning of what a code is called, `:in` and `:below` at our own terminologies."
)
def test_terminologies(rivers_house):
    assert len(names(rivers_house, "ServiceRequest?code:text=PHYSIO")) == 1
    assert len(names(rivers_house, "ServiceRequest?code:in=ValueSet/service-kind")) == 3
    assert status(rivers_house, "ServiceRequest?code:in=http://snomed.info/sct?fhir_vs") == 400
    assert status(rivers_house, "ServiceRequest?code:below=http://snomed.info/sct|1") == 400


@states("`_include=*`, `_revinclude=*` and `:iterate` are refused.")
def test_stars(rivers_house):
    for asked in ("_include=*", "_revinclude=*", "_include:iterate=CarePlan:goal", "_include=CarePlan:*"):
        assert status(rivers_house, f"CarePlan?{asked}") == 400, asked


@states("What comes along comes with the page of its match.")
def test_pages_of_what_comes_along(rivers_house):
    (patient,) = names(rivers_house, "Patient")
    first = bundle_of(rivers_house, "Goal?_count=1&_include=Goal:patient&_include=Goal:subject")
    for page in (first, bundle_of(rivers_house, next_of(first))):
        assert (len(entries(page)), entries(page, "include")) == (1, [patient])
    both = bundle_of(rivers_house, "?_type=Goal,Patient&_revinclude=Goal:patient")
    assert (len(entries(both)), entries(both, "include")) == (3, [])


@states("What is too much to come along is left out, and the page says so.")
def test_too_much_to_come_along(rivers_house):
    rivers_house.app.config[LIMITS] = replace(rivers_house.app.config[LIMITS], included=1)
    bundle = bundle_of(rivers_house, "CarePlan?_include=CarePlan:goal&_include=CarePlan:care-team")
    assert entries(bundle, "include") == list(names(rivers_house, "CareTeam"))
    assert len(entries(bundle, "outcome")) == 1


@states("What you may not see neither comes along nor leads anywhere.")
def test_what_is_out_of_scope(rivers_house):
    for asked in ("CarePlan?_revinclude=Provenance:target", "Goal?patient.name=River", "Patient?name=River"):
        assert bundle_of(rivers_house, asked, partner="northern")["total"] == 1 + (asked[0] == "G")
        assert bundle_of(rivers_house, asked, partner="southern")["total"] == 0
    assert (
        bundle_of(rivers_house, "Patient?_has:Goal:patient:category:not=x", partner="southern")["total"] == 0
    )


@states("Without `_sort` the newest comes first.")
def test_the_newest_first(rivers_house):
    change(rivers_house, lambda case: case["plan"]["goals"][0].update(description="Walk a mile"))
    first = bundle_of(rivers_house, "Goal?_count=1")["entry"][0]["resource"]
    assert first["description"]["text"] == "Walk a mile"
    assert [names(rivers_house, "Goal?_sort=-_lastUpdated,-_id&_count=1")] == [{f"Goal/{first['id']}"}]


@states("A page goes on after the last entry of the one before.")
def test_pages_of_what_changes(rivers_house):
    began = bundle_of(rivers_house, "CarePlan")["entry"][0]["resource"]["meta"]["lastUpdated"]
    by_id, newest = (
        bundle_of(rivers_house, "Goal?_count=1&_sort=_id"),
        bundle_of(rivers_house, "Goal?_count=1"),
    )
    every = names(rivers_house, "Goal")
    for alter in ("one", "other"):
        change(
            rivers_house,
            lambda case, alter=alter: [goal.update(description=alter) for goal in case["plan"]["goals"]],
        )
    assert set(entries(by_id)) | names(rivers_house, next_of(by_id)) == every
    # both moved before the place where the page went on
    assert names(rivers_house, next_of(newest)) == set()
    assert names(rivers_house, f"Goal?_lastUpdated=ge{began.replace('+', '%2B')}") == every


@states("The link to the next page is yours alone.")
def test_links(rivers_house):
    link = next_of(bundle_of(rivers_house, "Goal?_count=1", partner="northern"))
    assert status(rivers_house, link, partner="northern") == 200
    assert status(rivers_house, link, partner="southern") == 400
    assert status(rivers_house, link.replace("Goal?", "CarePlan?"), partner="northern") == 400
    assert status(rivers_house, f"{link}x", partner="northern") == 400
    assert status(rivers_house, f"{link}&_pretty=true&_format=json", partner="northern") == 200
    for beside in ("_count=500", "status=active", "_cursor=x"):
        assert status(rivers_house, f"{link}&{beside}", partner="northern") == 400, beside


@states("What a resource says nothing of sorts last.")
def test_sorting(rivers_house):
    change(rivers_house, lambda case: case["plan"]["goals"][0].update(start="2026-03-01"))
    (said,) = names(rivers_house, "Goal?start-date:missing=false")
    for order in ("start-date", "-start-date"):
        assert entries(bundle_of(rivers_house, f"Goal?_sort={order}"))[0] == said


@states("Nothing is deleted because it is no longer so.")
def test_withdrawal(rivers_house):
    every = names(rivers_house, "Goal")
    change(rivers_house, lambda case: case["plan"]["goals"].pop())
    assert names(rivers_house, "Goal") == every
    assert len(names(rivers_house, "Goal?lifecycle-status:not=entered-in-error")) == len(every) - 1


@states("410 is for what was erased.")
def test_erasure(rivers_house):
    (plan,) = names(rivers_house, "CarePlan")
    (case,) = rivers_house.get("/api/cases", partner=None).json["items"]
    assert rivers_house.ask("DELETE", f"/api/cases/{case['uuid']}", partner=None).status_code == 204
    assert [status(rivers_house, path, partner=None) for path in (plan, f"{plan}/_history/1")] == [410, 410]
    assert names(rivers_house, "CarePlan") == set()
    assert status(rivers_house, plan, partner="southern") == status(rivers_house, "CarePlan/never") == 404


@states("Histories go from the newest to the oldest, of a resource, a type or all types.")
def test_histories(rivers_house):
    change(rivers_house, lambda case: case["plan"].update(title="Onwards"))
    (plan,) = names(rivers_house, "CarePlan")
    for path in (f"{plan}/_history", "CarePlan/_history", "_history"):
        entries_ = [entry["resource"] for entry in bundle_of(rivers_house, path)["entry"]]
        versions = [entry["meta"]["versionId"] for entry in entries_ if entry["resourceType"] == "CarePlan"]
        assert versions == ["2", "1"], path
    assert status(rivers_house, "CarePlan/_history?_sort=_lastUpdated") == 400


@states("A version is its entity tag.")
def test_entity_tags(rivers_house):
    (plan,) = names(rivers_house, "CarePlan")
    tag = rivers_house.get(f"/fhir/{plan}").headers["ETag"]
    assert status(rivers_house, plan, headers={"If-None-Match": tag}) == 304
    for header in ("If-None-Match", "If-Modified-Since"):
        assert status(rivers_house, plan, headers={header: "no tag, no date"}) == 200


@states("JSON is what is spoken.")
def test_formats(rivers_house):
    assert status(rivers_house, "CarePlan", headers={"Accept": "application/fhir+xml"}) == 406
    assert status(rivers_house, "CarePlan?_format=json", headers={"Accept": "application/fhir+xml"}) == 200
    assert status(rivers_house, "CarePlan?_format=xml") == 406


@states("`POST _search` takes a form, and the parameters of its address too.")
def test_posted_searches(rivers_house):
    answer = rivers_house.ask("POST", "/fhir/Goal/_search?_count=1", data={"category": "physical,cognitive"})
    assert len(entries(answer.json)) == 1
    assert rivers_house.ask("POST", "/fhir/Goal/_search", json={"category": "physical"}).status_code == 415


@states("A part of a resource keeps what R4 requires.")
def test_parts(rivers_house):
    (entry,) = bundle_of(rivers_house, "CarePlan?_elements=title")["entry"]
    assert entry["resource"].keys() == {
        *("resourceType", "id", "meta", "title"),
        *("status", "intent", "subject"),
    }
    assert entry["resource"]["meta"]["tag"][0]["code"] == "SUBSETTED"


@states("A localised answer has an entity tag of its own.")
def test_languages(rivers_house):
    (service, *_) = sorted(names(rivers_house, "ServiceRequest?code:text=physio"))
    tags = set()
    for language, spoken in (("da", "da"), ("en", "en"), ("tlh", "en")):
        answer = rivers_house.get(f"/fhir/{service}", headers={"Accept-Language": language})
        assert answer.headers["Content-Language"] == spoken
        tags.add(answer.headers["ETag"])
    assert len(tags) == 2
