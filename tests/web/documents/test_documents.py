"""The case system's door."""

import json
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.flows import river
from tests.web.conftest import House

CASE = "/api/cases/c1"
RIVER = "/api/clients/river"
MERGE = "application/merge-patch+json"


def test_a_new_document_is_created_with_its_etag_and_place(house):
    answer = house.put("/api/clients/river", {**river.CLIENT, "coverages": []})
    assert (answer.status_code, answer.headers["ETag"]) == (201, 'W/"1"')
    again = house.get(answer.headers["Location"])
    assert again.headers["Casebridge-Id"] == answer.headers["Casebridge-Id"]
    assert again.json["identifiers"] == river.CLIENT["identifiers"]


def test_the_same_again_changes_nothing(rivers_house):
    answer = rivers_house.put(CASE, river.CASE, headers={"If-Match": 'W/"1"'})
    assert (answer.status_code, answer.headers["ETag"]) == (200, 'W/"1"')


@pytest.mark.parametrize(
    ("tag", "status"),
    [(None, 428), ('W/"1"', 200), ('W/"2"', 412), ('W/"2", W/"1"', 200), ("*", 200), ("one", 400)],
)
def test_a_change_needs_the_revision_it_is_made_to(rivers_house, tag, status):
    headers = {} if tag is None else {"If-Match": tag}
    assert (
        rivers_house.put(CASE, {**river.CASE, "care_model": "brokerage"}, headers=headers).status_code
        == status
    )


@pytest.mark.parametrize(
    ("path", "headers", "status"),
    [
        (CASE, {"If-None-Match": "*"}, 412),
        ("/api/cases/new", {"If-None-Match": "*"}, 201),
        (CASE, {"If-None-Match": "*", "If-Match": 'W/"1"'}, 400),
        (CASE, {"If-None-Match": 'W/"1"'}, 400),
    ],
)
def test_who_means_to_create_replaces_nothing(rivers_house, path, headers, status):
    assert (
        rivers_house.put(path, {**river.CASE, "care_model": "brokerage"}, headers=headers).status_code
        == status
    )
    assert rivers_house.get(CASE).headers["ETag"] == 'W/"1"'


@pytest.mark.parametrize(("tag", "status"), [('W/"1"', 304), ('W/"2"', 200), ('W/"2", "1"', 304)])
def test_who_has_the_revision_is_told_so(rivers_house, tag, status):
    answer = rivers_house.get(CASE, headers={"If-None-Match": tag})
    assert (answer.status_code, answer.headers["ETag"]) == (status, 'W/"1"')
    assert bool(answer.data) == (status == 200)


@pytest.mark.parametrize("path", ["/api/clients/%2E", "/api/clients/%2E%2E"])
def test_an_id_that_addresses_lose_is_refused(house, path):
    assert house.put(path, river.CLIENT).status_code in {404, 405, 422}


def test_of_two_that_create_at_once_the_second_needs_the_revision(house, engine):
    client = {**river.CLIENT, "coverages": []}
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: House(house.app, engine).put(RIVER, client), range(8)))
    assert sorted(answer.status_code for answer in answers) == [201, *[428] * 7]


def test_a_merge_patch_changes_what_it_names(rivers_house):
    patch = json.dumps({"care_model": "brokerage"})
    answer = rivers_house.ask("PATCH", CASE, data=patch, content_type=MERGE, headers={"If-Match": 'W/"1"'})
    assert (answer.status_code, answer.headers["ETag"]) == (200, 'W/"2"')
    assert answer.json["care_model"] == "brokerage"
    assert answer.json["client"] == "river"


def test_other_patches_are_not_taken(rivers_house):
    answer = rivers_house.ask("PATCH", CASE, data="[]", content_type="application/json-patch+json")
    assert (answer.status_code, answer.content_type) == (415, "application/problem+json")


def test_every_revision_is_kept_with_its_cause(rivers_house):
    rivers_house.put(CASE, {**river.CASE, "care_model": "brokerage"}, headers={"If-Match": 'W/"1"'})
    items = rivers_house.get(f"{CASE}/revisions").json["items"]
    assert [(item["revision"], item["partner"]) for item in items] == [(2, "cms"), (1, "cms")]
    assert items[1]["document"]["care_model"] == "clinical"


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("", ["c1"]),
        ("?client=river", ["c1"]),
        ("?client=nobody", []),
        ("?status=active", ["c1"]),
        ("?status=finished", []),
        ("?identifier=urn:example:cases|C-1", ["c1"]),
        ("?identifier=C-1", ["c1"]),
        ("?identifier=urn:example:other|C-1", []),
    ],
)
def test_cases_are_listed_by_what_they_say(rivers_house, query, names):
    assert [item["id"] for item in rivers_house.get(f"/api/cases{query}").json["items"]] == names


def test_another_case_system_does_not_see_the_case(rivers_house):
    assert rivers_house.get(CASE, partner="other").status_code == 404
    assert rivers_house.get("/api/cases", partner="other").json["items"] == []


def test_an_error_names_the_place(house):
    wrong = {**river.CLIENT, "coverages": [], "gender": "bogus", "colour": "red"}
    answer = house.put("/api/clients/river", wrong)
    assert answer.content_type == "application/problem+json"
    assert {issue["pointer"] for issue in answer.json["issues"]} == {"/gender", "/colour"}
    assert b"bogus" not in answer.data


@pytest.mark.parametrize(
    "body",
    [
        b"{",
        b'{"names": 1, "names": 2}',
        b"[" * 100_000,
        b'{"names": "\\ud800"}',
        b'{"names": "\\u0000"}',
        b"\xff",
        b"[]",
        b'"text"',
    ],
)
def test_bad_json_is_refused_and_nothing_is_stored(house, body):
    answer = house.ask("PUT", "/api/clients/river", data=body, content_type="application/json")
    assert 400 <= answer.status_code < 500
    assert answer.content_type == "application/problem+json"
    assert house.get("/api/clients").json["items"] == []


def test_twenty_megabytes_are_too_much(house):
    body = b'"' + b"a" * 20_000_000 + b'"'
    answer = house.ask("PUT", "/api/clients/river", data=body, content_type="application/json")
    assert (answer.status_code, answer.content_type) == (413, "application/problem+json")


@pytest.mark.parametrize("path", ["/api/clients/%00", "/api/clients?identifier=%00", "/api/cases?status=%00"])
def test_nul_in_an_address_is_the_callers_mistake(house, path):
    assert 400 <= house.get(path).status_code < 500


def test_only_who_may_erase_erases(rivers_house):
    assert rivers_house.ask("DELETE", CASE).status_code == 403
    uuid = rivers_house.get(CASE).headers["Casebridge-Id"]
    plan = rivers_house.one("CarePlan")["id"]
    assert rivers_house.ask("DELETE", f"/api/cases/{uuid}", partner=None).status_code == 204
    assert rivers_house.get(CASE).status_code == 404
    assert rivers_house.get(f"/fhir/CarePlan/{plan}", partner=None).status_code == 410


def test_an_erasure_that_names_an_older_revision_is_not_done(rivers_house):
    uuid = rivers_house.get(CASE).headers["Casebridge-Id"]
    for tag, status in (('W/"2"', 412), ('W/"1"', 204)):
        answer = rivers_house.ask("DELETE", f"/api/cases/{uuid}", partner=None, headers={"If-Match": tag})
        assert answer.status_code == status
    new = rivers_house.put(CASE, river.CASE, headers={"If-Match": "*"})
    assert new.status_code == 412
