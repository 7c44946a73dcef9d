"""What a change of a case means."""

from decimal import Decimal

from service.cases.changes import changed_paths, events, status_history
from service.values.kept.service_part import StatusPeriod


def test_a_new_case_is_opened():
    assert events(None, {"status": "planned"}) == ["opened"]


def test_a_new_case_that_has_ended_is_opened_and_closed():
    assert events(None, {"status": "finished"}) == ["opened", "closed"]


def test_ending_a_case_closes_it_once():
    assert events({"status": "active"}, {"status": "finished"}) == ["closed"]
    assert events({"status": "finished"}, {"status": "finished"}) == ["updated"]


def test_a_status_that_goes_on_adds_no_history():
    history = status_history((), "planned", "2026-03-01T08:00:00Z")
    assert status_history(history, "planned", "2026-03-02T08:00:00Z") == history


def test_a_new_status_ends_the_one_before():
    history = status_history((), "planned", "2026-03-01T08:00:00Z")
    assert status_history(history, "active", "2026-03-02T08:00:00Z") == (
        StatusPeriod("planned", "2026-03-01T08:00:00Z", "2026-03-02T08:00:00Z"),
        StatusPeriod("active", "2026-03-02T08:00:00Z"),
    )


def test_changed_paths_name_the_deepest_place():
    before = {"status": "active", "target": [{"due": "2026"}, {"due": "2027"}]}
    after = {"status": "active", "target": [{"due": "2026"}, {"due": "2028"}], "note": "x"}
    assert changed_paths(before, after) == ["target[1].due", "note"]


def test_each_place_that_changed_is_named():
    before = {"a": {"b": 1}, "c": {"d": 1}, "e": 1}
    assert changed_paths(before, {"a": {"b": 2}, "c": {"d": 2}, "e": 1}) == ["a.b", "c.d"]


def test_a_value_of_another_kind_has_changed_as_a_whole():
    for other in ("b", ["b"], None):
        assert changed_paths({"a": {"b": 1}}, {"a": other}) == ["a"]
        assert changed_paths({"a": other}, {"a": {"b": 1}}) == ["a"]


def test_a_list_of_another_length_has_changed_as_a_whole():
    assert changed_paths({"goal": [1]}, {"goal": [1, 2]}) == ["goal"]


def test_a_decimal_with_other_digits_is_changed():
    before, after = ({"high": Decimal(digits), "low": [Decimal(digits)]} for digits in ("1.50", "1.5"))
    assert changed_paths(before, after) == ["high", "low[0]"]


def test_equal_values_have_no_changed_paths():
    assert changed_paths({"a": {"b": [1]}}, {"a": {"b": [1]}}) == []
