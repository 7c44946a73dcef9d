"""Mappings change under live resources: it is seen before it happens, and then it happens once."""

import re
import shutil
from dataclasses import replace

import pytest

from service.flows.authoring.explain import Explanations
from service.flows.projection.remap import Remapping
from service.mapping.catalogue import load
from service.wire.contracts.published.json_schemas import links, sources
from tests.flows import river
from tests.flows.conftest import ALL, MAPPINGS


@pytest.fixture
def edited(told, projection, tmp_path):
    """Return what the stories are with mappings in which one text was replaced in one file."""

    def edit(file, old, new):
        folder = tmp_path / "mappings"
        shutil.copytree(MAPPINGS, folder, dirs_exist_ok=True)
        path = folder / file
        text = path.read_text(encoding="utf-8")
        assert old in text
        path.write_text(text.replace(old, new), encoding="utf-8")
        catalogue = load(folder, sources=sources(), links=links())
        changed = replace(projection, catalogues={"default": catalogue})
        return Remapping(told.store, changed, told.documents.clock)

    return edit


TITLE = ("outbound/CarePlan.yaml", 'title: "{{ case.plan.title }}"', 'title: "Plan: {{ case.plan.title }}"')


def test_what_would_change_is_told_and_nothing_is_written(told, edited):
    told.told()
    work = edited(*TITLE)
    found = [difference for _, differences in work.plan() for difference in differences]
    assert [(each.reference.split("/")[0], each.happened, each.changed) for each in found] == [
        ("CarePlan", "updated", ("title",))
    ]
    assert found[0].before["title"] == "Back on the bicycle"
    assert found[0].after["title"] == "Plan: Back on the bicycle"
    assert told.one("CarePlan")["title"] == "Back on the bicycle"
    assert told.told() == []


def test_what_nothing_makes_any_more_is_told_as_withdrawn(told, edited):
    work = edited(
        "outbound/CarePlan.yaml", 'when: "{{ case.plan.title }}"', 'when: "{{ not case.plan.title }}"'
    )
    found = [difference for _, differences in work.plan() for difference in differences]
    assert [(each.reference.split("/")[0], each.happened, each.changed) for each in found] == [
        ("CarePlan", "withdrawn", ("status",))
    ]


def test_what_was_planned_happens_once_with_its_messages(told, edited):
    told.told()
    work = edited(*TITLE)
    assert work.count_left() == 4
    assert sum(each.changed for each in work.apply()) == 1
    assert told.one("CarePlan")["title"] == "Plan: Back on the bicycle"
    assert [key for key, _ in told.told()] == ["careplan.updated"]
    assert (work.count_left(), list(work.apply())) == (0, [])
    assert told.documents.get(ALL, "cms", "case", "c1").revision == 1


def test_an_edit_that_changes_no_content_makes_no_version(told, edited):
    told.told()
    work = edited("outbound/CarePlan.yaml", "intent: plan", "intent: plan  # as ever")
    assert {each.changed for each in work.apply()} == {0}
    assert told.told() == []
    assert work.count_left() == 0


def test_after_an_apply_no_other_mappings_are_told_of_what_did_not_change(told, edited):
    work = edited(*TITLE)
    explanations = Explanations(told.store, work.projection.catalogues, work.projection.version)

    def current(type_, element):
        return explanations.explain(ALL, f"{type_}.{element}", told.one(type_)["id"]).current

    assert not current("CareTeam", "status")
    assert not current("CarePlan", "title")
    list(work.apply())
    assert current("CareTeam", "status")
    assert current("CarePlan", "title")


def test_the_history_tells_which_mappings_made_a_version(told, edited):
    work = edited(*TITLE)
    list(work.apply())
    with told.engine.connect() as connection:
        versions = connection.exec_driver_sql(
            "SELECT mapping_version FROM resource_history WHERE type = 'CarePlan' ORDER BY version"
        ).scalars()
        assert list(versions)[1] == work.projection.catalogues["default"].version


def test_a_document_that_cannot_be_mapped_is_named_and_stays_and_the_others_change(told, edited):
    told.told()
    work = edited("outbound/CarePlan.yaml", "intent: plan", "intent: bogus")
    outcomes = {each.kind: each for each in work.apply()}
    lines = (MAPPINGS / "outbound/CarePlan.yaml").read_text(encoding="utf-8").splitlines()
    place = f"outbound/CarePlan.yaml:{lines.index('  intent: plan') + 1}:11"
    why = outcomes["case"].failed
    assert re.fullmatch(rf"CarePlan\.intent: [^;]+ \(made by {place}\)", why), why
    assert "bogus" not in why
    assert [each.failed for each, _ in work.plan()] == [why]
    assert work.count_left() == 1
    assert told.one("CarePlan")["intent"] == "plan"
    assert told.told() == []


def test_a_document_saved_meanwhile_is_done(told, edited):
    work = edited(*TITLE)
    documents = replace(told.documents, projection=work.projection)
    changed = {**river.CASE, "care_model": "intensive"}
    documents.put(ALL, "cms", "case", "c1", changed, {1})
    assert told.one("CarePlan")["title"] == "Plan: Back on the bicycle"
    assert work.count_left() == 3
