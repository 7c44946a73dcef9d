"""The internal contracts refuse what they do not know, and name the place."""

from decimal import Decimal

import pytest

from service.errors import Rejected
from service.wire.contracts import load, merge
from service.wire.contracts.links import links
from service.wire.json import dump, parse

CASE = {"client": "river", "status": "active"}


def places(kind, document):
    with pytest.raises(Rejected) as caught:
        load(kind, document)
    return {issue.where for issue in caught.value.issues}


def test_a_small_case_loads_as_it_is():
    assert load("case", CASE) == CASE


@pytest.mark.parametrize(
    ("change", "place"),
    [
        ({"statu": "active"}, "/statu"),
        ({"status": "bogus"}, "/status"),
        ({"client": "a b"}, "/client"),
        ({"client": "x" * 65}, "/client"),
        ({"period": {"start": "2026-02-30"}}, "/period/start"),
        ({"period": {"start": "2026-13"}}, "/period/start"),
        ({"period": {"start": "2026-03-02", "end": "2026-03-01"}}, "/period/end"),
        ({"plan": {"title": "x", "status": "active", "goals": 3}}, "/plan/goals"),
        ({"team": [{"id": "a", "role": "family"}]}, "/team/0"),
        (
            {
                "team": [
                    {"id": "a", "role": "family", "name": "x"},
                    {"id": "a", "role": "family", "name": "y"},
                ]
            },
            "/team/1/id",
        ),
        (
            {"outcomes": [{"id": "o", "date": "2026", "code": {"text": "x"}, "quantity": "5"}]},
            "/outcomes/0/quantity",
        ),
        (
            {"outcomes": [{"id": "o", "date": "2026", "code": {"system": "http://loinc.org"}}]},
            "/outcomes/0/code/code",
        ),
    ],
)
def test_what_is_wrong_is_named_by_its_json_pointer(change, place):
    assert place in places("case", {**CASE, **change})


def test_a_document_that_is_no_object_is_refused():
    assert places("client", []) == {"/"}


def test_decimals_keep_their_digits():
    outcome = {"id": "o", "date": "2026", "code": {"text": "x"}, "quantity": Decimal("1.50")}
    assert str(load("case", {**CASE, "outcomes": [outcome]})["outcomes"][0]["quantity"]) == "1.50"


def test_partial_dates_stay_partial():
    assert load("client", {"names": [{"family": "x"}], "birth_date": "1990-02"})["birth_date"] == "1990-02"


def test_a_flag_is_true_or_false_and_nothing_else():
    assert places("client", {"names": [{"family": "x"}], "protected_identity": "yes"}) == {
        "/protected_identity"
    }


def test_a_merge_patch_removes_replaces_and_adds():
    stored = {"a": {"b": 1, "c": 2}, "d": [1]}
    assert merge(stored, {"a": {"b": None, "e": 3}, "d": [2]}) == {"a": {"c": 2, "e": 3}, "d": [2]}
    assert stored == {"a": {"b": 1, "c": 2}, "d": [1]}


def test_links_are_found_wherever_they_stand():
    service = {"id": "s", "provider": "clinic", "necessity": {"decided_by": "dr"}, "goals": ["g"]}
    optional = {
        (link.to, link.id, link.where) for link in links("case", {**CASE, "plan": {"services": [service]}})
    }
    assert optional == {
        ("client", "river", "/client"),
        ("organization", "clinic", "/plan/services/0/provider"),
        ("practitioner", "dr", "/plan/services/0/necessity/decided_by"),
        ("case.plan.goals", "g", "/plan/services/0/goals/0"),
    }


def planned(**parts):
    return {"plan": {"title": "x", "status": "active", **parts}}


GOAL = {"id": "g", "status": "active", "description": "x"}
SERVICE = {"id": "s", "kind": "nursing", "status": "active"}
MEETING = {"id": "a", "status": "booked", "start": "2026-03-01T09:00:00Z", "end": "2026-03-01T10:00:00Z"}
STAY = {"id": "s", "status": "finished", "kind": "inpatient"}


@pytest.mark.parametrize(
    ("change", "place"),
    [
        (planned(goals=[{**GOAL, "conditions": ["none"]}]), "/plan/goals/0/conditions/0"),
        (planned(goals=[GOAL], services=[{**SERVICE, "goals": ["g", "none"]}]), "/plan/services/0/goals/1"),
        (planned(goals=[GOAL], services=[{**SERVICE, "goals": ["g", "g"]}]), "/plan/services/0/goals/1"),
        (
            planned(services=[{**SERVICE, "necessity": {"decision": "pending", "condition": "none"}}]),
            "/plan/services/0/necessity/condition",
        ),
        (planned(appointments=[{**MEETING, "service": "none"}]), "/plan/appointments/0/service"),
        ({"stays": [{**STAY, "conditions": ["none"]}]}, "/stays/0/conditions/0"),
        ({"team": [{"id": "a", "role": "family", "name": "x", "deputy_for": "none"}]}, "/team/0/deputy_for"),
        ({"team": [{"id": "a", "role": "family", "name": "x", "deputy_for": "a"}]}, "/team/0/deputy_for"),
    ],
)
def test_an_id_of_a_part_that_is_not_there_is_refused(change, place):
    assert places("case", {**CASE, **change}) == {place}


