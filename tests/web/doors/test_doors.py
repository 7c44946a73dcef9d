"""The doors answer as the standards and our contracts say."""

import json

import pytest

from tests.flows import river

CMS = {"Casebridge-Partner": "cms"}
NORTHERN = {"Casebridge-Partner": "northern"}


@pytest.fixture
def rivers_house(client):
    for path, body in river.STORY:
        assert client.put(path, json=body, headers=CMS).status_code == 201
    return client


def find(client, path, **headers):
    answer = client.get(path, headers=headers or NORTHERN)
    assert answer.status_code == 200, answer.text
    return answer.json


def test_a_put_answers_with_etag_location_and_our_id(client):
    answer = client.put("/api/clients/river", json={"names": [{"family": "x"}]}, headers=CMS)
    assert answer.headers["ETag"] == 'W/"1"'
    assert answer.headers["Location"] == f"/api/clients/{answer.headers['Casebridge-Id']}"
    assert client.get(answer.headers["Location"], headers=CMS).json == {"names": [{"family": "x"}]}


def test_conditional_writes_are_428_and_412(rivers_house):
    assert rivers_house.put("/api/cases/c1", json=river.CASE, headers=CMS).status_code == 428
    assert (
        rivers_house.put("/api/cases/c1", json=river.CASE, headers={**CMS, "If-Match": 'W/"9"'}).status_code
        == 412
    )
    assert (
        rivers_house.put("/api/cases/c1", json=river.CASE, headers={**CMS, "If-Match": 'W/"1"'}).status_code
        == 200
    )
    assert (
        rivers_house.put("/api/cases/c1", json=river.CASE, headers={**CMS, "If-Match": "x"}).status_code
        == 400
    )


def test_a_merge_patch_is_the_only_patch(rivers_house):
    path, match = "/api/cases/c1", {**CMS, "If-Match": 'W/"1"'}
    assert rivers_house.patch(path, json={"targeted_group": "brain-injury"}, headers=match).status_code == 415
    answer = rivers_house.patch(
        path,
        data=b'{"targeted_group":"brain-injury"}',
        content_type="application/merge-patch+json",
        headers=match,
    )
    assert answer.json["targeted_group"] == "brain-injury"
    revisions = rivers_house.get(f"{path}/revisions", headers=CMS).json["items"]
    assert [revision["revision"] for revision in revisions] == [2, 1]


def test_another_case_system_sees_none_of_it(rivers_house):
    other = {"Casebridge-Partner": "other"}
    assert rivers_house.get("/api/cases/c1", headers=other).status_code == 404
    assert rivers_house.get("/api/cases", headers=other).json == {"items": []}
    assert find(rivers_house, "/fhir/CarePlan", **other)["total"] == 0


def test_documents_are_listed_by_identifier_client_and_status(rivers_house):
    def listed(query):
        return [item["id"] for item in rivers_house.get(f"/api/cases?{query}", headers=CMS).json["items"]]

    assert listed("identifier=urn:example:cases|C-1") == ["c1"]
    assert listed("identifier=C-1&client=river&status=active") == ["c1"]
    assert listed("identifier=urn:other|C-1") == []
    assert listed("status=finished") == []
    assert listed("client=nobody") == []


def test_an_insurer_reads_what_is_its_own(rivers_house):
    plan = find(rivers_house, "/fhir/CarePlan?status=active")["entry"][0]["resource"]
    path = f"/fhir/CarePlan/{plan['id']}"
    answer = rivers_house.get(path, headers=NORTHERN)
    assert (answer.headers["ETag"], answer.mimetype) == ('W/"1"', "application/fhir+json")
    assert rivers_house.get(path, headers={**NORTHERN, "If-None-Match": 'W/"1"'}).status_code == 304
    assert find(rivers_house, f"{path}/_history")["entry"][0]["request"]["method"] == "POST"
    assert find(rivers_house, f"{path}/_history/1") == plan
    southern = {"Casebridge-Partner": "southern"}
    assert rivers_house.get(path, headers=southern).status_code == 404
    assert rivers_house.get(f"{path}/_history", headers=southern).status_code == 404


