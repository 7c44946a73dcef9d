"""An overlay says what is different: by name, at its own place, never about an id."""

import pytest

from service.mapping.compiler.projector import MappingError
from tests.mapping.overlaid import BASE, OVER, PLAIN


def test_an_overlay_that_says_nothing_changes_nothing(laid):
    assert laid("") == PLAIN


@pytest.mark.parametrize(
    ("text", "change"),
    [
        ("make: {title: other}", {"title": "other"}),
        ("make: {title: '{{ case.kind }} {{ title }}'}", {"title": "home T"}),
        ("make: {more: {x: 1}}", {"more": {"x": 1}}),
        ("make: {kind: {note: mine}}", {"kind": {"code": "HOME", "note": "mine"}}),
        ("make: {kind: {more: [1]}}", {"kind": PLAIN["kind"] | {"more": [1]}}),
        ("make: {kind: plain}", {"kind": "plain"}),
        ("make: {tags: [{c: 3}]}", {"tags": [{"c": 3}]}),
        ("make: {tags: {$add: [{c: 3}]}}", {"tags": [{"a": 1}, {"b": 2}, {"c": 3}]}),
        ("make: {goal: {$add: [{text: run}]}}", {"goal": [*PLAIN["goal"], {"text": "run"}]}),
        ("make: {fresh: {$add: [1]}}", {"fresh": [1]}),
        ("make: {kind: {fresh: {$add: [1]}}}", {"kind": PLAIN["kind"] | {"fresh": [1]}}),
        ("make: {goal: {$make: {tag: null}}}", {"goal": [{"text": "walk"}]}),
        ("make: {goal: {$make: {text: '{{ goal.id }}'}}}", {"goal": [{"text": "g1", "tag": ["x", "y"]}]}),
        ("make: {goal: {$if: null}}", {"goal": [*PLAIN["goal"], {"tag": ["x"]}]}),
        ("make: {goal: {$make: '{{ goal.id }}'}}", {"goal": ["g1"]}),
        ("make: {period: {end: '{{ case.period.start }}'}}", {"period": {"end": PLAIN["period"]["start"]}}),
        ("make: {kind: {$if: '{{ case.plan }}', $make: 1}}", {"kind": 1}),
        ("let: {title: \"{{ 'new' }}\"}", {"title": "new"}),
        ("let: {own: '{{ title | upper }}'}\nmake: {title: '{{ own }}{{ own }}'}", {"title": "TT"}),
        ("when: '{{ case.status }}'", {}),
    ],
)
def test_what_is_named_is_replaced_and_the_rest_stays(laid, case, text, change):
    case["case"]["plan"]["goals"][1]["tags"] = ["x"] if "$if: null" in text else []
    assert laid(text) == PLAIN | change


@pytest.mark.parametrize("empty", ["null", "''", "[]", "{}", ""])
@pytest.mark.parametrize("key", ["title", "kind", "tags", "goal", "period"])
def test_what_is_empty_removes(laid, key, empty):
    assert laid(f"make:\n  {key}: {empty}") == {k: v for k, v in PLAIN.items() if k != key}


def test_an_empty_condition_removes_the_condition(laid, case):
    case["case"]["plan"]["title"] = ""
    base = BASE.replace('when: "{{ case.plan }}"', 'when: "{{ case.plan.title }}"')
    assert laid("make: {kind: 1}", base=base) is None
    assert laid("when: null", base=base)


def test_an_empty_make_removes_the_mapping(laid):
    assert laid("make: null") is None


def test_withdrawal_merges_by_key_and_null_keeps_its_meaning(write, catalogue):
    write(OVER, "extends: T\nwithdraw: {status: null, other: 1}\n")
    assert catalogue(BASE, overlays=["over"]).withdrawal("T") == {"status": None, "extra": None, "other": 1}


def test_an_overlay_adds_mappings_of_its_own(write, catalogue, case):
    write(OVER, "map: U\nfrom: case\nmake: {a: '{{ case.kind }}'}\n")
    made = catalogue(BASE, overlays=["over"]).projector("case").run(case)
    assert [(result.mapping, result.resource.get("a")) for result in made] == [("T", None), ("U", "home")]


