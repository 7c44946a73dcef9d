"""An overlay says what is different: by name, at its own place, never about an id."""

import pytest

from service.mapping.compiler.projector import MappingError

BASE = """
map: T
from: case
let:
  title: "{{ case.plan.title | strip }}"
when: "{{ case.plan }}"
withdraw: {status: gone, extra: null}
make:
  resourceType: T
  id: "{{ case.plan.id | id('T') }}"
  title: "{{ title }}"
  kind: {code: "{{ case.kind | upper }}", note: "{{ case.note }}"}
  tags: [{a: 1}, {b: 2}]
  goal:
    $each: goal in case.plan.goals
    $if: "{{ goal.description }}"
    $make: {text: "{{ goal.description }}", tag: "{{ goal.tags }}"}
  period:
    $if: "{{ case.period }}"
    $make: {start: "{{ case.period.start }}"}
"""
OVER = "overlays/over/outbound/T.yaml"


@pytest.fixture
def laid(write, catalogue, case):
    """What T is with an overlay on it, less its id and type."""

    def laid(text, *, names=("over",), base=BASE):
        write(OVER, "extends: T\n" + text)
        made = catalogue(base, overlays=names).projector("case").run(case)
        return (
            {k: v for k, v in made[0].resource.items() if k not in {"id", "resourceType"}} if made else None
        )

    return laid


@pytest.fixture
def wrong(write, mistakes, catalogue):
    """What is wrong with an overlay over T: (place, message) pairs."""

    def wrong(text, file=OVER, names=("over",), **more):
        write(file, text)
        return mistakes(BASE, overlays=names, **more)

    return wrong


PLAIN = {
    "title": "T",
    "kind": {"code": "HOME", "note": 'a <b> & "c"'},
    "tags": [{"a": 1}, {"b": 2}],
    "goal": [{"text": "walk", "tag": ["x", "y"]}],
    "period": {"start": "2024-02-03T04:05:06+02:00"},
}


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


