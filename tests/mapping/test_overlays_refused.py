"""An overlay that is wrong is refused at its place, with the remedy."""

import pytest

from service.mapping.compiler.projector import MappingError
from tests.mapping.overlaid import BASE, OVER


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


def test_a_mapping_that_cannot_run_names_the_overlay(write, catalogue, case):
    write(OVER, "extends: T\nmake:\n  kind:\n    code: '{{ case.note | strip }}'\n")
    case["case"]["note"] = 5
    with pytest.raises(MappingError) as caught:
        catalogue(BASE, overlays=["over"]).projector("case").run(case)
    assert caught.value.issues[0].where == f"{OVER}:4:11, target T.kind.code, source case.note"


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