def test_a_mapping_of_an_overlay_that_makes_a_resource_again_is_refused_when_it_does(write, catalogue, case):
    write(
        OVER,
        "map: T\nname: again\nfrom: case\nmake: {resourceType: T, id: \"{{ case.plan.id | id('T') }}\"}\n",
    )
    with pytest.raises(MappingError, match="makes this resource too") as caught:
        catalogue(BASE, overlays=["over"]).projector("case").run(case)
    assert caught.value.issues[0].where == f"{OVER}:1:1, target T.id"


def test_overlays_stack_in_the_order_they_are_named(laid, write):
    write("overlays/last/outbound/T.yaml", "extends: T\nmake: {title: '{{ title }}!', kind: null}\n")
    text = "let: {title: \"{{ 'over' }}\"}\nmake: {title: x, kind: {note: y}}"
    assert laid(text, names=("over", "last")) == {k: v for k, v in PLAIN.items() if k != "kind"} | {
        "title": "over!"
    }
    assert laid(text, names=("last", "over")) == PLAIN | {"title": "x", "kind": {"note": "y"}}


def test_what_an_overlay_extends_comes_below_it_once(laid, write):
    write("overlays/over/overlay.yaml", "title: Over\nextends: [low, lower]\n")
    write("overlays/low/overlay.yaml", "extends: lower\n")
    write("overlays/low/outbound/T.yaml", "extends: T\nmake: {title: '{{ title }}low', kind: null}\n")
    write("overlays/lower/outbound/T.yaml", "extends: T\nmake: {title: lower, tags: null, kind: 1}\n")
    without = {k: v for k, v in PLAIN.items() if k not in {"kind", "tags"}}
    assert laid("", names=("over",)) == without | {"title": "Tlow"}
    assert laid("", names=("lower", "over", "low")) == without | {"title": "Tlow"}


def test_a_folder_without_overlays_is_not_touched_by_them(write, catalogue, case):
    write(OVER, "extends: T\nmake: {title: other}\n")
    assert catalogue(BASE).projector("case").run(case)[0].resource["title"] == "T"


def test_the_version_tells_stacks_apart(write, catalogue):
    write(OVER, "extends: T\nmake: {title: other}\n")
    write("overlays/last/outbound/T.yaml", "extends: T\nmake: {title: last}\n")
    stacks = [(), ("over",), ("last",), ("over", "last"), ("last", "over")]
    assert len({catalogue(BASE, overlays=stack).version for stack in stacks}) == 5


def test_lineage_follows_the_overlay(write, catalogue):
    write(OVER, "extends: T\nmake: {title: '{{ case.kind }}'}\n")
    (mapping,) = catalogue(BASE, overlays=["over"]).mappings
    assert mapping.lineage["T.title"] == ("case.kind",)
    assert (mapping.file, mapping.line) == (OVER, 1)


@pytest.mark.parametrize("make", ["", "make: {a: 1}\n"])
@pytest.mark.parametrize("name", ["key", "local"])
def test_what_an_id_is_made_of_stays(write, mistakes, name, make):
    lets = 'let: {local: "{{ case.plan.id }}", key: "{{ local }}"}'
    write(OVER, f"extends: U\nlet: {{{name}: '{{{{ case.kind }}}}'}}\n{make}")
    base = f"map: U\nfrom: case\n{lets}\nmake: {{id: \"{{{{ key | id('U') }}}}\"}}\n"
    ((place, what),) = mistakes(base, overlays=["over"])
    assert place == f"{OVER}:2:7"
    assert f"the id is made of `{name}`" in what


def test_what_goes_wrong_below_still_names_the_file_below(laid, wrong, write, mistakes):
    write(OVER, "extends: T\nlet: {title: null}\n")
    ((place, what),) = mistakes(BASE, overlays=["over"])
    assert (place, "`title` is unknown" in what) == ("outbound/T.yaml:11:14", True)


def test_a_type_is_extended_by_the_name_of_one_of_its_mappings(write, mistakes):
    write(OVER, "extends: U\nmake: {a: 1}\n")
    others = "".join(f"---\nmap: U\nname: {name}\nfrom: case\nmake: {{a: 1}}\n" for name in ("one", "two"))
    ((place, what),) = mistakes(BASE + others, overlays=["over"])
    assert (place, "did you mean `one`, `two`?" in what) == (f"{OVER}:1:10", True)