@pytest.mark.parametrize(
    ("text", "where", "message"),
    [
        ("extends: T\nmake: {id: x}\n", "2:8", "does not change `id`"),
        ("extends: T\nmake: {id: null}\n", "2:8", "does not change `id`"),
        ("extends: T\nmake: {resourceType: U}\n", "2:8", "does not change `resourceType`"),
        ("extends: T\nmap: U\n", "2:1", "`map` does not stand beside `extends`"),
        ("extends: T\nname: U\n", "2:1", "a mapping keeps its name"),
        ("extends: T\nfrom: client\n", "2:1", "a mapping keeps its source"),
        ("extends: T\neach: g in case.plan.goals\n", "2:1", "decides which ids there are"),
        (
            "extends: T\nmake: {$if: '{{ case.kind }}', $make: {id: x}}\n",
            "2:7",
            "a map of what is made otherwise",
        ),
        ("extends: T\nmake: {$add: [1]}\n", "2:7", "a map of what is made otherwise"),
        ("extends: T\nmake: text\n", "2:7", "a map of what is made otherwise"),
        ("extends: T\nmake:\ntitle: x\n", "3:1", "`title` stands beside an empty `make`, which removes"),
        ("extends: T\nmake: {}\nwhen: '{{ case.kind }}'\n", "3:1", "`when` stands beside an empty `make`"),
        ("extends: T\nmake:\n  # title: x\n", "2:1", "nothing stands under `make`; say what is made"),
        ("extends: Tt\nmake: {a: 1}\n", "1:10", "no mapping `Tt` below this overlay; did you mean `T`?"),
        ("extends: 5\n", "1:10", "no mapping"),
        ("make: {a: 1}\n", "1:1", "`extends` is missing here, or `map`"),
        ("extends: T\nmake: {a: {{ case.kind }}}\n", "2:12", "an expression stands in quotes"),
        ("extends: T\nmake:\n\ta: 1\n", "3:1", "not YAML: a tab stands here; use spaces"),
        ("extends: T\n---\nextends: T\n", "3:1", f"speaks of `T` at {OVER}:1:1 too"),
        (
            "map: T\nfrom: case\nmake: {a: 1}\n",
            "1:1",
            "made at outbound/T.yaml:2:1 too; extend it by `extends: T`",
        ),
        ("map: U\nfrom: case\nmake: {a: 1}\n---\nextends: U\n", "5:1", f"speaks of `U` at {OVER}:1:1 too"),
        ("extends: T\nmake: {title: '{{ case.kimd }}'}\n", "2:24", "did you mean `case.kind`?"),
        ("extends: T\nmake: {kind: {note: '{{ title.x }}'}}\n", "2:31", "`title` is a text and has no `x`"),
        ("extends: T\nwen: '{{ case }}'\n", "2:1", "`wen` is no part of a mapping; did you mean `when`?"),
        ("extends: T\nmake: {kind: {$add: [1]}}\n", "2:15", "no list to add to at outbound/T.yaml:12:9"),
        ("extends: T\nmake: {title: {$add: [1]}}\n", "2:16", "no list to add to"),
        ("extends: T\nmake: {tags: {$add: 1}}\n", "2:15", "stands alone, with a list"),
        ("extends: T\nmake: {tags: {$add: [1], b: 2}}\n", "2:15", "stands alone, with a list"),
        ("extends: T\nmake: {goal: {$xhtml: [a]}}\n", "2:14", "$xhtml stands alone"),
        ("extends: T\nwen: null\n", "2:1", "`wen` is no part of a mapping; did you mean `when`?"),
        ("", "1:1", "the file is empty"),
        ("extends: T\nmake: {tags: {$ad: [1]}}\n", "2:15", "`$ad` is no part of a block"),
        ("extends: T\nlet: [1]\n", "2:6", "a map stands here"),
        ("extends: T\nmake: {a: &a [1], b: *a}\n", "2:11", "anchors are not taken"),
        ("- a\n", "1:1", "a map stands here"),
        ("extends: T\nmake: {a: [\n", "3:1", "not YAML"),
        (b"extends: T\nmake: {a: \xff}\n", "2:11", "not UTF-8"),
        (b"extends: T\nmake: {a: '" + b"x" * 5_000_000 + b"'}\n", "", "over 1000000 bytes"),
        (b"extends: T\nmake: {a: " + b"[" * 50_000, "2:50", "nested more than"),
    ],
)
def test_an_overlay_that_is_wrong_is_refused_at_its_place(wrong, text, where, message):
    ((place, what),) = wrong(text)
    assert place == (f"{OVER}:{where}" if where else OVER)
    assert message in what


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


def test_a_mapping_that_cannot_run_names_the_overlay(write, catalogue, case):
    write(OVER, "extends: T\nmake:\n  kind:\n    code: '{{ case.note | strip }}'\n")
    case["case"]["note"] = 5
    with pytest.raises(MappingError) as caught:
        catalogue(BASE, overlays=["over"]).projector("case").run(case)
    assert caught.value.issues[0].where == f"{OVER}:4:11, target T.kind.code, source case.note"


def test_a_type_is_extended_by_the_name_of_one_of_its_mappings(write, mistakes):
    write(OVER, "extends: U\nmake: {a: 1}\n")
    others = "".join(f"---\nmap: U\nname: {name}\nfrom: case\nmake: {{a: 1}}\n" for name in ("one", "two"))
    ((place, what),) = mistakes(BASE + others, overlays=["over"])
    assert (place, "did you mean `one`, `two`?" in what) == (f"{OVER}:1:10", True)


def test_extends_has_no_place_in_the_mappings_themselves(mistakes):
    ((place, what),) = mistakes(BASE + "---\nextends: T\nmake: {a: 1}\n")
    assert (place, "stands in overlays" in what) == ("outbound/T.yaml:22:1", True)


def test_an_unknown_overlay_is_refused_with_what_was_meant(wrong):
    ((place, what),) = wrong("extends: T\n", names=("ovr",), told_by="partners.yaml: /views/x")
    assert (place, what) == ("partners.yaml: /views/x", "there is no overlay `ovr`; did you mean `over`?")


