"""What is suspect of a client by its identifiers and revisions, and of two who hold one number."""

import pytest

from service.cases.identity.suspects import KINDS, of_client, of_pair, of_revisions

OURS = "urn:casebridge:authority:mercy"
ONE = {"system": "urn:a", "value": "1"}


def kinds(numbers, finding=()):
    return [suspect.kind for suspect in of_client("x", numbers, finding)]


@pytest.mark.parametrize(
    ("numbers", "finding", "expected"),
    [
        ([ONE], [("urn:a", "1")], []),
        ([ONE, {"system": "urn:b", "value": "UNKNOWN"}], [], ["placeholder"]),
        ([ONE, {"system": "urn:a#AN", "value": "9", "type": "AN"}], [("urn:a#AN", "9")], ["no-person"]),
        ([ONE, {"system": "urn:a#AN", "value": "9", "type": "AN"}], [], []),
        # as it was written before
        ([{"system": f"{OURS}:X:AN", "value": "9"}], [(f"{OURS}:X:AN", "9")], ["no-person"]),
        ([{"system": f"{OURS}:X:MR", "value": "9"}], [(f"{OURS}:X:MR", "9")], []),
        ([ONE, {**ONE, "value": "2"}], [], ["several-numbers"]),
        ([ONE, {**ONE, "value": "2", "use": "old"}], [], []),
    ],
)
def test_a_client_is_suspect_by_its_numbers(numbers, finding, expected):
    assert kinds(numbers, finding) == expected
    assert set(expected) <= set(KINDS)


def test_a_client_who_became_somebody_else_is_suspect():
    anna = {"names": [{"family": "Ash"}], "birth_date": "1950-01-01"}
    married = {"names": [{"family": "Birch"}], "birth_date": "1950-01-01"}
    bert = {"names": [{"family": "Cole"}], "birth_date": "1999-09-09"}
    assert list(of_revisions("x", [anna, married])) == []
    assert [suspect.kind for suspect in of_revisions("x", [anna, bert, anna])] == ["other-person"]


@pytest.mark.parametrize(
    ("one", "other", "are_alike"),
    [
        ({"system": f"{OURS}:WARDS:MR", "value": "7"}, {"system": f"{OURS}:WARDS", "value": "7"}, True),
        ({"system": f"{OURS}:WARDS:AN", "value": "7"}, {"system": f"{OURS}:WARDS", "value": "7"}, False),
        ({"system": OURS, "value": "7"}, {"system": "urn:a", "known_as": [OURS], "value": "7"}, True),
        ({"system": OURS, "value": "UNKNOWN"}, {"system": OURS, "value": "UNKNOWN"}, False),
        (ONE, {**ONE, "value": "2"}, False),
    ],
)
def test_two_clients_are_suspect_by_one_number_that_was_written_differently(one, other, are_alike):
    suspect = of_pair(("b", [one]), ("a", [other]))
    assert (suspect is not None) == are_alike
    if suspect:
        assert suspect.clients == ("a", "b")
