"""What a change of a schema breaks, told of each kind of change; the validator is asked whether it is so."""

import json

import pytest
from jsonschema import Draft202012Validator

from service.wire.contracts.published import baseline
from service.wire.contracts.published.compatibility import Hurt, breaches, changes

TEXT = {"type": "string"}
BEFORE = {
    "type": "object",
    "properties": {"id": TEXT, "state": {"enum": ["on", "off"]}, "size": {"type": "integer", "minimum": 1}},
    "required": ["id"],
}
SENDERS, READERS, BOTH = Hurt.SENDERS, Hurt.READERS, Hurt.BOTH


def changed(*removed, required=("id",), **members):
    """The schema from before with other members."""
    kept = {name: schema for name, schema in BEFORE["properties"].items() if name not in removed}
    return {**BEFORE, "properties": {**kept, **members}, "required": list(required)}


def hurt(before, after):
    """Whom each change hurts, by where it is."""
    return {change.where: change.hurts for change in changes(before, after)}


@pytest.mark.parametrize(
    ("after", "expected"),
    [
        (changed(), {}),
        (changed(colour=TEXT), {}),
        (changed("size"), {"size": BOTH}),
        (changed("size", length={"type": "integer", "minimum": 1}), {"size": BOTH}),
        (changed(required=("id", "state")), {"state": SENDERS}),
        (changed(required=()), {"id": READERS}),
        (changed(colour=TEXT, required=("id", "colour")), {"colour": SENDERS}),
        (changed(id={"type": "integer"}), {"id": BOTH}),
        (changed(id={}), {"id": READERS}),
        (changed(id={**TEXT, "pattern": "^a"}), {"id": SENDERS}),
        (changed(id={**TEXT, "format": "date"}), {"id": SENDERS}),
        (changed(id={**TEXT, "maxLength": 3}), {"id": SENDERS}),
        (changed(state={"enum": ["on"]}), {"state": SENDERS}),
        (changed(state={"const": "on"}), {"state": SENDERS}),
        (changed(state={"enum": ["on", "off", "broken"]}), {"state": READERS}),
        (changed(state={}), {"state": READERS}),
        (changed(size={"type": "integer", "minimum": 2}), {"size": SENDERS}),
        (changed(size={"type": "integer", "minimum": 0}), {"size": READERS}),
        (changed(size={"type": "integer"}), {"size": READERS}),
        (changed(size={"type": "number", "minimum": 1}), {"size": READERS}),
        (changed(size={"type": "integer", "minimum": 1, "multipleOf": 2}), {"size": SENDERS}),
        ({**BEFORE, "additionalProperties": False}, {"": SENDERS}),
        ({**BEFORE, "description": "Told better."}, {}),
    ],
)
def test_each_kind_of_change_hurts_whom_it_hurts(after, expected):
    assert hurt(BEFORE, after) == expected


VALUES = (
    {"id": "a"},
    {"id": "b", "state": "on", "size": 1},
    {"id": "abcd", "state": "off", "size": 3},
    {"id": "a", "state": "broken"},
    {"id": 7},
    {"id": "a", "size": 1.5},
    {"id": "a", "size": 0},
    {"state": "on"},
    {"id": "a", "colour": "red"},
)


@pytest.mark.parametrize("values", [VALUES])
@pytest.mark.parametrize(
    "after",
    [
        changed(required=("id", "state")),
        changed(required=()),
        changed(id={"type": "integer"}),
        changed(id={**TEXT, "pattern": "^a"}),
        changed(id={**TEXT, "maxLength": 3}),
        changed(state={"enum": ["on"]}),
        changed(state={"enum": ["on", "off", "broken"]}),
        changed(size={"type": "integer", "minimum": 0}),
        changed(size={"type": "number", "minimum": 1}),
        changed(size={"type": "integer", "minimum": 2}),
        {**BEFORE, "additionalProperties": False},
    ],
)
def test_who_is_hurt_can_be_shown_a_value_that_one_schema_takes_and_the_other_does_not(after, values):
    taken = [
        tuple(Draft202012Validator(schema).is_valid(value) for schema in (BEFORE, after)) for value in values
    ]
    told = Hurt(0)
    for hurts in hurt(BEFORE, after).values():
        told |= hurts
    assert (Hurt.SENDERS in told) == ((True, False) in taken)
    assert (Hurt.READERS in told) == ((False, True) in taken)


def test_changes_are_found_within_members_and_items():
    def nested(schema):
        return {"properties": {"team": {"type": "array", "items": {"properties": {"role": schema}}}}}

    assert hurt(nested(TEXT), nested({"type": "integer"})) == {"team[].role": BOTH}
    assert hurt(nested(TEXT), {"properties": {"team": {"type": "array"}}}) == {"team": READERS}


def test_a_message_is_read_and_so_takes_new_members_that_may_be_left_out_and_nothing_else():
    name = "messages/case.closed.v1.schema.json"
    wider = changed(state={"enum": ["on", "off", "broken"]})
    assert breaches({name: BEFORE}, {name: changed(colour=TEXT)}) == []
    (breach,) = breaches({name: BEFORE}, {name: wider})
    assert breach.what == f"{name}: state may be ['broken'] from now on"
    assert breach.remedy == "take it back, or publish version 2 beside it"


def test_a_document_is_sent_and_so_may_take_more_but_in_what_the_service_writes():
    name = "case.schema.json"
    wider = {"state": {"enum": ["on", "off", "broken"]}}
    assert breaches({name: BEFORE}, {name: changed(**wider)}) == []
    assert breaches({name: BEFORE}, {name: changed("state")}) != []
    written = {"properties": {"received": {**BEFORE, "readOnly": True}}}
    more = {"properties": {"received": {**changed(**wider), "readOnly": True}}}
    assert [breach.what for breach in breaches({name: written}, {name: more})] == [
        "case.schema.json: received.state may be ['broken'] from now on"
    ]


def test_a_schema_may_go_when_there_is_a_later_version_of_it():
    first, second = (f"messages/goal.updated.v{number}.schema.json" for number in (1, 2))
    assert breaches({first: BEFORE}, {second: changed("state")}) == []
    assert [breach.what for breach in breaches({first: BEFORE}, {})] == [f"{first}: the whole is gone"]
    assert len(breaches({second: BEFORE}, {first: BEFORE})) == 1
    documents = {"case.schema.json": BEFORE}
    assert breaches(documents, {"case.v2.schema.json": changed("state")}) == []


def test_what_was_accepted_goes_out_until_the_next_release(tmp_path):
    name = "messages/case.closed.v1.schema.json"
    baseline.write(tmp_path, "1.0.0", {name: BEFORE})
    released = baseline.read(tmp_path)
    assert released == baseline.Baseline("1.0.0", {name: BEFORE}, {})
    (breach,) = released.breaches({name: changed("size")})
    file = tmp_path / baseline.FILE
    accepted = {breach.what: "Nobody had one."}
    file.write_text(json.dumps({**json.loads(file.read_text()), "accepted": accepted}))
    assert baseline.read(tmp_path).breaches({name: changed("size")}) == []
    assert len(baseline.read(tmp_path).breaches({name: changed("size", "state")})) == 1
