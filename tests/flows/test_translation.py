"""Codes that a concept map does not name follow its policy, and maps are read both ways."""

import pytest

from service.flows.pull.translation import Match, Translator, answer

CODE = {"system": "urn:ours", "code": "a"}


def concept_map(name, *, unmapped=None, target=None, source="urn:ours", to="urn:theirs"):
    group = {"source": source, "target": to, "element": [{"code": "known", "target": [target or {}]}]}
    if unmapped:
        group["unmapped"] = unmapped
    return {"resourceType": "ConceptMap", "id": name, "url": f"urn:{name}", "group": [group]}


@pytest.mark.parametrize(
    ("unmapped", "matches"),
    [
        (None, []),
        ({"mode": "provided"}, [Match("equal", {"system": "urn:theirs", "code": "a"}, "urn:m")]),
        (
            {"mode": "fixed", "code": "x", "display": "X"},
            [Match("inexact", {"system": "urn:theirs", "code": "x", "display": "X"}, "urn:m")],
        ),
        (
            {"mode": "other-map", "url": "urn:other"},
            [Match("equal", {"system": "urn:theirs", "code": "a"}, "urn:other")],
        ),
        ({"mode": "other-map", "url": "urn:none"}, []),
    ],
)
def test_a_code_no_group_names_follows_the_policy(unmapped, matches):
    known = {"code": "y", "equivalence": "equivalent"}
    maps = [
        concept_map("m", unmapped=unmapped, target=known),
        concept_map("other", unmapped={"mode": "provided"}, target=known),
    ]
    assert list(Translator(maps).forth(CODE, maps[:1])) == matches
    named = list(Translator(maps).forth({"system": "urn:ours", "code": "known"}, maps[:1]))
    assert named == [Match("equivalent", {"system": "urn:theirs", "code": "y"}, "urn:m")]


@pytest.mark.parametrize(
    ("there", "back"),
    [
        ("wider", "narrower"),
        ("narrower", "wider"),
        ("subsumes", "specializes"),
        ("specializes", "subsumes"),
        ("equal", "equal"),
    ],
)
def test_an_equivalence_is_turned_round_on_the_way_back(there, back):
    maps = [concept_map("m", target={"code": "y", "equivalence": there})]
    matches = list(Translator(maps).back({"system": "urn:theirs", "code": "y"}, maps))
    assert matches == [Match(back, {"system": "urn:ours", "code": "known"}, "urn:m")]


def test_what_has_no_match_is_not_led_back_to_and_is_no_result():
    maps = [concept_map("m", target={"code": "y", "equivalence": "disjoint"})]
    assert list(Translator(maps).back({"system": "urn:theirs", "code": "y"}, maps)) == []
    matches = list(Translator(maps).forth({"system": "urn:ours", "code": "known"}, maps))
    assert [match.equivalence for match in matches] == ["disjoint"]
    assert answer(matches)["parameter"][0] == {"name": "result", "valueBoolean": False}


def test_a_map_of_another_system_says_nothing():
    maps = [concept_map("m", unmapped={"mode": "provided"}, source="urn:elsewhere")]
    assert list(Translator(maps).forth(CODE, maps)) == []
    assert list(Translator(maps, "urn:else").forth({"code": "a"}, maps)) == []
