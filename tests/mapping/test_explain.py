"""Each element of a resource says which line of which mapping put it there, and of which field it came."""

from pathlib import Path

import pytest

from service.mapping.author import golden
from service.mapping.catalogue import load
from service.mapping.compiler.explain import explainer, nearest_origin, value_at
from service.wire.contracts.published.json_schemas import links, sources

MAPPINGS = Path(__file__).parents[2] / "mappings"
PAIRS = golden.pairs(MAPPINGS)

T = """
map: T
from: case
let: {title: "{{ case.plan.title | strip }}", boss: "{{ case.manager }}"}
when: "{{ case.status }}"
make:
  resourceType: T
  title: "{{ title }}!"
  whole: "{{ case.extra }}"
  who: "{{ boss | reference('P') }}"
  items:
    - fixed
    - $each: goal in case.plan.goals
      $if: "{{ goal.description }}"
      $make:
        text: "{{ goal.description if goal.done is present else 'x' }}"
        notes: {$each: step in goal.progress, $make: {note: "{{ step.note }}"}}
  div: {$xhtml: ["<p>{{ case.kind }}</p>", {$each: g in client.given, $make: "{{ g }}"}]}
"""


@pytest.fixture
def origins(catalogue, case):
    def origins(text, **settings):
        catalogue_ = catalogue(text, **settings)
        ((document, _),) = catalogue_.projector("case").steps
        (explained,) = explainer(document, catalogue_.terminology).run(case)
        assert explained.resource == catalogue_.projector("case").run(case)[0].resource
        return explained.origins

    return origins


def test_each_element_names_its_line_its_rule_and_its_source(origins):
    by_path = {
        path: (origin.mark.line, origin.rule, origin.sources, origin.conditions)
        for path, origin in origins(T).items()
    }
    about, done = "case.plan.goals[0].description", "case.plan.goals[0].done"
    assert by_path == {
        "resourceType": (7, "T", (), ("case.status",)),
        "title": (8, "{{ title }}!", ("case.plan.title",), ("case.status",)),
        "whole": (9, "{{ case.extra }}", ("case.extra",), ("case.status",)),
        "who": (10, "{{ boss | reference('P') }}", ("case.manager",), ("case.status",)),
        "items[0]": (12, "fixed", (), ("case.status",)),
        "items[1].text": (
            16,
            "{{ goal.description if goal.done is present else 'x' }}",
            (about,),
            (done, "case.status"),
        ),
        "items[1].notes[0].note": (
            17,
            "{{ step.note }}",
            ("case.plan.goals[0].progress[0].note",),
            (about, "case.status"),
        ),
        "items[1].notes[1].note": (
            17,
            "{{ step.note }}",
            ("case.plan.goals[0].progress[1].note",),
            (about, "case.status"),
        ),
        "div": (18, "$xhtml", ("case.kind", "client.given"), ("case.status",)),
    }


def test_an_element_of_an_overlay_names_the_overlay(origins, write):
    write("overlays/over/outbound/T.yaml", "extends: T\nmake:\n  title: '{{ case.kind }}'\n")
    by_path = origins(T, overlays=["over"])
    assert str(by_path["title"].mark) == "overlays/over/outbound/T.yaml:3:10"
    assert by_path["title"].sources == ("case.kind",)
    assert str(by_path["whole"].mark) == "outbound/T.yaml:9:10"


def test_each_item_of_a_loop_at_the_head_says_which_it_is(catalogue, case):
    case["case"]["plan"]["goals"][1]["description"] = "run"
    text = "map: T\nfrom: case\neach: g in case.plan.goals\nmake: {a: '{{ g.description }}'}\n"
    ((document, _),) = catalogue(text).projector("case").steps
    sources_used = [
        result.origins["a"].sources for result in explainer(document, catalogue(text).terminology).run(case)
    ]
    assert sources_used == [("case.plan.goals[0].description",), ("case.plan.goals[1].description",)]


def test_what_stands_inside_an_explained_value_is_explained_by_it(origins):
    by_path = origins(T)
    assert nearest_origin("who.reference", by_path) == ("who", by_path["who"])
    assert nearest_origin("items[1].notes[0].note", by_path)[0] == "items[1].notes[0].note"
    assert nearest_origin("nothing.here", by_path) is None


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("case.kind", "home"),
        ("case.plan.goals[0].progress[1].note", "two"),
        ("case.plan.goals[0].progress.note", ["one", "two"]),
        ("case.plan.goals[7].id", None),
        ("case.nothing.x", None),
        ("client.given", ["A", "B"]),
        ("case.plan.goals[0].done", False),
    ],
)
def test_the_value_at_a_path_is_found_through_lists(case, path, value):
    assert value_at(path, case) == value


@pytest.fixture(scope="module")
def shipped():
    return load(MAPPINGS, sources=sources(), links=links())


@pytest.mark.parametrize("pair", [pair for pair in PAIRS if not pair.overlays], ids=lambda pair: pair.name)
def test_every_leaf_of_every_golden_resource_is_explained(pair, shipped):
    projector = shipped.projector(pair.source)
    made = [result.resource for result in projector.run(pair.roots)]
    explained = [
        result
        for document, _ in projector.steps
        for result in explainer(document, shipped.terminology).run(pair.roots)
    ]
    assert [result.resource for result in explained] == made
    for result in explained:
        for path in leaves(result.resource, ""):
            assert nearest_origin(path, result.origins), path


def leaves(value, path):
    if isinstance(value, dict):
        for key, below in value.items():
            yield from leaves(below, f"{path}.{key}" if path else key)
    elif isinstance(value, list):
        for index, below in enumerate(value):
            yield from leaves(below, f"{path}[{index}]")
    else:
        yield path