@pytest.mark.parametrize(
    "query",
    [
        "Patient?family=riv",
        "Patient?birthdate=1990",
        "Patient?birthdate=ge1990-02-01",
        "Patient?identifier=urn:example:clients|R-1",
        "Patient?_lastUpdated=gt2020",
    ],
)
def test_patient_search_finds_river(rivers_house, query):
    document = {**river.CLIENT, "names": [{"family": "River"}]}
    rivers_house.put("/api/clients/river", json=document, headers={**CMS, "If-Match": 'W/"1"'})
    assert find(rivers_house, f"/fhir/{query}")["total"] == 1


def test_patient_search_that_does_not_match_finds_nothing(rivers_house):
    for query in ("family=other", "birthdate=1991", "identifier=urn:x|R-1", "_lastUpdated=lt2020", "_id=x"):
        assert find(rivers_house, f"/fhir/Patient?{query}")["total"] == 0


def test_next_links_lead_through_all_and_tell_no_search_value(rivers_house):
    for n in range(5):
        rivers_house.put(f"/api/cases/more{n}", json={**river.CASE, "identifiers": []}, headers=CMS)
    patient = find(rivers_house, "/fhir/Patient")["entry"][0]["resource"]["id"]
    seen, path = [], f"/fhir/CarePlan?patient=Patient/{patient}&_count=2"
    while path:
        bundle = find(rivers_house, path)
        seen += [entry["resource"]["id"] for entry in bundle["entry"]]
        urls = {link["relation"]: link["url"] for link in bundle["link"]}
        path = urls.get("next", "").removeprefix("http://127.0.0.1:8080")
        assert patient not in path
    assert len(seen) == len(set(seen)) == 6


def test_a_next_link_is_good_for_its_own_partner_and_type_alone(rivers_house):
    for n in range(3):
        rivers_house.put(f"/api/cases/more{n}", json={**river.CASE, "identifiers": []}, headers=CMS)
    urls = {link["relation"]: link["url"] for link in find(rivers_house, "/fhir/CarePlan?_count=2")["link"]}
    path = urls["next"].removeprefix("http://127.0.0.1:8080")
    assert rivers_house.get(path, headers=NORTHERN).status_code == 200
    for foreign, headers in ((path, CMS), (path.replace("CarePlan", "CareTeam"), NORTHERN)):
        answer = rivers_house.get(foreign, headers=headers)
        assert answer.status_code == 400, answer.text
        assert answer.json["issue"][0]["expression"] == ["_cursor"], answer.text


def test_an_unknown_search_parameter_is_refused_not_unheeded(rivers_house):
    answer = rivers_house.get("/fhir/CarePlan?bogus=1", headers=NORTHERN)
    assert (answer.status_code, answer.json["resourceType"]) == (400, "OperationOutcome")
    assert answer.json["issue"][0]["expression"] == ["bogus"]
    assert rivers_house.get("/fhir/CarePlan?_cursor=forged", headers=NORTHERN).status_code == 400


@pytest.mark.parametrize(
    ("raw", "status", "pointer"),
    [
        (b'{"names": [', 400, None),
        (b'{"names": [{"family": "x", "family": "y"}]}', 400, "/names/0/family"),
        (b'{"names": [{"family": "x\\u0000"}]}', 400, "/names/0/family"),
        (b'{"names": [{"family": "\\ud800"}]}', 400, "/names/0/family"),
        (b"[" * 100_000, 400, None),
        (b'{"names": [{"family": "x"}], "bogus": 1}', 422, "/bogus"),
        (b'{"names": [{"family": "x"}], "gender": "bogus"}', 422, "/gender"),
        (b'{"names": [{"family": "x"}], "birth_date": "2026-02-30"}', 422, "/birth_date"),
        (b'{"names": 7}', 422, "/names"),
        (b'{"names": [{"family": "' + b"x" * 20_000_000 + b'"}]}', 413, None),
        (b"\xff", 400, None),
        (b"[]", 422, "/"),
    ],
    ids=str,
)
def test_bad_input_is_refused_with_its_place_and_nothing_is_stored(client, raw, status, pointer):
    answer = client.put("/api/clients/bad", data=raw, content_type="application/json", headers=CMS)
    assert (answer.status_code, answer.mimetype) == (status, "application/problem+json")
    if pointer is not None:
        assert pointer in [issue["pointer"] for issue in answer.json["issues"]]
    assert client.get("/api/clients/bad", headers=CMS).status_code == 404


