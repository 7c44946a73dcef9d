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
def edited(rivers_house, projection, tmp_path):
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
        return Remapping(rivers_house.store, changed, rivers_house.documents.clock)

    return edit


TITLE = ("outbound/CarePlan.yaml", 'title: "{{ case.plan.title }}"', 'title: "Plan: {{ case.plan.title }}"')


def test_what_would_change_is_told_and_nothing_is_written(rivers_house, edited):
    rivers_house.new_messages()
    work = edited(*TITLE)
    differences_ = [difference for _, differences in work.plan() for difference in differences]
    assert [
        (difference.reference.split("/")[0], difference.happened, difference.changed)
        for difference in differences_
    ] == [("CarePlan", "updated", ("title",))]
    assert differences_[0].before["title"] == "Back on the bicycle"
    assert differences_[0].after["title"] == "Plan: Back on the bicycle"
    assert rivers_house.one("CarePlan")["title"] == "Back on the bicycle"
    assert rivers_house.new_messages() == []


def test_what_nothing_makes_any_more_is_told_as_withdrawn(rivers_house, edited):
    work = edited(
        "outbound/CarePlan.yaml", 'when: "{{ case.plan.title }}"', 'when: "{{ not case.plan.title }}"'
    )
    differences_ = [difference for _, differences in work.plan() for difference in differences]
    assert [
        (difference.reference.split("/")[0], difference.happened, difference.changed)
        for difference in differences_
    ] == [("CarePlan", "withdrawn", ("status",))]


def test_what_was_planned_happens_once_with_its_messages(rivers_house, edited):
    rivers_house.new_messages()
    work = edited(*TITLE)
    assert work.count_left() == 4
    assert sum(result.changed for result in work.apply()) == 1
    assert rivers_house.one("CarePlan")["title"] == "Plan: Back on the bicycle"
    assert [key for key, _ in rivers_house.new_messages()] == ["careplan.updated"]
    assert (work.count_left(), list(work.apply())) == (0, [])
    assert rivers_house.documents.get(ALL, "cms", "case", "c1").revision == 1


def test_an_edit_that_changes_no_content_makes_no_version(rivers_house, edited):
    rivers_house.new_messages()
    work = edited("outbound/CarePlan.yaml", "intent: plan", "intent: plan  # as ever")
    assert {result.changed for result in work.apply()} == {0}
    assert rivers_house.new_messages() == []
    assert work.count_left() == 0


def test_after_an_apply_no_other_mappings_are_told_of_what_did_not_change(rivers_house, edited):
    work = edited(*TITLE)
    explanations = Explanations(rivers_house.store, work.projection.catalogues, work.projection.version)

    def current(type_, element):
        return explanations.explain(ALL, f"{type_}.{element}", rivers_house.one(type_)["id"]).current

    assert not current("CareTeam", "status")
    assert not current("CarePlan", "title")
    list(work.apply())
    assert current("CareTeam", "status")
    assert current("CarePlan", "title")


def test_the_history_tells_which_mappings_made_a_version(rivers_house, edited):
    work = edited(*TITLE)
    list(work.apply())
    with rivers_house.engine.connect() as connection:
        versions = connection.exec_driver_sql(
            "SELECT mapping_version FROM resource_history WHERE type = 'CarePlan' ORDER BY version"
        ).scalars()
        assert list(versions)[1] == work.projection.catalogues["default"].version


def test_a_document_that_cannot_be_mapped_is_named_and_stays_and_the_others_change(rivers_house, edited):
    rivers_house.new_messages()
    work = edited("outbound/CarePlan.yaml", "intent: plan", "intent: bogus")
    outcomes = {result.kind: result for result in work.apply()}
    lines = (MAPPINGS / "outbound/CarePlan.yaml").read_text(encoding="utf-8").splitlines()
    place = f"outbound/CarePlan.yaml:{lines.index('  intent: plan') + 1}:11"
    why = outcomes["case"].failed
    assert re.fullmatch(rf"CarePlan\.intent: [^;]+ \(made by {place}\)", why), why
    assert "bogus" not in why
    assert [result.failed for result, _ in work.plan()] == [why]
    assert work.count_left() == 1
    assert rivers_house.one("CarePlan")["intent"] == "plan"
    assert rivers_house.new_messages() == []


def test_a_document_saved_meanwhile_is_done(rivers_house, edited):
    work = edited(*TITLE)
    documents = replace(rivers_house.documents, projection=work.projection)
    changed = {**river.CASE, "care_model": "intensive"}
    documents.put(ALL, "cms", "case", "c1", changed, {1})
    assert rivers_house.one("CarePlan")["title"] == "Plan: Back on the bicycle"
    assert work.count_left() == 3
