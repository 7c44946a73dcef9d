"""What the service keeps inside a document is stored as JSON under `$service`, and read as it was written."""

from hypothesis import given
from hypothesis import strategies as st

from service.values.kept.facts import Fact
from service.values.kept.service_part import (
    SERVICE,
    EmptiedCase,
    Merge,
    ServicePart,
    StatusPeriod,
    as_json,
    body_of,
    part_of,
    parts_of,
)
from service.wire.json import dump, parse

WORD = st.text("abc-", min_size=1, max_size=4)
VALUE = st.one_of(
    st.none(), st.booleans(), WORD, st.lists(WORD, max_size=2), st.dictionaries(WORD, WORD, max_size=2)
)
NUMBER = st.integers(0, 2**40)
MOMENT = st.tuples(NUMBER, NUMBER, st.integers(0, 13))
FACT = st.builds(Fact, MOMENT, VALUE)
FACTS = st.dictionaries(WORD, FACT, max_size=3)
HAD = st.dictionaries(WORD, st.booleans(), max_size=3)
MERGES = st.builds(
    Merge,
    cases=st.lists(WORD, max_size=2).map(tuple),
    waiting=HAD,
    overruled=st.dictionaries(WORD, st.none() | FACT, max_size=2),
    emptied=st.lists(st.builds(EmptiedCase, WORD, WORD, HAD), max_size=2).map(tuple),
)
PARTS = st.builds(
    ServicePart,
    facts=FACTS,
    identifying=st.lists(st.tuples(WORD, WORD), max_size=2).map(tuple),
    stays=st.dictionaries(WORD, FACTS, max_size=2),
    received=st.dictionaries(WORD, VALUE, max_size=2),
    status_history=st.lists(st.builds(StatusPeriod, WORD, WORD, st.none() | WORD), max_size=2).map(tuple),
    untaken=st.booleans(),
    emptied=st.booleans(),
    merged_into=st.none() | WORD,
    absorbed=st.lists(WORD, max_size=2).map(tuple),
    merge=st.none() | MERGES,
    heard=st.none() | MOMENT,
    newer=st.dictionaries(st.just("of-another-release"), VALUE),
)

# as the release before wrote it
STORED = {
    "facts": {
        "gender": [[1772352000, 0, 2], "female"],
        "deceased": [[1772352000, 0, 12], None],
        "identifiers.0a": [[1772352000, 5, 9], {"system": "urn:x", "value": "1", "known_as": ["urn:y"]}],
    },
    "identifying": [["urn:x", "1"], ["urn:x", "0"]],
    "stays": {"5f": {"status": [[1772352000, 0, 2], "in-progress"]}},
    "received": {"gender": "female", "identifiers": [{"system": "urn:x", "value": "1"}]},
    "status_history": [
        {"status": "planned", "period": {"start": "2026-03-01T08:00:00Z", "end": "2026-03-02"}},
        {"status": "active", "period": {"start": "2026-03-02"}},
    ],
    "untaken": True,
    "emptied": True,
    "merged_into": "6d",
    "merge": {
        "cases": ["c1"],
        "waiting": {"5f": False},
        "overruled": {"gender": [[1, 0, 0], "male"], "names": None},
        "emptied": [{"case": "c1", "target": "c2", "stays": {"5f": True}}],
    },
    "heard": [1772352000, 0, 2],
}


@given(PARTS)
def test_what_is_written_is_read_as_it_was(part):
    assert part_of(parse(dump(as_json(part)))) == part


def test_what_is_stored_is_written_as_it_was_read():
    assert as_json(part_of(STORED)) == STORED


def test_each_key_is_stored_alone():
    for name, value in STORED.items():
        assert as_json(part_of({name: value})) == {name: value}


def test_what_a_newer_release_keeps_stays_as_it_is():
    assert as_json(part_of({"untaken": True, "consents": []})) == {"untaken": True, "consents": []}


def test_a_document_of_which_nothing_is_kept_is_stored_as_its_owner_sent_it():
    assert parts_of({"status": "active"}) == ({"status": "active"}, ServicePart())
    assert body_of({"status": "active"}, ServicePart()) == {"status": "active"}


def test_a_stored_document_is_its_owners_and_the_services():
    stored = {"status": "active", SERVICE: STORED}
    assert parts_of(stored) == ({"status": "active"}, part_of(STORED))
    assert body_of(*parts_of(stored)) == stored
