"""Facts of a stay: what is said late, twice or out of order comes to the same."""

from itertools import permutations

import pytest

from service.cases.facts import join, value
from service.cases.hospital.discharge import condition_id, key_of, moment, person_facts, stay_facts
from service.cases.hospital.stays import contacts, diagnoses, died_in, history, stay_of
from service.values.dates import seconds
from service.values.kept.facts import Fact

VISIT = {"system": "urn:example:visits", "value": "V-1"}
KEY = key_of({"event": "admit", "stay": {"identifiers": [VISIT]}}, "general")


def said(event, minute, stay=None, **members):
    return {
        "event": event,
        "recorded": f"2026-03-01T10:{minute:02}:00Z",
        "stay": {"identifiers": [VISIT], **(stay or {})},
        **members,
    }


def folded(events):
    facts = {}
    for event in events:
        facts = join(facts, stay_facts(event, moment(event["event"], event["recorded"]), "general"))
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


def test_diagnoses_are_kept_by_kind_each_code_once_a_kind_the_first_rank_first():
    broken, brain = {"system": "urn:icd", "code": "S72"}, {"system": "urn:icd", "code": "S06"}
    admitted = said("admit", 0, {"conditions": [{"code": broken, "kind": "admission"}]})
    listed = [
        {"code": broken, "kind": "discharge", "rank": 2},
        {"code": brain, "kind": "discharge", "rank": 1},
    ]
    facts = folded([said("discharge", 5, {"conditions": listed}), admitted])
    ordered = [(diagnosis["code"]["code"], diagnosis["kind"]) for diagnosis in diagnoses(facts)]
    assert ordered == [("S06", "discharge"), ("S72", "discharge"), ("S72", "admission")]
    none = folded([admitted, said("update", 3, cleared=["stay.conditions"])])
    assert diagnoses(none) == []


def test_a_diagnosis_in_words_is_known_by_its_words():
    assert condition_id({"text": "Broken arm"}) == condition_id({"text": "broken ARM"})


def test_instants_are_ordered_on_the_time_line_to_the_nanosecond():
    assert seconds("2026-03-01T10:00:00+01:00") == seconds("2026-03-01T09:00:00Z")
    assert seconds("2026-03-01T09:00:00.000000001Z") > seconds("2026-03-01T09:00:00.0Z")
    assert seconds("0001-01-01T00:00:00+14:00") < seconds("0001-01-01T00:00:00Z")
    assert seconds("2026-03-01T10:00:00-03:30") == seconds("2026-03-01T13:30:00Z")


def dx(code, **members):
    return {"code": {"system": "urn:icd", "code": code}, "kind": "discharge", **members}


def test_diagnoses_that_say_what_is_done_with_them_leave_the_others_as_they_are():
    listed = said("admit", 0, {"conditions": [dx("S72"), dx("S06")]})
    changed = said("update", 2, {"conditions": [dx("S06", action="delete"), dx("I10", action="add")]})
    for events in permutations([listed, changed]):
        assert [diagnosis["code"]["code"] for diagnosis in diagnoses(folded(events))] == ["S72", "I10"]
    again = said("update", 3, {"conditions": [dx("S06")]})
    assert [diagnosis["code"]["code"] for diagnosis in diagnoses(folded([listed, changed, again]))] == ["S06"]
    assert all("action" not in diagnosis for diagnosis in diagnoses(folded([listed, changed])))


ADMITTED = {"kind": "admission"}


@pytest.mark.parametrize(
    ("lists", "kinds"),
    [
        # one code may be two diagnoses
        ([[dx("S06", action="add"), dx("S06", **ADMITTED, action="add")]], {"discharge", "admission"}),
        ([[dx("S06"), dx("S06", **ADMITTED)], [dx("S06", **ADMITTED, action="delete")]], {"discharge"}),
        # who deletes may leave out as what
        ([[dx("S06")], [{**dx("S06", action="delete"), "kind": "other"}]], set()),
        ([[dx("S06")], [dx("S06", **ADMITTED, action="delete")]], set()),
        # what one message says of it as something else stays, and so does what is told later
        ([[dx("S06"), dx("S06", **ADMITTED, action="delete")]], {"discharge"}),
        ([[dx("S06")], [dx("S06", **ADMITTED, action="delete")], [dx("S06")]], {"discharge"}),
        ([[dx("S06", action="add")], [dx("S06", action="delete")], [dx("S06", action="add")]], {"discharge"}),
    ],
)
def test_a_diagnosis_is_deleted_as_what_it_stands(lists, kinds):
    events = [
        said("update", hour, {"conditions": diagnosis_list}) for hour, diagnosis_list in enumerate(lists)
    ]
    for order in permutations(events):
        assert {diagnosis["kind"] for diagnosis in diagnoses(folded(order))} == kinds