@pytest.mark.parametrize(
    ("change", "place"),
    [
        (planned(appointments=[{**MEETING, "end": "2026-03-01T08:59:59Z"}]), "/plan/appointments/0/end"),
        (planned(appointments=[{**MEETING, "end": "2026-03-01T10:00:00+02:00"}]), "/plan/appointments/0/end"),
        (
            {"period": {"start": "2026-03-02"}, "closure": {"reason": "moved", "date": "2026-03-01"}},
            "/closure/date",
        ),
        ({"period": {"start": "2026-03"}, "closure": {"reason": "moved", "date": "2025"}}, "/closure/date"),
    ],
)
def test_what_ends_before_it_starts_is_refused(change, place):
    assert places("case", {**CASE, **change}) == {place}


@pytest.mark.parametrize("start", ["2026", "2026-03", "2026-03-01", "2026-03-01T10:00:00Z"])
def test_a_case_may_be_closed_on_the_day_it_was_opened(start):
    case = {**CASE, "period": {"start": start}, "closure": {"reason": "other", "date": "2026-03-01"}}
    assert load("case", case) == case


def test_ids_of_parts_that_are_there_are_taken():
    case = {
        **CASE,
        **planned(
            goals=[GOAL], services=[{**SERVICE, "goals": ["g"]}], appointments=[{**MEETING, "service": "s"}]
        ),
    }
    assert load("case", case) == case


def test_a_link_to_another_document_of_the_same_kind_is_none_into_this_one():
    organization = {"name": "x", "kind": "other", "part_of": "elsewhere"}
    assert load("organization", organization) == organization


@pytest.mark.parametrize(
    ("start", "end", "fits"),
    [
        ("2026-03-01T10:00:00Z", "2026-03-01T09:00:00Z", False),
        ("2026-03-01T10:00:00+02:00", "2026-03-01T09:00:00Z", True),
        ("2026-03-01T09:00:00Z", "2026-03-01T10:00:00+02:00", False),
        ("2026-03-01T09:00:00.0000002Z", "2026-03-01T09:00:00.0000001Z", False),
        ("2026-03-01T09:00:00.5Z", "2026-03-01T09:00:00.500Z", True),
        ("2026-03-01T09:00:00Z", "2026-03-01", True),
        ("2026-03-02T09:00:00Z", "2026-03-01", False),
        ("2026-03-02", "2026-03", True),
        ("2026-03", "2026-03-01", True),
        ("2026", "2025-12-31", False),
    ],
)
def test_a_period_does_not_end_before_it_starts_as_far_as_both_say(start, end, fits):
    case = {**CASE, "period": {"start": start, "end": end}}
    if fits:
        assert load("case", case) == case
    else:
        assert places("case", case) == {"/period/end"}


CLIENT = {"names": [{"family": "x"}]}


@pytest.mark.parametrize(
    "text", ["\x00", "a\x0b", "a\ud800", "a\ufffe", "\u2003", "", " \n", 3, None, ["a"], {}, True]
)
def test_what_is_no_text_is_refused(text):
    assert places("client", {"names": [{"family": text}]}) == {"/names/0/family"}


@pytest.mark.parametrize(
    "text", [" a ", "a\tb\r\n", "שלום \u202eabc", "👩‍👩‍👧", "<a>&\"'", "e\u0301", "\x7f\x85a"]
)
def test_text_stays_as_it_was_written(text):
    client = {**CLIENT, "addresses": [{"line": [text]}]}
    assert load("client", client)["addresses"][0]["line"] == [text]


@pytest.mark.parametrize("text", [" a b", "a b ", "a  b", "a\t b", "\u00a0a\n b\r\n"])
def test_names_have_no_blanks_at_their_ends_and_one_within(text):
    named = {"text": text, "family": text, "given": [text]}
    assert load("client", {"names": [named]})["names"] == [{"text": "a b", "family": "a b", "given": ["a b"]}]
    assert load("organization", {"name": text, "kind": "insurer"})["name"] == "a b"
    coded = {"id": "c", "code": {"code": "x", "display": text}}
    assert load("case", {**CASE, "conditions": [coded]})["conditions"][0]["code"]["display"] == "a b"
    said = {"event": "admit", "stay": {"hospital": {"name": text}}}
    assert load("discharge", said)["stay"]["hospital"]["name"] == "a b"