@pytest.mark.parametrize("name", ["", ".", "..", "../overlays/over", "/etc"])
def test_a_name_is_no_path(wrong, name):
    ((_, what),) = wrong("extends: T\n", names=(name,))
    assert "there is no overlay" in what


def test_overlays_that_extend_each_other_in_a_circle_are_refused(write, wrong):
    write("overlays/over/overlay.yaml", "extends: [low]\n")
    write("overlays/low/overlay.yaml", "title: x\nextends:\n  - over\n")
    ((place, what),) = wrong("extends: T\n")
    assert place == "overlays/low/overlay.yaml:3:5"
    assert "in a circle: over → low → over" in what


@pytest.mark.parametrize(
    ("text", "where", "message"),
    [
        ("extends: over", "1:10", "in a circle: over → over"),
        ("extends: [nope]", "1:11", "there is no overlay `nope`"),
        ("extend: [x]", "1:1", "did you mean `extends`?"),
        ("extends: [[x]]", "1:11", "the name of an overlay stands here"),
        ("- a", "1:1", "a map with title, description and extends"),
        ("a: [", "2:1", "not YAML"),
    ],
)
def test_a_manifest_that_is_wrong_is_refused_at_its_place(write, wrong, text, where, message):
    write("overlays/over/overlay.yaml", text + "\n")
    ((place, what),) = wrong("extends: T\n")
    assert place == f"overlays/over/overlay.yaml:{where}"
    assert message in what


def test_what_is_removed_is_referred_to_by_nothing(write, mistakes, catalogue):
    write(OVER, "extends: T\nmake: {}\n")
    other = "---\nmap: U\nfrom: case\nmake: {a: [\"{{ case.plan.id | reference('T') }}\"]}\n"
    ((place, what),) = mistakes(BASE + other, overlays=["over"])
    assert place == f"{OVER}:2:1"
    assert "nothing makes `T`, yet outbound/T.yaml:24:31 refers to it" in what
    write(OVER, "extends: T\nmake: {}\n---\nextends: U\nmake: {a: null, b: 1}\n")
    assert [mapping.name for mapping in catalogue(BASE + other, overlays=["over"]).mappings] == ["U"]


@pytest.mark.parametrize(
    ("text", "where", "message"),
    [
        ("make: {contributor: null}", "2:8", "nothing makes `contributor` here; take this out"),
        ("make:\n  kind:\n    system: null\n", "4:5", "nothing makes `system` here"),
        ("make: {goal: {$make: {title: ''}}}", "2:23", "nothing makes `title` here"),
        ("make: {kind: {$if: null}}", "2:15", "there is no `$if` here to remove"),
        ("make: {title: {value: []}}", "2:16", "nothing makes `value` here"),
        ("let: {titel: null}", "2:7", "there is no `titel` here to remove"),
        ("profile: null", "2:1", "there is no `profile` here to remove"),
        ("make: {more: {x: null, y: 1}}", "2:15", "nothing makes `x` here"),
    ],
)
def test_what_nothing_makes_is_not_removed(wrong, text, where, message):
    """Whoever removes it means something else, which would be sent as before."""
    ((place, what),) = wrong(f"extends: T\n{text}\n")
    assert place == f"{OVER}:{where}"
    assert message in what


def test_what_another_overlay_makes_or_has_removed_is_removed_where_that_stands_below(laid, write, mistakes):
    write("overlays/last/outbound/T.yaml", "extends: T\nmake: {fresh: null, kind: null, title: null}\n")
    text = "make: {fresh: {x: 1}, kind: null, title: plain}"
    assert laid(text, names=("over", "last")) == {
        key: value for key, value in PLAIN.items() if key not in {"kind", "title"}
    }
    for names in (("last",), ("last", "over")):
        ((place, what),) = mistakes(BASE, overlays=names)
        assert place == "overlays/last/outbound/T.yaml:2:8"
        assert "nothing makes `fresh` here" in what
        assert "let `extends` in overlay.yaml name the overlay that does" in what
    write("overlays/last/overlay.yaml", "extends: over\n")
    assert "fresh" not in laid(text, names=("last",))