@pytest.mark.parametrize(
    ("lists", "codes"),
    [
        # what an entry of the sender's list says is replaced, its code and kind too
        ([[dx("S06", entry="1", action="add")], [dx("S72", entry="1", action="update")]], {"S72"}),
        ([[dx("S06", entry="1")], [dx("S72", **ADMITTED, entry="1", action="update")]], {"S72"}),
        ([[dx("S06", entry="1"), dx("I10", entry="2")], [dx("S06", entry="2", action="delete")]], {"S06"}),
        # two entries may have one code
        ([[dx("S06", entry="1"), dx("S06", **ADMITTED, entry="2")], [dx("S06", entry="2", action="delete")]],
         {"S06"}),
        # what was told without its entry is found by its code
        ([[dx("S06"), dx("I10")], [dx("S06", entry="1", action="delete")]], {"I10"}),
    ],
)  # fmt: skip
def test_an_entry_of_the_senders_list_is_one_diagnosis_whatever_is_said_of_it(lists, codes):
    events = [
        said("update", minute, {"conditions": diagnosis_list}) for minute, diagnosis_list in enumerate(lists)
    ]
    for order in permutations(events):
        result = diagnoses(folded(order))
        assert {diagnosis["code"]["code"] for diagnosis in result} == codes
        assert all("entry" not in diagnosis for diagnosis in result)


def test_the_role_of_somebody_who_no_longer_has_it_is_cleared_alone():
    people = [{"role": role, "names": [{"family": "Ash"}]} for role in ("attending", "consulting")]
    cleared = said("update", 1, cleared=["contacts.attending"])
    assert [
        contact["role"] for contact in contacts(folded([said("admit", 0, contacts=people), cleared]))
    ] == ["consulting"]
    # unless another word of the same message gives it to somebody
    both = {**cleared, "contacts": people[:1]}
    assert [contact["role"] for contact in contacts(folded([both]))] == ["attending"]


def test_who_is_said_to_live_has_no_time_of_death():
    dead = {"event": "update", "patient": {"deceased": "2026-03-01", "has_died": True}}
    alive = {"event": "update", "patient": {"has_died": False}}
    days = [
        person_facts(event, moment("update", f"2026-03-0{day}T10:00:00Z"), "general")
        for day, event in enumerate((dead, alive), 1)
    ]
    for one, other in permutations(days):
        facts = join(one, other)
        assert (value(facts, "deceased"), value(facts, "has_died")) == (None, False)


def test_the_history_of_a_stay_has_the_times_of_its_events_in_whatever_order_they_come():
    events = [
        said("admit", 0, happened="2023-03-01T09:00:00Z"),
        said("leave", 10, happened="2023-03-03T10:00:00Z"),
        said("return", 20, happened="2023-03-04T11:00:00Z"),
        said("discharge", 30, {"period": {"end": "2023-03-05T12:00:00Z"}}),
    ]
    for order in permutations(events):
        periods = history(folded(order))
        assert [(period.status, period.start) for period in periods] == [
            ("in-progress", "2023-03-01T09:00:00Z"),
            ("onleave", "2023-03-03T10:00:00Z"),
            ("in-progress", "2023-03-04T11:00:00Z"),
            ("finished", "2023-03-05T12:00:00Z"),
        ]
        assert periods[-1].end is None


def test_a_status_that_is_said_to_have_been_earlier_than_the_one_before_it_does_not_turn_time_back():
    events = [
        said("leave", 0, happened="2023-03-03T10:00:00Z"),
        said("discharge", 5, {"period": {"end": "2023-03-02T12:00:00Z"}}),
    ]
    assert [(period.start, period.end) for period in history(folded(events))] == [
        ("2023-03-03T10:00:00Z", "2023-03-03T10:00:00Z"),
        ("2023-03-03T10:00:00Z", None),
    ]


