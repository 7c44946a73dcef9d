"""Facts of one path: which holds, what stands below, and when it was said."""

from decimal import Decimal

import pytest

from service.cases.facts import NAMES, day, facts_below, instant_of, join, value
from service.cases.hospital.discharge import moment
from service.values.kept.facts import Fact

AT = moment("update", "2026-03-01T23:30:00+01:00")
LATER = moment("update", "2026-03-01T23:31:00+01:00")


def test_a_moment_is_a_day_and_an_instant_in_utc():
    late = moment("update", "2026-03-01T23:30:00-02:00")
    assert (day(late), instant_of(late)) == ("2026-03-02", "2026-03-02T01:30:00Z")


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (Decimal("1.5"), Decimal("1.50")),
        ("a", "b"),
        ({"a": 1}, "b"),
        ({"value": "1"}, {"value": "1", NAMES: ["urn:a"]}),
        ({"value": "1", NAMES: ["urn:b"]}, {"value": "1", NAMES: ["urn:a"]}),
    ],
)
def test_of_two_of_one_moment_the_same_holds_whichever_comes_first(one, other):
    first, second = {"x": Fact(AT, one)}, {"x": Fact(AT, other)}
    assert str(join(first, second)) == str(join(second, first))


def test_names_that_either_tells_are_kept():
    bare, named = {"value": "1"}, {"value": "1", NAMES: ["urn:a"]}
    assert value(join({"x": Fact(AT, named)}, {"x": Fact(LATER, bare)}), "x") == named
    assert value(join({"x": Fact(AT, bare)}, {"x": Fact(LATER, named)}), "x") == named


def test_in_which_order_the_members_of_a_value_stand_does_not_matter():
    other = {"x": Fact(AT, {"a": 1, "b": 3})}
    for said in ({"a": 1, "b": 2}, {"b": 2, "a": 1}):
        assert value(join(other, {"x": Fact(AT, said)}), "x") == {"a": 1, "b": 3}


def test_what_clears_a_path_clears_what_was_said_below_it_till_then():
    facts = {"names": Fact(AT, None), "names.1": Fact(AT, "Ash"), "names.2": Fact(LATER, "Birch")}
    assert facts_below(facts, "names") == [("2", "Birch")]