REQUIRED = {"T.title": ("title",), "T.kind.code": ("code",), "T.period": ("period", "periodText")}


@pytest.mark.parametrize(
    ("text", "where", "element"),
    [
        ("make: {title: null}", "2:8", "T.title"),
        ("make: {kind: {code: ''}}", "2:15", "T.kind.code"),
        ("make: {period: {}}", "2:8", "T.period"),
    ],
)
def test_what_is_required_is_not_removed(wrong, text, where, element):
    ((place, what),) = wrong(f"extends: T\n{text}\n", required=lambda path: REQUIRED.get(path, ()))
    assert place == f"{OVER}:{where}"
    assert what.startswith(f"`{element}` is required; say what stands there instead")


@pytest.mark.parametrize(
    "text",
    [
        "make: {kind: null}",
        "make: {period: null, periodText: then}",
        "make: {title: null, _title: {extension: [{url: x}]}}",
        "make: {kind: {note: null}}",
    ],
)
def test_what_is_required_goes_by_another_name_or_with_all_that_it_stands_in(laid, write, catalogue, text):
    write(OVER, f"extends: T\n{text}\n")
    catalogue(BASE, overlays=["over"], required=lambda path: REQUIRED.get(path, ()))


def test_what_is_required_is_removed_by_one_overlay_and_made_by_the_next(write, catalogue, mistakes):
    write(OVER, "extends: T\nmake: {title: null}\n")
    write("overlays/last/outbound/T.yaml", "extends: T\nmake: {title: last}\n")
    catalogue(BASE, overlays=["over", "last"], required=lambda path: REQUIRED.get(path, ()))


SYSTEM = """
resourceType: CodeSystem
url: https://example.org/kind
concept:
  - {code: home, display: At home, designation: [{language: da, value: hjemme}, {language: sv, value: hemma}]}
  - {code: away, display: Away}
"""
MAP = """
resourceType: ConceptMap
url: https://example.org/map
group:
  - target: http://a
    element:
      - {code: home, target: [{code: H, display: Home, equivalence: equivalent}]}
      - {code: away, target: [{code: A, equivalence: equivalent}]}
    unmapped: {mode: fixed, code: O, display: Other}
"""


def test_a_code_system_is_extended_by_code_and_language(write, catalogue):
    write("codesystems/kind.yaml", SYSTEM)
    write(
        "overlays/over/codesystems/kind.yaml",
        """
        concept:
          - {code: home, designation: [{language: sv, value: därhemma}]}
          - {code: near, display: Near}
        """,
    )
    system = catalogue(BASE, overlays=["over"]).codesystems["kind"]
    assert system.displays == {"home": "At home", "away": "Away", "near": "Near"}
    assert system.designations["home"] == {"da": "hjemme", "sv": "därhemma"}
    assert [concept["code"] for concept in system.resource["concept"]] == ["home", "away", "near"]


def test_a_concept_map_is_extended_by_target_and_code(write, catalogue):
    write("concepts/map.yaml", MAP)
    write(
        "overlays/over/concepts/map.yaml",
        """
        group:
          - target: http://a
            element:
              - {code: home, target: [{code: HH, equivalence: equivalent}]}
              - {code: near, target: [{code: N, equivalence: equivalent}]}
            unmapped: {mode: fixed, code: X}
          - target: http://b
            element: [{code: away, target: [{code: B, equivalence: equivalent}]}]
        """,
    )
    compiled = catalogue(BASE, overlays=["over"])
    targets = {code: compiled.terminology.targets("map", code) for code in ("home", "away", "near", "else")}
    assert targets == {
        "home": ({"system": "http://a", "code": "HH"},),
        "away": ({"system": "http://a", "code": "A"}, {"system": "http://b", "code": "B"}),
        "near": ({"system": "http://a", "code": "N"},),
        "else": ({"system": "http://a", "code": "X"},),
    }
    assert catalogue(BASE).terminology.targets("map", "home")[0]["code"] == "H"


