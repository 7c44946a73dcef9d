"""What a document would make is shown, with where it comes from, and nothing is kept of it."""

import pytest
from sqlalchemy import func, select

from service.store import tables
from tests.flows import river

PATH = "/api/mappings/$preview"


def preview(house, kind, document, *, partner="cms", status=200, **more):
    answer = house.ask("POST", PATH, partner=partner, json={"kind": kind, "document": document} | more)
    assert answer.status_code == status, answer.text
    return answer.json


def by_type(preview_):
    return {resource["resource"]["resourceType"]: resource for resource in preview_["resources"]}


def test_a_case_is_shown_as_it_would_be_stored(rivers_house):
    made = preview(rivers_house, "case", river.CASE, id="c1")
    shown = by_type(made)
    stored = rivers_house.one("CarePlan")
    assert {key: value for key, value in stored.items() if key != "meta"} == shown["CarePlan"]["resource"]
    assert (made["issues"], made["supposed"]) == ([], [])


def test_each_element_says_where_it_comes_from(rivers_house):
    plan = by_type(preview(rivers_house, "case", river.CASE, id="c1"))["CarePlan"]
    assert plan["mapping"] == "CarePlan"
    assert plan["place"].startswith("outbound/CarePlan.yaml:")
    title = plan["lineage"]["title"]
    assert (title["rule"], title["sources"]) == ("{{ case.plan.title }}", ["case.plan.title"])
    assert title["place"].startswith("outbound/CarePlan.yaml:")
    assert plan["lineage"]["goal[0]"]["sources"] == ["case.plan.goals[0].id"]


def test_nothing_is_stored(house, engine):
    preview(house, "client", river.CLIENT)
    with engine.connect() as connection:
        for table in (tables.document, tables.resource, tables.outbox, tables.revision):
            assert connection.execute(select(func.count()).select_from(table)).scalar_one() == 0


def test_what_is_not_there_yet_is_supposed_and_said(house):
    made = preview(house, "case", river.CASE)
    assert "CarePlan" in by_type(made)
    assert {"/client", "/care_manager", "/plan/author"} <= {place["where"] for place in made["supposed"]}
    assert made["issues"] == []


def test_fields_that_nothing_reads_are_told_where_they_are_given(rivers_house, mappings):
    unread = mappings["default"].unread_paths("case")
    made = preview(rivers_house, "case", river.CASE)
    assert set(made["unread"]) <= set(unread)
    assert "case.client" not in unread


def test_a_document_that_does_not_fit_its_contract_is_refused_with_pointers(house):
    refused = preview(house, "case", river.CASE | {"status": "bogus"}, status=422)
    assert [issue["pointer"] for issue in refused["issues"]] == ["/status"]


@pytest.mark.parametrize(
    ("body", "where"),
    [
        ([], "/"),
        ({"kind": "case"}, "/"),
        ({"kind": "case", "document": {}, "more": 1}, "/"),
        ({"kind": "discharge", "document": {}}, "/kind"),
        ({"kind": 5, "document": {}}, "/kind"),
        ({"kind": "client", "document": river.CLIENT, "view": "other"}, "/view"),
        ({"kind": "client", "document": river.CLIENT, "view": None}, "/view"),
        ({"kind": "client", "document": river.CLIENT, "id": 5}, "/id"),
    ],
)
def test_a_request_that_is_none_is_refused_at_its_place(house, body, where):
    answer = house.ask("POST", PATH, json=body)
    assert answer.status_code == 422
    assert [issue["pointer"] for issue in answer.json["issues"]] == [where]


def test_only_who_owns_documents_may_preview(house):
    assert preview(house, "client", river.CLIENT, partner=None)["resources"]
    for partner in ("northern", "mercy", "engineer"):
        preview(house, "client", river.CLIENT, partner=partner, status=403)


def test_another_systems_client_is_not_shown(rivers_house):
    client = rivers_house.get("/api/clients/river").headers["Casebridge-Id"]
    made = preview(rivers_house, "case", river.CASE | {"client": client}, partner="other", id="c1")
    assert "/client" in {place["where"] for place in made["supposed"]}
    told_of = {
        resource["resource"]["subject"]["reference"]
        for resource in made["resources"]
        if "subject" in resource["resource"]
    }
    assert f"Patient/{rivers_house.one('Patient')['id']}" not in told_of
    case = rivers_house.one("CarePlan")["id"]
    assert by_type(made)["CarePlan"]["resource"]["id"] != case
