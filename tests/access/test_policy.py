"""What a kind of partner may want data for."""

import pytest

from service.access import policy
from service.errors import Rejected
from service.values.access.purposes import mask, mask_with_kinds
from service.values.access.scope import Partner

KINDS = {kind: Partner("p", kind) for kind in policy.RIGHTS}


@pytest.mark.parametrize(
    ("kind", "said", "wanted"),
    [
        ("hospital", (), ("TREAT",)),
        ("insurer", (), ("HPAYMT",)),
        ("case-system", (), ("CAREMGT",)),
        ("engineer", (), ("HSYSADMIN",)),
        ("operator", (), ("HOPERAT",)),
        ("insurer", ("urn:oid:2.16.840.1.113883.5.8#ELIGVER", "CAREMGT"), ("ELIGVER", "CAREMGT")),
        ("hospital", ("http://terminology.hl7.org/CodeSystem/v3-ActReason#ETREAT",), ("ETREAT",)),
        ("hospital", ("TREAT", "TREAT"), ("TREAT",)),
    ],
)
def test_a_purpose_is_what_is_said_or_that_of_the_kind(kind, said, wanted):
    assert policy.purposes(KINDS[kind], said) == wanted


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        ("insurer", "TREAT"),
        ("hospital", "HPAYMT"),
        ("hospital", "HMARKT"),
        ("hospital", "BTG"),
        ("operator", "nonsense"),
        ("operator", ""),
        ("hospital", "urn:other#TREAT"),
    ],
)
def test_a_purpose_that_a_kind_has_not_is_refused_with_those_it_has(kind, said):
    with pytest.raises(Rejected) as refused:
        policy.purposes(KINDS[kind], (said,))
    assert policy.PURPOSES[kind][0] in str(refused.value)
    assert said == "" or said not in str(refused.value).split(": ")[-1].split(", ")


def test_a_word_about_treatment_is_none_about_emergencies():
    treatment = mask_with_kinds(["TREAT"])
    assert treatment & mask(["TREAT", "COC"]) == mask(["TREAT", "COC"])
    assert treatment & mask(["ETREAT", "BTG", "HPAYMT"]) == 0
    assert mask_with_kinds(["BTG"]) == mask(["BTG"])