@pytest.mark.parametrize(
    "disposition",
    [
        {"system": "http://terminology.hl7.org/CodeSystem/discharge-disposition", "code": "exp"},
        *(
            {"system": "http://terminology.hl7.org/CodeSystem/v2-0112", "code": code}
            for code in ("20", "40", "41", "42")
        ),
        {"system": "https://www.nubc.org/CodeSystem/PatDischargeStatus", "code": "20"},
        {"system": "http://www.nubc.org/patient-discharge", "code": "20"},
        {"system": "http://hl7.org/fhir/discharge-disposition", "code": "exp"},
        {"system": "http://snomed.info/sct", "code": "371828006"},
        {"system": "http://fhir.de/CodeSystem/dkgev/EntlassungsgrundErsteUndZweiteStelle", "code": "07"},
        {"code": "exp"},
        {"code": "20"},
        {
            "system": "urn:example:mercy",
            "code": "9",
            "alternates": [{"system": "http://terminology.hl7.org/CodeSystem/v2-0112", "code": "20"}],
        },
        # words of senders, as the code alone too
        *({"system": "urn:example:mercy", "code": code} for code in ("Expired", "EXP", "MORS", "TOD")),
        *(
            {"system": "urn:example:mercy", "code": "07", "display": words}
            for words in (
                *("Expired at home", "Patient died", "Pt. has expired", "DEAD ON ARRIVAL", "verstorben"),
                *("Tod", "Patient ist verstorben", "Død", "Patienten er død", "Avliden", "Kuollut", "Умер"),
            )
        ),
        {"text": "Deceased"},
    ],
)
def test_a_death_is_told_by_any_coding_of_the_disposition(disposition):
    event = said("discharge", 0, {"disposition": disposition, "period": {"end": "2026-03-01"}})
    assert died_in([folded([event])]) == "2026-03-01"
    home = {"system": disposition.get("system", ""), "code": "01", "text": "Home; expiry of leave"}
    assert died_in([folded([said("discharge", 0, {"disposition": home})])]) is None


def test_the_names_of_a_numbers_system_are_kept_whichever_was_told_last():
    facts_in_order = [
        {"identifiers.x": Fact((at, 0, 0), {"system": "urn:x", "value": "1", "use": use, "known_as": names})}
        for at, use, names in ((1, "old", ["urn:b"]), (2, "usual", ["urn:c", "urn:a"]), (2, "temp", []))
    ]
    for first, second, third in permutations(facts_in_order):
        whole = join(join(first, second), third)
        assert whole == join(first, join(second, third))
        _, identifier = whole["identifiers.x"]
        assert (identifier["use"], identifier["known_as"]) == ("usual", ["urn:a", "urn:b", "urn:c"])


@pytest.mark.parametrize(
    ("words", "is_death"),
    [
        ("Expired", True),
        ("Patient expired", True),
        ("The patient has died", True),
        ("Patient deceased during stay (discharge status = dead)", True),
        ("In-hospital death", True),
        ("Tod", True),
        ("Død", True),
        ("kuollut", True),
        ("Летальный исход", True),
        ("Hospice, patient not deceased", False),
        ("Home; wife died recently", False),
        ("Patient to deceased donor unit", False),
        ("Todtnau clinic", False),
    ],
)
def test_a_death_is_told_by_words_that_say_it_of_the_patient(words, is_death):
    for disposition in ({"text": words}, {"system": "urn:example:mercy", "code": "9", "display": words}):
        event = said("discharge", 0, {"disposition": disposition})
        assert bool(died_in([folded([event])])) == is_death


def test_a_stay_is_kept_by_its_visit_number_before_that_of_an_account_it_may_share():
    account = {"system": "urn:example:accounts", "value": "A-1", "type": "AN"}
    sent = {"event": "admit", "stay": {"identifiers": [account, VISIT]}}
    assert key_of(sent, "general") == KEY
    alone = {"event": "admit", "stay": {"identifiers": [account]}}
    assert key_of(alone, "general") not in {None, KEY}
