"""What a partner changed comes into the case, and nothing else of it moves."""

import pytest

from service.cases.returned import item_of, merged_part, part_without_change, path_of

OWN = {
    "status": "active",
    "team": [{"id": "a", "name": "A", "note": "x"}, {"id": "hidden"}, {"id": "b", "name": "B"}],
    "plan": {"title": "T", "services": [{"id": "s", "kind": "k"}, {"id": "u", "kind": "k"}]},
}
BEFORE = {
    "team": [{"id": "a", "name": "A"}, {"id": "b", "name": "B"}, {"id": "brought", "name": "C"}],
    "plan": {"services": [{"id": "s"}, {"id": "u"}]},
}


@pytest.mark.parametrize(
    ("team", "became"),
    [
        (["a", "b", "brought"], ["a", "hidden", "b"]),
        (["b", "a", "brought"], ["b", "a", "hidden"]),
        (["b", "brought"], ["hidden", "b"]),
        (["new", "a", "b", "brought"], ["new", "a", "hidden", "b"]),
        (["a", "b", "brought", "new"], ["a", "hidden", "b", "new"]),
        ([], ["hidden"]),
        (["hidden", "a"], ["a", "hidden"]),
    ],
)
def test_what_is_hidden_stays_behind_whom_it_stood_and_what_others_brought_stays_theirs(team, became):
    known = {member["id"]: member for member in BEFORE["team"]}
    after = BEFORE | {"team": [known.get(id_, {"id": id_, "name": "N"}) for id_ in team]}
    body = merged_part(OWN, BEFORE, after)
    assert [member["id"] for member in body["team"]] == became
    assert {"id": "hidden"} in body["team"]
    assert body["plan"] == OWN["plan"]


def test_of_an_item_only_what_was_changed_changes():
    after = BEFORE | {"team": [{"id": "a", "name": "AA"}, {"id": "b", "role": "r"}, BEFORE["team"][2]]}
    assert merged_part(OWN, BEFORE, after)["team"] == [
        {"id": "a", "name": "AA", "note": "x"},
        {"id": "hidden"},
        {"id": "b", "role": "r"},
    ]


def test_a_service_is_entered_by_its_id_and_neither_made_nor_lost():
    after = BEFORE | {
        "plan": {"services": [{"id": "new"}, {"id": "u", "progress": [{"id": "n", "text": "x"}]}]}
    }
    body = merged_part(OWN, BEFORE, after)
    assert body["plan"]["services"] == [
        {"id": "s", "kind": "k"},
        {"id": "u", "kind": "k", "progress": [{"id": "n", "text": "x"}]},
    ]
    assert merged_part(body, after, BEFORE)["plan"] == OWN["plan"]


def test_an_item_that_cannot_be_held_is_found_by_its_pointer_and_undone():
    path = path_of(
        "/plan/services/1/progress/0/text",
        OWN | {"plan": {"services": [{}, {"id": "u", "progress": [{"id": "n"}]}]}},
    )
    assert path == (("plan", None), ("services", "u"), ("progress", "n"), ("text", None))
    after = {"plan": {"services": [{"id": "s"}, {"id": "u", "progress": [{"id": "n"}, {"id": "m"}]}]}}
    left = part_without_change(after, BEFORE, item_of(path))
    assert left["plan"]["services"] == [{"id": "s"}, {"id": "u", "progress": [{"id": "m"}]}]
    changed = BEFORE | {"team": [{"id": "a", "name": "AA"}]}
    assert part_without_change(changed, BEFORE, (("team", "a"),))["team"] == [{"id": "a", "name": "A"}]
    assert part_without_change(changed, BEFORE, (("team", None),)) == BEFORE
