"""An overlay extends code systems and concept maps, by code and by target."""

import pytest

from tests.mapping.overlaid import BASE, OVER

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
