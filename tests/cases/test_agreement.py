"""Whether somebody who is found by a number is who was sent: a table of cases."""

import pytest

from service.cases.identity.agreement import PersonEvidence, disagreement


def numbers(*pairs):
    return [{"system": f"urn:{system}", "value": value} for system, value in pairs]


def old(*pairs):
    return [{**number, "use": "old"} for number in numbers(*pairs)]


ANNA = [{"family": "Ash", "given": ["Anna"]}]
ANN_BIRCH = [{"family": "Birch", "given": ["Anna"]}]
BO = [{"family": "Beech", "given": ["Bo"]}]
BABY = [{"family": "Doe", "given": ["Baby", "Boy"]}]
THEN, LATER = ["1950-01-01"], ["1999-09-09"]

CASES = {
    "the same numbers": (numbers(("r", "1")), numbers(("r", "1")), None),
    "another number of a system that both have": (
        numbers(("n", "9"), ("r", "1")), numbers(("n", "9"), ("r", "2")), "urn:r"),
    "a number more": (numbers(("n", "9"), ("r", "1")), numbers(("n", "9")), None),
    "one of two in common": (numbers(("r", "1")), numbers(("r", "1"), ("r", "2")), None),
    "a number that was theirs once": (
        numbers(("n", "9"), ("r", "2")), numbers(("n", "9"), ("r", "1")) + old(("r", "2")), None),
    "a new number where theirs is old": (
        numbers(("n", "9"), ("r", "2")), numbers(("n", "9")) + old(("r", "1")), None),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_numbers_agree_or_name_the_system_in_which_they_do_not(name):
    sent, held, system = CASES[name]
    conflict = disagreement(PersonEvidence(sent), PersonEvidence(held))
    assert (conflict.system if conflict else None) == system


@pytest.mark.parametrize(
    ("sent", "held", "differ"),
    [
        ((ANNA, THEN), (ANNA, THEN), False),
        ((ANNA, THEN), (BO, LATER), True),
        # married, or a birth date corrected
        ((ANNA, THEN), (BO, THEN), False),
        ((ANNA, THEN), (ANNA, LATER), False),
        # a first name, or a family's, is that of many
        ((ANNA, THEN), (ANN_BIRCH, LATER), True),
        ((ANNA, THEN), ([{"family": "Ash", "given": ["Bo"]}], LATER), True),
        ((ANNA, THEN), ([{"family": "Ash", "given": ["Bo", "Anna"]}], LATER), False),
        # two words of three are enough: the third is another first name, or that of a marriage
        (([{"family": "Ash", "given": ["Anna", "Mo"]}], THEN), ([{"text": "Anna Ash Birch"}], LATER), False),
        # where no more is said it is enough, and which is which may be mixed up
        ((ANNA, THEN), ([{"family": "Ash"}], LATER), False),
        (([{"family": "Ash"}], THEN), (ANNA, LATER), False),
        ((ANNA, THEN), ([{"given": ["Anna"]}], LATER), False),
        ((ANNA, THEN), ([{"family": "Ash", "given": ["A"]}], LATER), False),
        ((ANNA, THEN), ([{"family": "Anna", "given": ["Ash"]}], LATER), False),
        # what is not known is not another
        ((ANNA, THEN), (BO, []), False),
        ((ANNA, THEN), ([], LATER), False),
        ((ANNA, THEN), (BABY, LATER), False),
        ((ANNA, THEN), ([{**BO[0], "use": "temp"}], LATER), False),
        ((ANNA, ["1900-01-01"]), (BO, LATER), False),
        ((ANNA, ["1900-01-01T00:00:00Z"]), (BO, LATER), False),
        # as far as both say
        ((ANNA, ["1950"]), (BO, THEN), False),
        ((ANNA, ["1951"]), (BO, THEN), True),
        # of several of either, one
        ((ANNA, THEN), (BO + ANNA, LATER), False),
        ((ANNA, THEN), (BO, LATER + THEN), False),
        (([{"text": "Åse Sørensen"}], THEN), ([{"family": "SORENSEN", "given": ["Ase"]}], LATER), False),
        (([{"text": "Ase Holm"}], THEN), ([{"family": "Lund", "given": ["ÅSE"]}], LATER), True),
    ],
)
def test_another_birth_date_and_another_name_are_another_person(sent, held, differ):
    one, other = numbers(("r", "1")), numbers(("r", "1"))
    conflict = disagreement(PersonEvidence(one, *sent), PersonEvidence(other, *held))
    assert (conflict is not None) == differ
