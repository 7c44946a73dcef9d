"""Whether an event can be used, whose it is, and which case its stay belongs to."""

from dataclasses import replace
from datetime import UTC, date, datetime

import pytest

from service.cases.hospital.discharge import moment, stay_facts
from service.cases.hospital.rules import (
    Seen,
    case_status,
    choose,
    opens,
    stay_events,
    unusable,
    whose_refusal,
)
from service.values.inbound.intake import IntakeSettings

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)
TODAY = date(2026, 3, 2)
ANY = IntakeSettings()
ID = {"system": "urn:example:persons", "value": "P-1"}
SAID = {
    "event": "admit",
    "patient": {"identifiers": [ID]},
    "stay": {"identifiers": [{"system": "urn:example:visits", "value": "V-1"}]},
}


def facts(event, **stay):
    said = {"event": event, "stay": stay}
    return stay_facts(said, moment(event, "2026-03-01T10:00:00Z"), "general")


def test_what_says_who_and_which_stay_can_be_used():
    assert unusable(SAID, ANY, NOW) is None


@pytest.mark.parametrize(
    ("change", "outcome", "reason", "code"),
    [
        ({"processing": "training"}, "ignore", "other-processing", "not-supported"),
        ({"patient": {}}, "quarantine", "no-patient", "required"),
        ({"patient": {"names": [{"family": "Anybody"}]}}, "quarantine", "no-patient", "required"),
        ({"patient": {"identifiers": [{**ID, "use": "temp"}]}}, "quarantine", "no-patient", "required"),
        ({"stay": {"kind": "inpatient"}}, "quarantine", "no-stay", "required"),
        ({"event": "merge"}, "quarantine", "no-merged", "required"),
        ({"recorded": "2026-03-03T12:00:01Z"}, "quarantine", "future", "value"),
    ],
)
def test_what_cannot_be_used_says_why(change, outcome, reason, code):
    refusal = unusable({**SAID, **change}, ANY, NOW)
    assert (refusal.outcome, refusal.reason, refusal.code) == (outcome, reason, code)


def test_the_place_of_who_is_told_nothing_of_is_not_an_element_of_them():
    assert unusable({**SAID, "patient": {}}, ANY, NOW).where == "/patient"
    assert unusable({**SAID, "patient": {"gender": "other"}}, ANY, NOW).where == "/patient/identifiers"


@pytest.mark.parametrize(
    ("event", "edge", "time", "is_far"),
    [
        ("admit", "start", "2031-01-01T08:00:00+01:00", True),
        ("register", "start", "2031-01", True),
        ("plan", "start", "2031-01-01T08:00:00+01:00", False),
        ("admit", "end", "2099-01-01", False),
        ("discharge", "end", "2099-01-01", True),
        ("death", "end", "2099", True),
        ("discharge", "end", "2026-04-02T12:00:01Z", True),
        ("discharge", "end", "2026-04-02T13:00:00+01:00", False),
        ("discharge", "end", "2026-04-02", False),
        ("discharge", "end", "2026-04-03", True),
        ("discharge", "end", "2026", False),
    ],
)
def test_a_stay_has_not_begun_or_ended_in_a_future_far_away(event, edge, time, is_far):
    refusal = unusable({**SAID, "event": event, "stay": {**SAID["stay"], "period": {edge: time}}}, ANY, NOW)
    if is_far:
        assert (refusal.outcome, refusal.reason, refusal.where) == (
            "quarantine",
            "future",
            f"/stay/period/{edge}",
        )
    else:
        assert refusal is None


def test_an_update_of_the_person_alone_needs_no_stay():
    assert unusable({"event": "update", "patient": SAID["patient"]}, ANY, NOW) is None


def test_identifiers_of_several_clients_are_never_guessed_about():
    assert whose_refusal({"a", "b"}, ANY).reason == "several-clients"
    assert whose_refusal({"a"}, ANY) is None


@pytest.mark.parametrize(
    ("setting", "outcome"), [("create", None), ("quarantine", "quarantine"), ("ignore", "ignore")]
)
def test_somebody_unknown_is_what_the_partners_settings_make_of_them(setting, outcome):
    refusal = whose_refusal(set(), replace(ANY, unknown_person=setting))
    assert (refusal.outcome if refusal else None) == outcome


def test_only_configured_kinds_of_stay_open_a_case():
    assert opens(facts("admit", kind="inpatient"), ANY, TODAY)
    assert not opens(facts("register", kind="outpatient"), ANY, TODAY)
    assert opens(facts("register", kind="outpatient"), replace(ANY, kinds=("outpatient",)), TODAY)
    assert opens(facts("admit"), ANY, TODAY)


def test_only_stays_of_the_configured_days_open_a_case():
    old = facts("discharge", kind="inpatient", period={"end": "2026-01-30"})
    assert opens(old, ANY, TODAY)
    assert not opens(old, replace(ANY, days=30), TODAY)
    assert opens(old, replace(ANY, days=31), TODAY)
    assert opens(facts("admit", kind="inpatient"), replace(ANY, days=1), TODAY)


def test_what_never_was_and_what_only_changes_opens_no_case():
    assert not opens(facts("cancel-admit", kind="inpatient"), ANY, TODAY)
    assert not opens(facts("update", kind="inpatient"), ANY, TODAY)


def seen(uuid, status, day, *, untaken=False):
    return Seen(uuid, status, untaken, datetime(2026, 1, day, tzinfo=UTC))


def test_a_stay_belongs_to_the_case_nobody_took_over_then_to_the_live_one_that_is_furthest_and_newest():
    assert choose([]) is None
    assert choose([seen("a", "finished", 1), seen("b", "cancelled", 2)]) is None
    assert choose([seen("a", "planned", 3), seen("b", "active", 1), seen("c", "active", 2)]) == "c"
    assert choose([seen("a", "active", 1), seen("b", "cancelled", 3, untaken=True)]) == "b"


def test_a_case_nobody_took_over_stands_as_its_stays_do():
    gone, here = {"status": "cancelled"}, {"status": "in-progress"}
    assert case_status([gone, here], None, TODAY) == {"status": "planned"}
    assert case_status([gone], None, TODAY) == {"status": "cancelled"}
    died = case_status([here], "2026-02-28T23:00:00Z", TODAY)
    assert died == {"status": "finished", "closure": {"reason": "died", "date": "2026-02-28"}}


def test_a_case_of_who_died_nobody_says_when_ends_with_the_last_stay_whenever_that_is_told():
    stays = [{"status": "finished", "period": {"end": f"2026-02-{day}T12:00:00+01:00"}} for day in (27, 20)]
    assert case_status(stays, True, TODAY)["closure"] == {"reason": "died", "date": "2026-02-27"}
    assert case_status([{"status": "in-progress"}], True, TODAY)["closure"]["date"] == TODAY.isoformat()


@pytest.mark.parametrize(
    ("before", "after", "events"),
    [
        (None, "planned", []),
        (None, "in-progress", ["admitted"]),
        (None, "finished", ["discharged"]),
        ("in-progress", "onleave", []),
        ("onleave", "in-progress", []),
        ("in-progress", "finished", ["discharged"]),
        ("finished", "in-progress", ["discharge-cancelled"]),
        ("in-progress", "cancelled", []),
        ("cancelled", "in-progress", ["admitted"]),
        ("finished", "finished", []),
    ],
)
def test_a_change_of_a_stay_is_told_once(before, after, events):
    stay = {"status": before} if before else None
    assert stay_events(stay, {"status": after}) == events
