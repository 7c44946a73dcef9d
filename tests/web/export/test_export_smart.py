"""Bulk export with tokens: their scopes say which types, and what of a type, at the kick-off and after."""

import copy
from datetime import UTC, datetime

import pytest

from service.errors import Denied
from service.flows.export.exports import Exports
from service.store.export.exports import SqlExports
from service.values.access.scope import Partner, Scope
from service.values.jobs.exports import Asked
from tests.flows import river
from tests.web import smart
from tests.web.export.exporting import ASYNC, Exporter, path_of

PLANS = "system/CarePlan.rs"


@pytest.fixture
def house(tmp_path, database_url, engine, mappings):
    house = smart.House(smart.settings(database_url, smart.registry(tmp_path)), engine, mappings)
    for path, document in river.STORY:
        assert house.ask("PUT", path, partner="cms", json=document).status_code == 201
    return house


def exporter(house, scope=None, partner="northern"):
    return Exporter(house, token=house.token(partner, scope))


def types(resources):
    return {reference.partition("/")[0] for reference in resources}


def test_a_token_exports_the_types_of_its_scopes(house):
    both = exporter(house, f"{PLANS} system/Goal.rs")
    manifest = both.manifest()
    assert types(both.resources(manifest)) == {"CarePlan", "Goal"}
    assert manifest["requiresAccessToken"] is True
    answer = both.begin("/fhir/$export?_type=CarePlan,Patient")
    assert answer.status_code == 403
    assert 'scope="system/Patient.rs"' in answer.headers["WWW-Authenticate"]
    assert exporter(house, "system/CarePlan.r").begin().status_code == 403
    assert exporter(house, "casebridge/events", partner="engineer").begin().status_code == 403
    assert {"Patient", "CareTeam"} < types(exporter(house).resources(exporter(house).manifest()))


def test_status_and_parts_need_a_token_that_covers_all_that_is_exported(house):
    whole = exporter(house)
    status = whole.begun("/fhir/$export?_type=CarePlan,Goal")
    part = path_of(whole.wait(status)["output"][0]["url"])
    narrow = exporter(house, PLANS)
    for path in (status, part):
        answer = narrow.ask("GET", path)
        assert answer.status_code == 403
        assert 'scope="system/Goal.rs"' in answer.headers["WWW-Authenticate"]
        assert house.ask("GET", path).status_code == 401
        assert exporter(house, partner="southern").ask("GET", path).status_code == 404
        assert exporter(house, f"system/Goal.rs {PLANS}").ask("GET", path).status_code == 200
    assert house.ask("GET", "/fhir/$export", headers=ASYNC).status_code == 401


def test_a_narrowed_scope_holds_at_the_kick_off_and_for_each_part(house):
    matching = exporter(house, f"{PLANS}?status=active")
    first = matching.manifest()
    assert types(matching.resources(first)) == {"CarePlan"}
    nothing = exporter(house, f"{PLANS}?status=completed")
    assert nothing.manifest()["output"] == []
    for file in first["output"]:
        assert nothing.ask("GET", path_of(file["url"])).data == b""
    by_letter = exporter(house, f"system/CarePlan.r?status=completed system/CarePlan.s {PLANS}?status=active")
    assert by_letter.manifest()["output"] != []


def test_an_export_is_planned_with_the_rights_that_it_was_begun_with(house):
    status = exporter(house, f"{PLANS}?status=active").begun()
    answer = exporter(house, PLANS).ask("GET", status)
    assert answer.status_code == 403
    assert "purpose of use" in answer.text


def test_an_emergency_is_of_one_person_and_exports_nothing(house, engine):
    opened = Scope(hospitals=(("", "mercy"),), opened=("river",))
    story = Exports(SqlExports(engine), lambda: datetime.now(UTC))
    with pytest.raises(Denied, match="emergency"):
        story.begin(Partner("mercy", "hospital"), opened, Asked("x", ("CarePlan",)))


def test_who_is_no_longer_a_member_is_in_no_file_and_a_denial_reaches_them(house):
    northern = exporter(house)
    file = next(output for output in northern.manifest()["output"] if output["type"] == "CarePlan")
    assert northern.lines(file)
    put = {**copy.deepcopy(river.CLIENT), "consents": [{"id": "no", "status": "active", "decision": "deny"}]}
    answer = house.ask("PUT", "/api/clients/river", partner="cms", json=put, headers={"If-Match": "*"})
    assert answer.status_code == 200, answer.json
    assert northern.ask("GET", path_of(file["url"])).data == b""