PARTED = """
resourceType: ConceptMap
group:
  - source: http://table
    target: http://a
    element:
      - {code: home, target: [{code: H, equivalence: equivalent}]}
    unmapped: {mode: fixed, code: O}
  - source: http://senders
    target: http://a
    element:
      - {code: hjem, target: [{code: H, equivalence: equivalent}]}
"""


@pytest.mark.parametrize("named", ["", "target: 'http://a', ", "source: 'http://senders', "])
def test_what_an_overlay_says_of_a_code_holds_in_whichever_group_of_the_target_it_stood(
    write, catalogue, named
):
    write("concepts/map.yaml", PARTED)
    elements = [
        f"{{code: {code}, target: [{{code: X, equivalence: equal}}]}}" for code in ("home", "hjem", "near")
    ]
    write("overlays/over/concepts/map.yaml", f"group: [{{{named}element: [{', '.join(elements)}]}}]")
    terminology = catalogue(BASE, overlays=["over"]).terminology
    for code, target in (("home", "X"), ("hjem", "X"), ("near", "X"), ("else", "O")):
        assert terminology.targets("map", code) == ({"system": "http://a", "code": target},)


def test_an_overlays_target_says_how_it_stands_to_the_code_as_those_below_do(write, mistakes):
    write("concepts/map.yaml", MAP)
    write(
        "overlays/over/concepts/map.yaml",
        "group:\n  - target: http://a\n    element: [{code: home, target: [{code: HH}]}]\n",
    )
    ((place, what),) = mistakes(BASE, overlays=["over"])
    assert place == "overlays/over/concepts/map.yaml:3:37"
    assert what.startswith("`equivalence` is needed here")


def test_a_concept_map_without_the_one_target_an_expression_needs_is_refused_where_it_is_used(
    write, mistakes
):
    write("concepts/map.yaml", MAP.replace("    unmapped: {mode: fixed, code: O, display: Other}\n", ""))
    write(
        "overlays/over/concepts/map.yaml",
        "group: [{target: 'http://b', element: [{code: open, target: [{code: 1, equivalence: equal}]}]}]",
    )
    write(OVER, "extends: T\nmake: {title: \"{{ case.status | concept('map') }}\"}\n")
    issues = mistakes(BASE, overlays=["over"])
    assert ("overlays/over/concepts/map.yaml:1:69", "`code` is needed here, as text (quote it)") in issues


def test_several_targets_after_an_overlay_are_refused_where_one_is_needed(write, mistakes):
    write("concepts/map.yaml", MAP.replace("home", "open").replace("away", "closed"))
    write(
        "overlays/over/concepts/map.yaml",
        "group: [{target: 'http://b', element: [{code: open, target: [{code: b, equivalence: equal}]}]}]",
    )
    write(OVER, "extends: T\nmake: {title: \"{{ case.status | concept('map') }}\"}\n")
    ((place, what),) = mistakes(BASE, overlays=["over"])
    assert place == f"{OVER}:2:33"
    assert "several targets for `open`" in what


@pytest.mark.parametrize("filter_", ["concept", "coding", "codeable"])
def test_a_code_without_a_target_is_refused_where_the_element_is_required_and_only_there(
    write, mistakes, catalogue, filter_
):
    write("concepts/map.yaml", MAP.replace("home", "open").replace("away", "closed"))
    nothing = "{code: open, target: [{equivalence: unmatched}]}"
    write("overlays/over/concepts/map.yaml", f"group: [{{target: 'http://a', element: [{nothing}]}}]")
    leaf = f"{{{{ case.status | {filter_}('map') }}}}"
    write(OVER, f'extends: T\nmake:\n  kind:\n    code: "{leaf}"\n    note: "{leaf}"\n')

    def required(path):
        return ("code",) if path == "T.kind.code" else ()

    ((place, what),) = mistakes(BASE, overlays=["over"], required=required)
    assert place == f"{OVER}:4:29"
    assert "`map` has no target for `open`, yet `T.kind.code` is required; map the code" in what
    catalogue(BASE, overlays=["over"])
    write("overlays/over/concepts/map.yaml", "group: [{target: 'http://a', element: []}]")
    catalogue(BASE, overlays=["over"], required=required)
