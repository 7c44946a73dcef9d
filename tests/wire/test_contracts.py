"""The internal contracts refuse what they do not know, and name the place."""

from decimal import Decimal

import pytest

from service.errors import Rejected
from service.wire.contracts import load, merge
from service.wire.contracts.links import links

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
    case = {
        **CASE,
        "plan": {"services": [{"id": "s", "provider": "clinic", "necessity": {"decided_by": "dr"}}]},
    }
    found = {(link.to, link.where) for link in links("case", case)}
    assert found == {
        ("client", "/client"),
        ("organization", "/plan/services/0/provider"),
        ("practitioner", "/plan/services/0/necessity/decided_by"),
    }