@pytest.mark.parametrize("code", [" a", "a ", "a  b", "a\tb", "a\u00a0b", "a\nb", "\ud800", "a\x00"])
def test_what_is_no_code_of_fhir_is_refused(code):
    condition = {"id": "c", "code": {"code": code}}
    assert places("case", {**CASE, "conditions": [condition]}) == {"/conditions/0/code/code"}
    qualified = {**CLIENT, "qualifications": [{"code": code}]}
    assert places("practitioner", qualified) == {"/qualifications/0/code"}


def test_a_code_may_hold_single_blanks():
    assert load("case", {**CASE, "conditions": [{"id": "c", "code": {"code": "a b c"}}]})


@pytest.mark.parametrize("uri", ["", "a b", "urn:\x00", "urn:é", "urn:\ud800", "urn:a\n", "http://x/{y}", 1])
def test_what_is_no_uri_is_refused(uri):
    identified = {**CLIENT, "identifiers": [{"system": uri, "value": "1"}]}
    assert places("client", identified) == {"/identifiers/0/system"}


@pytest.mark.parametrize("id_", ["", "a b", "a/b", "a_b", "é", "a\x00", "a\ud800", "x" * 65, 1, "a\n"])
def test_an_id_with_other_characters_than_fhirs_is_refused(id_):
    assert places("case", {**CASE, "stays": [{**STAY, "id": id_}]}) == {"/stays/0/id"}


@pytest.mark.parametrize(
    "date",
    ["2026-02-30", "2026-00", "0000", "26", "2026-3-1", "٢٠٢٦", "2026-03-01T10:00:00Z", "2026-03-01\n", 2026],
)
def test_what_is_no_day_month_or_year_is_refused(date):
    assert places("client", {**CLIENT, "birth_date": date}) == {"/birth_date"}


@pytest.mark.parametrize(
    "instant",
    [
        "2026-02-30T10:00:00Z",
        "2026-03-01T24:00:00Z",
        "2026-03-01T10:00Z",
        "2026-03-01T10:00:00",
        "2026-03-01T10:00:00+14:30",
        "2026-03-01 10:00:00Z",
        "2026-03-01",
    ],
)
def test_what_is_no_instant_is_refused(instant):
    case = {**CASE, **planned(appointments=[{**MEETING, "start": instant}])}
    assert places("case", case) == {"/plan/appointments/0/start"}


@pytest.mark.parametrize("number", ["5", True, None, Decimal("NaN"), Decimal("Infinity"), 1.5, [5]])
def test_what_is_no_number_is_refused(number):
    outcome = {"id": "o", "date": "2026", "code": {"text": "x"}, "quantity": number}
    assert places("case", {**CASE, "outcomes": [outcome]}) == {"/outcomes/0/quantity"}


@pytest.mark.parametrize("number", ["1E-19", "1E-128", "1E+18", "123456789012345678901", "-1E+128"])
def test_a_number_with_more_digits_than_we_can_give_back_is_refused(number):
    outcome = {"id": "o", "date": "2026", "code": {"text": "x"}, "quantity": Decimal(number)}
    assert places("case", {**CASE, "outcomes": [outcome]}) == {"/outcomes/0/quantity"}


@pytest.mark.parametrize(
    "number", ["1E-18", "99999999999999999.000000000000000001", "-0.00", "0E+30", "1E+17"]
)
def test_a_number_that_is_taken_can_be_written_and_read_again(number):
    outcome = {"id": "o", "date": "2026", "code": {"text": "x"}, "quantity": Decimal(number)}
    loaded = load("case", {**CASE, "outcomes": [outcome]})
    assert parse(dump(loaded)) == loaded


@pytest.mark.parametrize("frequency", [0, -1, 1001, Decimal("1.5"), "1", True, 10**30])
def test_what_is_no_whole_number_in_range_is_refused(frequency):
    service = {**SERVICE, "schedule": {"frequency": frequency, "period": 1, "unit": "wk"}}
    assert places("case", {**CASE, **planned(services=[service])}) == {"/plan/services/0/schedule/frequency"}


@pytest.mark.parametrize("language", ["", "d", "da_DK", "da ", "da--DK", "dansk sprog"])
def test_what_is_no_language_tag_is_refused(language):
    assert places("client", {**CLIENT, "language": language}) == {"/language"}


def test_an_unknown_member_with_a_strange_name_is_not_quoted():
    assert places("client", {**CLIENT, "010190-1234 Ann": 1, "a\ud800": 1}) == {"/?"}
    assert places("client", {"names": [{"family": "x", "nick~/name": "y"}]}) == {"/names/0/?"}


def test_a_discharge_that_says_little_is_a_discharge():
    assert load("discharge", {"event": "merge"}) == {"event": "merge"}


def test_a_discharge_does_not_say_and_clear_the_same():
    said = {"event": "update", "stay": {"location": "Ward 3"}, "cleared": ["stay.location"]}
    assert places("discharge", said) == {"/cleared"}
    assert places("discharge", {"event": "update", "cleared": ["stay.kind"]}) == {"/cleared/0"}
