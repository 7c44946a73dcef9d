"""Of a concept with several codings one is used, and one is what a map makes of it, wherever they stand."""

from itertools import permutations

import pytest

from service.mapping.terminology.codings import CodeMapping, codings_of, used_of, words_of

TABLE = "http://terminology.hl7.org/CodeSystem/v2-0063"
SNOMED = {"system": "http://snomed.info/sct", "code": "1", "display": "Injury"}
OWN = {"system": "urn:casebridge:coding-system:mercy:L", "code": "B1"}
BARE = {"code": "7"}
KIN = CodeMapping(
    {"SPO": [(TABLE, "spouse")], "OLD": [("urn:a", "parent"), (TABLE, "friend")], "NON": [(TABLE, None)]},
    {"spo": "SPO", "old": "OLD", "non": "NON"},
    lambda _: "other",
)


@pytest.mark.parametrize("coding", list(permutations([SNOMED, OWN, BARE])))
def test_the_coding_of_a_public_system_is_used_and_the_others_are_kept(coding):
    used = used_of({"coding": list(coding), "text": "words"})
    assert used == {
        **SNOMED,
        "text": "words",
        "alternates": [alternate for alternate in coding if alternate is not SNOMED],
    }


@pytest.mark.parametrize(
    ("concept", "target"),
    [
        ({"coding": [{"code": "SPO"}]}, "spouse"),
        ({"coding": [BARE, {"code": "SPO"}]}, "spouse"),
        ({"coding": [{"code": "SPO"}, {"system": TABLE, "code": "OLD"}]}, "friend"),
        ({"coding": [{"system": "urn:b", "code": "OLD"}]}, "parent"),
        ({"coding": [{"code": "spo"}]}, "spouse"),
        ({"coding": [{**BARE, "display": "Spo"}]}, "spouse"),
        ({"text": "spo"}, "spouse"),
        ({"coding": [{"code": "NON", "display": "SPO"}]}, None),
        ({"coding": [BARE]}, "other"),
        ({"text": "somebody"}, None),
        ({}, None),
        ([{"coding": [BARE]}, {"coding": [{"code": "SPO"}]}], "spouse"),
    ],
)
def test_a_concept_is_translated_by_its_codes_else_in_another_case_else_by_its_words(concept, target):
    assert KIN.code_of(codings_of(concept), words_of(concept)) == target
