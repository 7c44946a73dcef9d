"""A diagnosis that several stays tell of: one condition, or one that came again."""

from itertools import permutations

import pytest

from service.cases.hospital.discharge import condition_id
from service.cases.hospital.recurring import conditions

COLD = {"system": "http://snomed.info/sct", "code": "444814009", "display": "Viral sinusitis"}
ONE = condition_id(COLD)


def stays_with(**by_stay):
    """Return what stays tell; each of (when it began, what is said of the cold)."""
    return {key: (began, [{"code": COLD, **said}]) for key, (began, said) in by_stay.items()}


def distinct(diagnoses):
    return {diagnosis["id"]: diagnosis for diagnosis in diagnoses.values()}


@pytest.mark.parametrize(
    ("first", "second", "together"),
    [
        ({}, {}, {}),
        ({"onset": "2010-02-01"}, {}, {"onset": "2010-02-01"}),
        ({"onset": "2010-02"}, {"onset": "2010-02-01"}, {"onset": "2010-02-01"}),
        (
            {"onset": "2010-02-01", "clinical_status": "active"},
            {"onset": "2010-02-01T09:00:00Z", "clinical_status": "resolved", "abatement": "2010-02-15"},
            {"onset": "2010-02-01T09:00:00Z", "clinical_status": "resolved", "abatement": "2010-02-15"},
        ),
        ({"recorded": "2010-02-02"}, {"recorded": "2015-01-01"}, {"recorded": "2010-02-02"}),
        (
            {"verification_status": "provisional"},
            {"verification_status": "refuted"},
            {"verification_status": "refuted"},
        ),
    ],
)
def test_what_stays_tell_alike_is_one_condition_with_all_they_know(first, second, together):
    diagnoses = conditions(stays_with(a=("2010-02-01", first), b=("2015-01-01", second)))
    assert diagnoses["a", ONE] is diagnoses["b", ONE]
    assert diagnoses["a", ONE] == {"id": ONE, "code": COLD, "category": "encounter-diagnosis", **together}


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ({"onset": "2010-02-01"}, {"onset": "2015-01-01"}),
        ({"onset": "2010"}, {"onset": "2015-01-01"}),
        ({"abatement": "2010-02-15"}, {"abatement": "2015-01-20"}),
        (
            {"abatement": "2010-02-15", "clinical_status": "resolved"},
            {"clinical_status": "recurrence"},
        ),
    ],
)
def test_a_diagnosis_that_came_again_is_another_condition_and_loses_nothing(first, second):
    diagnoses = conditions(stays_with(a=("2010-02-01", first), b=("2015-01-01", second)))
    assert diagnoses["a", ONE]["id"] == ONE != diagnoses["b", ONE]["id"]
    assert first.items() <= diagnoses["a", ONE].items()
    assert second.items() <= diagnoses["b", ONE].items()


def test_the_order_in_which_stays_came_in_makes_no_difference():
    stays = {
        "c": ("2010-02-01", [{"code": COLD, "onset": "2010-02-01", "abatement": "2010-02-15"}]),
        "a": ("2015-01-01", [{"code": COLD, "onset": "2015-01-01"}]),
        "b": ("2016-01-01", [{"code": COLD}]),
        "d": ("", [{"code": COLD, "kind": "admitting"}, {"code": COLD, "kind": "discharge"}]),
    }
    results = [conditions(dict(permutation)) for permutation in permutations(stays.items())]
    assert all(result == results[0] for result in results)
    assert len(distinct(results[0])) == 2
    assert results[0]["a", ONE]["id"] == results[0]["b", ONE]["id"]


def test_a_later_stay_changes_no_id_of_earlier_conditions():
    earlier = stays_with(b=("2010-02-01", {"onset": "2010-02-01"}), c=("2012-01-01", {"onset": "2012-01-01"}))
    before = distinct(conditions(earlier))
    after = distinct(conditions({**earlier, **stays_with(a=("2015-01-01", {"onset": "2015-01-01"}))}))
    assert before.items() <= after.items()
    assert len(after) == 3