def test_an_id_with_illegal_characters_is_refused(client):
    assert client.put("/api/clients/a_b", json={"names": [{"family": "x"}]}, headers=CMS).status_code == 422


def test_erasure_needs_its_own_right_and_leaves_410(rivers_house):
    plan = find(rivers_house, "/fhir/CarePlan")["entry"][0]["resource"]["id"]
    uuid = rivers_house.get("/api/cases/c1", headers=CMS).headers["Casebridge-Id"]
    assert rivers_house.delete("/api/cases/c1", headers=CMS).status_code == 403
    assert rivers_house.delete(f"/api/cases/{uuid}").status_code == 204
    assert rivers_house.get(f"/fhir/CarePlan/{plan}").status_code == 410
    assert rivers_house.get("/api/cases/c1", headers=CMS).status_code == 404


def test_the_feed_gives_messages_in_order_to_those_who_may(rivers_house, numbered):
    numbered()
    answer = rivers_house.get("/events?count=3", headers={"Casebridge-Partner": "engineer"})
    assert answer.mimetype == "application/cloudevents-batch+json"
    assert [len(answer.json), answer.headers["Casebridge-Position"]] == [3, "3"]
    assert rivers_house.get("/events", headers=NORTHERN).status_code == 403


def test_errors_take_the_form_of_their_door(client):
    assert client.get("/fhir/Bogus/x").json["resourceType"] == "OperationOutcome"
    text = client.get("/fhir/Bogus").json["issue"][0]["details"]["text"]
    assert text.startswith("No such resource type is searched here; ")
    assert text.endswith(" RelatedPerson, ServiceRequest.")
    assert client.get("/api/nothing").mimetype == "application/problem+json"
    wrong = client.post("/api/clients/x")
    assert (wrong.status_code, "PUT" in wrong.headers["Allow"]) == (405, True)


def test_the_capability_statement_is_valid_and_public(client):
    from service.wire.fhir.check.validate import validate

    statement = client.get("/fhir/metadata", headers={"Casebridge-Partner": "nobody"})
    assert validate(json.loads(statement.data)) == []
    assert client.get("/health/live").json == {"status": "live"}
    assert client.get("/health/ready").json == {"status": "ready"}


def test_bundles_are_valid(rivers_house):
    from service.wire.fhir.check.validate import validate

    plan = find(rivers_house, "/fhir/CarePlan")
    assert validate(plan) == []
    assert validate(find(rivers_house, f"/fhir/CarePlan/{plan['entry'][0]['resource']['id']}/_history")) == []


def test_who_asks_for_an_address_of_fhir_that_is_none_is_told_where_to_look(house):
    bare = house.ask("DELETE", "/fhir")
    assert (bare.status_code, set(bare.headers["Allow"].split(", "))) == (
        405,
        {"GET", "HEAD", "OPTIONS", "POST"},
    )
    assert house.ask("GET", "/fhir").json["type"] == "searchset"
    nothing = house.ask("GET", "/fhir/Patient/x/y")
    assert nothing.status_code == 404
    for answer in (bare, house.ask("DELETE", "/fhir/"), nothing):
        assert answer.json["resourceType"] == "OperationOutcome"
        assert "/fhir/metadata" in answer.json["issue"][0]["details"]["text"]
    assert "/docs" in house.ask("GET", "/api").json["detail"]
