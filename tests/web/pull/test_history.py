"""Versions of a type and of all types, newest first: in pages, within the scope."""

from datetime import datetime, timedelta

import pytest
from sqlalchemy import select

from service.store.tables import history
from tests.flows import river

BASE = "http://127.0.0.1:8080"
MODELS = ("brokerage", "intensive", "clinical")


@pytest.fixture
def changed(rivers_house):
    """River's story, whose case has changed three times."""
    for number, model in enumerate(MODELS, 1):
        headers = {"If-Match": f'W/"{number}"'}
        answer = rivers_house.put("/api/cases/c1", {**river.CASE, "care_model": model}, headers=headers)
        assert answer.status_code == 200
    return rivers_house


def pages(house, url, **asked):
    """All pages from an address on."""
    while url:
        page = house.get(url, **asked).json
        assert page["type"] == "history", page
        yield page
        links = {link["relation"]: link["url"] for link in page["link"]}
        url = links.get("next", "").removeprefix(BASE)


def entries(house, url, **asked):
    return [entry for page in pages(house, url, **asked) for entry in page.get("entry", ())]


def of(entry):
    """The type, id and version of an entry; no version of what was erased."""
    if "resource" not in entry:
        return (*entry["request"]["url"].split("/"), None)
    resource = entry["resource"]
    return resource["resourceType"], resource["id"], int(resource["meta"]["versionId"])


def stored(house, type_=None):
    """All versions of the default view as they were stored, by type, id and version."""
    c = history.c
    chosen = select(c.type, c.id, c.version).where(c.view == "default")
    with house.engine.connect() as connection:
        return {tuple(row) for row in connection.execute(chosen) if type_ in {None, row.type}}


@pytest.mark.parametrize(
    ("path", "type_"), [("/fhir/CarePlan/_history", "CarePlan"), ("/fhir/_history", None)]
)
@pytest.mark.parametrize("count", [1, 3, 500])
def test_every_version_stands_once_in_a_history_newest_first(changed, path, type_, count):
    if count == 1 and type_ is None:
        count = 2
    listed = entries(changed, f"{path}?_count={count}", partner=None)
    assert {of(entry) for entry in listed} == stored(changed, type_)
    assert len(listed) == len({of(entry) for entry in listed})
    times = [datetime.fromisoformat(entry["resource"]["meta"]["lastUpdated"]) for entry in listed]
    assert times == sorted(times, reverse=True)
    for entry in listed:
        _, id_, version = of(entry)
        first = version == 1
        assert entry["request"]["method"] == ("POST" if first else "PUT")
        assert entry["response"]["etag"] == f'W/"{version}"'
        assert entry["fullUrl"].endswith(id_)


def test_what_is_stored_meanwhile_shifts_no_page(changed):
    before = stored(changed, "CarePlan")
    walk = pages(changed, "/fhir/CarePlan/_history?_count=1")
    first = next(walk)["entry"]
    again = {**river.CASE, "care_model": "strengths-based"}
    assert changed.put("/api/cases/c1", again, headers={"If-Match": 'W/"4"'}).status_code == 200
    rest = [entry for page in walk for entry in page["entry"]]
    assert [of(entry) for entry in (*first, *rest)] == sorted(before, key=lambda of: -of[2])


def test_a_history_of_a_type_has_what_was_stored_since_or_current_at(changed):
    path = "/fhir/CarePlan/_history"
    newest_first = entries(changed, path)
    times = [entry["resource"]["meta"]["lastUpdated"] for entry in newest_first]

    def versions_with(query):
        return [of(entry)[2] for entry in entries(changed, f"{path}?{query}&_count=1")]

    for at in (times[1], times[1].replace("+", "%2B")):
        assert versions_with(f"_since={at}") == [4, 3]
    assert versions_with("_since=2999-01-01T00:00:00Z") == []
    # milliseconds are told of what is known to the microsecond
    later, earlier = (datetime.fromisoformat(at) for at in times[1:3])
    if later - earlier > timedelta(milliseconds=4):
        between = earlier + (later - earlier) / 2
        assert versions_with(f"_at={between.isoformat(timespec='milliseconds')}") == [2]
    assert versions_with(f"_at={times[0][:10]}") == [4, 3, 2, 1]
    assert versions_with("_at=2999") == [4]
    assert versions_with("_at=2001-01-01") == []


@pytest.mark.parametrize("path", ["/fhir/CarePlan/_history", "/fhir/_history"])
def test_a_history_is_of_what_is_in_the_scope(changed, path):
    mine = {of(entry) for entry in entries(changed, path, partner="northern")}
    assert mine
    assert mine <= stored(changed)
    for partner in ("southern", "mercy", "other"):
        answer = changed.get(path, partner=partner)
        assert (answer.status_code, "entry" in answer.json) == (200, False)
    if path == "/fhir/_history":
        assert {"Patient", "CarePlan", "Organization", "Practitioner"} <= {type_ for type_, *_ in mine}


def test_a_link_to_the_next_page_is_its_partners_and_its_historys_alone(changed):
    first = changed.get("/fhir/CarePlan/_history?_count=1").json
    (link,) = [link["url"].removeprefix(BASE) for link in first["link"] if link["relation"] == "next"]
    sealed = link.partition("?")[2]
    assert "CarePlan" not in sealed
    for path, partner in (
        (f"/fhir/CarePlan/_history?{sealed}", "other"),
        (f"/fhir/CareTeam/_history?{sealed}", "cms"),
        (f"/fhir/_history?{sealed}", "cms"),
        (f"/fhir/CarePlan?{sealed}", "cms"),
        (f"/fhir/CarePlan/_history?{sealed[:-4]}aaaa", "cms"),
        ("/fhir/CarePlan/_history?_cursor=3", "cms"),
    ):
        answer = changed.get(path, partner=partner)
        assert (answer.status_code, answer.json["issue"][0]["expression"]) == (400, ["_cursor"]), path


def test_what_was_erased_is_an_entry_to_who_sees_everything(changed):
    plan = changed.one("CarePlan")["id"]
    uuid = changed.get("/api/cases/c1").headers["Casebridge-Id"]
    assert changed.ask("DELETE", f"/api/cases/{uuid}", partner=None).status_code == 204
    read = changed.get(f"/fhir/CarePlan/{plan}", partner=None)
    assert read.status_code == 410
    for path in (f"/fhir/CarePlan/{plan}/_history", "/fhir/CarePlan/_history", "/fhir/_history?_count=5"):
        (entry,) = [
            entry for entry in entries(changed, path, partner=None) if of(entry)[:2] == ("CarePlan", plan)
        ]
        assert entry["request"] == {"method": "DELETE", "url": f"CarePlan/{plan}"}
        assert (entry["response"]["status"], "resource" in entry) == ("204", False)
    for partner in ("cms", "northern"):
        assert changed.get(f"/fhir/CarePlan/{plan}/_history", partner=partner).status_code == 404
        assert entries(changed, "/fhir/CarePlan/_history", partner=partner) == []


def test_a_type_that_is_not_kept_has_no_history(changed):
    assert changed.get("/fhir/Nonsense/_history").status_code == 404
    assert changed.get("/fhir/CarePlan/none/_history").status_code == 404
