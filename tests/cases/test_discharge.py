"""Facts of a stay: what is said late, twice or out of order comes to the same."""

from itertools import permutations

import pytest

from service.cases.discharge import condition_id, diagnoses, key_of, moment, stay_facts, stay_of
from service.cases.facts import join, seconds

VISIT = {"system": "urn:example:visits", "value": "V-1"}
KEY = key_of({"event": "admit", "stay": {"identifiers": [VISIT]}})


def said(event, minute, stay=None, **more):
    return {
        "event": event,
        "recorded": f"2026-03-01T10:{minute:02}:00Z",
        "stay": {"identifiers": [VISIT], **(stay or {})},
        **more,
    }


def folded(events):
    facts = {}
    for each in events:
        facts = join(facts, stay_facts(each, moment(each["event"], each["recorded"]), "general"))
    return facts


def after(*events):
    """The stay after the events, the same in every order and when each comes twice."""
    facts = folded(events)
    for order in permutations(events):
        assert folded([*order, order[0]]) == facts
    return stay_of(KEY, facts)


@pytest.mark.parametrize(
    ("events", "status"),
    [
        ([said("admit", 0)], "in-progress"),
        ([said("admit", 0), said("discharge", 5)], "finished"),
        ([said("admit", 0), said("discharge", 5), said("cancel-discharge", 6)], "in-progress"),
        ([said("admit", 0), said("cancel-admit", 1)], "cancelled"),
        ([said("admit", 0), said("leave", 1)], "onleave"),
        ([said("admit", 0), said("leave", 1), said("return", 2)], "in-progress"),
        ([said("admit", 0), said("cancel-admit", 1), said("update", 2)], "cancelled"),
        ([said("admit", 0), said("transfer", 3), said("leave", 2)], "onleave"),
        ([said("admit", 0), said("death", 1)], "finished"),
        ([said("plan", 0)], "planned"),
        ([said("update", 0)], "in-progress"),
        ([said("update", 1, {"status": "arrived"}), said("admit", 0)], "arrived"),
    ],
)
def test_a_stay_stands_as_its_latest_event_says_in_whatever_order_they_come(events, status):
    assert after(*events)["status"] == status


def test_events_of_one_second_follow_each_other_as_hospitals_do():
    assert after(said("discharge", 0), said("admit", 0))["status"] == "finished"
    assert after(said("discharge", 0), said("cancel-discharge", 0))["status"] == "in-progress"


def test_a_cancelled_discharge_has_no_end_and_no_disposition():
    end = {"period": {"end": "2026-03-01"}, "disposition": {"text": "home"}, "destination": "Home"}
    stay = after(
        said("admit", 0, {"period": {"start": "2026-02-27"}}),
        said("discharge", 5, end),
        said("cancel-discharge", 6, end),
    )
    assert stay["period"] == {"start": "2026-02-27"}
    assert not stay.keys() & {"disposition", "destination"}


def test_what_is_absent_is_unsaid_and_what_is_cleared_is_gone():
    here = said("admit", 0, {"location": "Ward 3"})
    assert after(here, said("update", 1))["location"] == "Ward 3"
    assert "location" not in after(here, said("update", 1, cleared=["stay.location"]))
    again = said("transfer", 2, {"location": "Ward 4"})
    assert after(here, said("update", 1, cleared=["stay.location"]), again)["location"] == "Ward 4"


def test_the_events_own_time_is_the_edge_of_the_period_it_is():
    stay = after(said("admit", 0, happened="2026-02-27"), said("discharge", 5, happened="2026-03-01"))
    assert stay["period"] == {"start": "2026-02-27", "end": "2026-03-01"}


def test_an_end_before_its_start_is_left_out():
    impossible = {"period": {"start": "2026-03-02T08:00:00+01:00"}}
    end = {"period": {"end": "2026-03-02T06:59:59Z"}}
    stay = after(said("admit", 0, impossible), said("discharge", 1, end))
    assert stay["period"] == impossible["period"]


def test_diagnoses_are_kept_by_kind_each_code_once_the_first_rank_first():
    broken, brain = {"system": "urn:icd", "code": "S72"}, {"system": "urn:icd", "code": "S06"}
    admitted = said("admit", 0, {"conditions": [{"code": broken, "kind": "admission"}]})
    found = [
        {"code": broken, "kind": "discharge", "rank": 2},
        {"code": brain, "kind": "discharge", "rank": 1},
    ]
    facts = folded([said("discharge", 5, {"conditions": found}), admitted])
    assert [each["code"]["code"] for each in diagnoses(facts)] == ["S06", "S72"]
    none = folded([admitted, said("update", 3, cleared=["stay.conditions"])])
    assert diagnoses(none) == []


def test_a_diagnosis_in_words_is_known_by_its_words():
    assert condition_id({"text": "Broken arm"}) == condition_id({"text": "broken ARM"})


def test_instants_are_ordered_on_the_time_line_to_the_nanosecond():
    assert seconds("2026-03-01T10:00:00+01:00") == seconds("2026-03-01T09:00:00Z")
    assert seconds("2026-03-01T09:00:00.000000001Z") > seconds("2026-03-01T09:00:00.0Z")
    assert seconds("0001-01-01T00:00:00+14:00") < seconds("0001-01-01T00:00:00Z")
    assert seconds("2026-03-01T10:00:00-03:30") == seconds("2026-03-01T13:30:00Z")
