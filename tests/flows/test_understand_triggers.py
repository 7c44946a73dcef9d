"""What the trigger of an ADT message says has happened."""

import pytest

from tests.flows.segments import PID, at

GONE = (
    "A45",
    "A41",
    "A42",
    "A35",
    "A50",
    "A24",
    "A37",
    "A09",
    "A10",
    "A15",
    "A16",
    "A25",
    "A26",
    "A29",
    "A32",
    "A60",
)


@pytest.mark.parametrize(
    ("triggers", "event"),
    [
        (("A05", "A14"), "plan"),
        (("A11", "A27", "A38"), "cancel-admit"),
        (("A02", "A17"), "transfer"),
        (("A08", "A54", "A55", "A28", "A31"), "update"),
        (("A21", "A53"), "leave"),
        (("A22", "A52"), "return"),
        (("A18", "A30", "A34", "A36", "A39", "A40", "A46", "A47"), "merge"),
    ],
)
def test_a_trigger_says_what_has_happened(made, triggers, event):
    for trigger in triggers:
        discharge = made(PID, at("MRG", f1="4712^^^MERCY^MR"), at("PV1", f2="I", f19="V-1"), trigger=trigger)
        assert (trigger, discharge["event"]) == (trigger, event)


@pytest.mark.parametrize("trigger", ["A28", "A31"])
def test_what_tells_of_a_person_alone_tells_of_no_stay(understood, trigger):
    person = at("PID", f3="1", f18="V-9", f29="20260305", f30="Y")
    stay = at("PV1", f1="1", f2="N", f3="W", f19="V-1", f36="20", f44="20260301"), at("DG1", f3="I10^^I10")
    reading = understood(person, *stay, at("IN1", f4="Northern"), trigger=trigger)
    (said,) = reading.discharges
    assert said["stay"] == {"hospital": {"name": "MERCY"}}
    assert (said["patient"]["deceased"], said["patient"]["has_died"]) == ("2026-03-05", True)
    assert said["coverages"] == [{"payer": {"name": "Northern"}}]
    assert reading.notes == ()


def test_a_swap_moves_each_of_two_patients(understood):
    two = [
        segment
        for n in (1, 2)
        for segment in (at("PID", f3=str(n)), at("PV1", f2="I", f3=f"W^{n}", f19=f"V-{n}"))
    ]
    discharges = understood(*two, trigger="A17").discharges
    assert [(discharge["event"], discharge["stay"]["location"]) for discharge in discharges] == [
        ("transfer", "W 1"),
        ("transfer", "W 2"),
    ]


@pytest.mark.parametrize("trigger", GONE)
def test_a_trigger_that_is_not_used_is_told_so_and_nothing_else_is(understood, trigger):
    reading = understood(PID, at("MRG", f1="2"), at("PV1", f2="%%"), trigger=trigger)
    assert reading.discharges == ()
    assert [(note.what, note.where, note.code) for note in reading.notes] == [
        (f"Trigger {trigger} is not used here: nothing was changed.", "MSH-9.2", "not-supported")
    ]


def test_a_trigger_that_is_none_is_not_repeated(understood):
    (note,) = understood(PID, trigger="RIVER^EXAMPLE").notes
    assert note.what == "This trigger is not used here: nothing was changed."


@pytest.mark.parametrize(("sent", "meant"), [("Y", True), ("y", True), ("N", False), ("", None), ("U", None)])
def test_a_death_is_told_and_taken_back_by_its_flag(made, sent, meant):
    assert made(at("PID", f3="1", f30=sent))["patient"].get("has_died") == meant


def test_a_list_that_is_to_be_deleted_is_cleared_unless_something_else_is_said_of_it(made):
    nothing = at("PID", f3="1", f11='""', f13='""', f15='""')
    assert made(nothing)["cleared"] == ["patient.telecom", "patient.addresses", "patient.language"]
    assert "cleared" not in made(at("PID", f3="1", f11='""~Lane 1', f13='""~555'))
    assert "cleared" not in made(at("PID", f3="1", f13='""', f40="555"))
