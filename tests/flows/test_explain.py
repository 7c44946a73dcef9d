"""An element of a live resource is led back to the field, the line and the revision it comes from."""

import pytest

from service.errors import Gone, NotFound, Rejected
from service.flows.authoring.explain import Explanations
from service.values.access.scope import Scope
from tests.flows import river

ALL = Scope(everything=True)


@pytest.fixture
def explain(rivers_house, projection):
    explanations = Explanations(rivers_house.store, projection.catalogues, projection.version)

    def explain(path, id_=None, scope=ALL):
        type_ = path.partition(".")[0]
        return explanations.explain(scope, path, id_ or rivers_house.one(type_)["id"])

    return explain


def test_an_element_names_its_field_its_value_its_line_and_the_revision(rivers_house, explain):
    explained = explain("CarePlan.title")
    (title,) = explained.elements
    assert (title.path, title.value) == ("title", "Back on the bicycle")
    assert title.sources == {"case.plan.title": "Back on the bicycle"}
    assert title.origin.rule == "{{ case.plan.title }}"
    assert str(title.origin.mark).startswith("outbound/CarePlan.yaml:")
    assert (explained.document.kind, explained.revision, explained.version, explained.current) == (
        "case",
        1,
        1,
        True,
    )


def test_an_item_of_a_list_names_its_own_item_of_the_source(rivers_house, explain):
    plan = rivers_house.one("CarePlan")
    for index in range(len(plan["activity"])):
        (element,) = explain(f"CarePlan.activity[{index}].reference").elements
        ((source, id_),) = element.sources.items()
        assert element.value == plan["activity"][index]["reference"]
        kind, _, _ = source.removeprefix("case.plan.").partition("[")
        items = river.CASE["plan"][kind]
        position = int(source.partition("[")[2].partition("]")[0])
        assert (source, id_) == (f"case.plan.{kind}[{position}].id", items[position]["id"])


def test_a_path_inside_a_made_value_is_explained_by_that_value(explain):
    (element,) = explain("CarePlan.subject.reference").elements
    assert element.origin.rule == "{{ client | reference('Patient') }}"
    assert list(element.sources["client"]) == ["uuid"]


def test_a_path_without_indexes_means_every_item_and_without_an_element_everything(rivers_house, explain):
    count = len(rivers_house.one("CarePlan")["goal"])
    assert [element.path for element in explain("CarePlan.goal").elements] == [
        f"goal[{i}]" for i in range(count)
    ]
    assert {"id", "title", "status"} <= {element.path for element in explain("CarePlan").elements}


def test_the_revision_is_that_of_the_version_not_the_last_one(rivers_house, explain):
    team = [{"id": "manager", "role": "case-manager", "practitioner": "nurse"}]
    rivers_house.put("case", "c1", river.CASE | {"team": team}, 1)
    assert explain("CareTeam.status").revision == 2
    assert explain("CarePlan.title").revision == 1


@pytest.mark.parametrize(
    ("path", "error"),
    [
        ("CarePlan.nothing", NotFound),
        ("CarePlan.activity[99].reference", NotFound),
        ("careplan.title", Rejected),
        ("", Rejected),
    ],
)
def test_what_cannot_be_explained_is_said(rivers_house, explain, path, error):
    with pytest.raises(error):
        explain(path, rivers_house.one("CarePlan")["id"])


def test_what_is_out_of_scope_or_not_there_is_not_explained(rivers_house, explain):
    plan = rivers_house.one("CarePlan")["id"]
    with pytest.raises(NotFound, match="no such resource"):
        explain("CarePlan.title", plan, Scope(source="other"))
    with pytest.raises(NotFound, match="no such resource"):
        explain("CarePlan.title", "nothing")
    with pytest.raises(Rejected):
        explain("CarePlan.title", plan, Scope(everything=True, view="other"))


def test_what_was_withdrawn_or_erased_is_said_to_be(rivers_house, explain):
    plan = rivers_house.one("CarePlan")["id"]
    case = {key: value for key, value in river.CASE.items() if key != "plan"}
    rivers_house.put("case", "c1", case, 1)
    with pytest.raises(NotFound, match="withdrawn"):
        explain("CarePlan.title", plan)
    rivers_house.documents.erase(ALL, "cms", "case", "c1")
    with pytest.raises(Gone):
        explain("CarePlan.title", plan)
