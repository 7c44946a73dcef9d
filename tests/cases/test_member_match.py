"""Who is taken for a member: a table of cases, each what a card and a form say of somebody who is known."""

import pytest

from service.cases.identity.agreement import PersonEvidence
from service.cases.identity.member_match import InsuranceNumber, MemberEvidence, is_member

NORTHERN, SOUTHERN = frozenset({("urn:payers", "northern")}), frozenset({("urn:payers", "southern")})
ANNA = {"family": "Ash", "given": ["Anna", "Maria"]}
BORN = "1974-12-25"


def own(value="R-1", system="urn:people", **more):
    return {"system": system, "value": value, **more}


def card(value="M-1", kind="MB", system="", payers=NORTHERN):
    return InsuranceNumber(value, kind, system, payers)


def somebody(*numbers, name=ANNA, born=BORN, gender="female"):
    """A member by identifiers of their own, which are dicts, and by numbers of insurances."""
    names = [name] if isinstance(name, dict) else name
    dates = [born] if isinstance(born, str) else born
    identifiers = [number for number in numbers if isinstance(number, dict)]
    insured = [number for number in numbers if not isinstance(number, dict)]
    return MemberEvidence(PersonEvidence(identifiers, names, dates), gender, insured)


KNOWN = somebody(own(), card(), card("S-1", "SN"))
TWIN = {"family": "Ash", "given": ["Bea", "Maria"]}

ONE = {
    "by the member number": (somebody(card()), KNOWN),
    "by the subscriber number": (somebody(card("S-1", "SN")), KNOWN),
    "by a number of their own": (somebody(own()), KNOWN),
    "by both": (somebody(own(), card()), KNOWN),
    "the card's number in another place of the form": (somebody(card("M-1", "SN")), KNOWN),
    "the number as it is printed, in groups": (somebody(card("m 1-23")), somebody(card("M-123"))),
    "another contract's number of the same payer": (
        somebody(card(), card("C-2", "")), somebody(card(), card("C-1", ""))),
    "a payer by its number in another register": (
        somebody(card(payers=frozenset({("urn:naic", "1")}))), KNOWN),
    "a payer that is not said": (somebody(card(payers=frozenset())), KNOWN),
    "a system that only one says": (somebody(card(system="urn:cards")), KNOWN),
    "one of two payers' cards": (somebody(card(), card("X-9", payers=SOUTHERN)), KNOWN),
    "a new card, and the old one": (somebody(card("M-2"), card()), KNOWN),
    "the name before a marriage, by the member number": (
        somebody(card(), name={"family": "Birch", "given": ["Anna"]}), KNOWN),
    "the name before a marriage, by their own": (
        somebody(own(), name={"family": "Birch", "given": ["Anna"]}), KNOWN),
    "the maiden name among theirs": (
        somebody(card(), name=[{"use": "maiden", "family": "Birch", "given": ["Anna"]}]), KNOWN),
    "another first name, by their own": (somebody(own(), name={"family": "Ash", "given": ["Alex"]}), KNOWN),
    "a gender that was changed, by their own": (somebody(own(), gender="male"), KNOWN),
    "a gender that is not known": (somebody(card(), gender="unknown"), KNOWN),
    "a gender that is neither": (somebody(card(), gender="other"), KNOWN),
    "the second given name first": (
        somebody(card(), name={"family": "Ash", "given": ["Maria"]}), KNOWN),
    "marks and case": (
        somebody(card(), name={"family": "SORENSEN", "given": ["ASE"]}),
        somebody(card(), name={"family": "Sørensen", "given": ["Åse"]})),
    "Cyrillic, in capitals": (
        somebody(card(), name={"family": "ИВАНОВА", "given": ["ЮЛИЯ"]}),
        somebody(card(), name={"family": "Иванова", "given": ["Юлия"]})),
    "a name as text": (somebody(card(), name={"text": "Ash, Anna"}), KNOWN),
    "a given name alone": (
        somebody(card(), name={"given": ["Anna"]}), somebody(card(), name={"given": ["Anna"]})),
    "a birth date of which the month is known": (somebody(card()), somebody(card(), born="1974-12")),
    "a number of their own that has been replaced": (
        somebody(own("R-0")), somebody(own("R-0", use="old"), own())),
    "a social security number": (
        somebody(own("123-45-6780", "http://hl7.org/fhir/sid/us-ssn")),
        somebody(own("123-45-6780", "http://hl7.org/fhir/sid/us-ssn"))),
}  # fmt: skip
NOBODY = {
    "no number at all": (somebody(), KNOWN),
    "another member number of the same payer": (somebody(card("M-2")), KNOWN),
    "another member number, and a number of their own": (somebody(own(), card("M-2")), KNOWN),
    "another member number, and the family's subscriber number": (
        somebody(card("M-2"), card("S-1", "SN")), KNOWN),
    "another number of their own, and the member number": (somebody(own("R-2"), card()), KNOWN),
    "the same number of another payer": (somebody(card(payers=SOUTHERN)), KNOWN),
    "the same number in another system": (
        somebody(card(system="urn:a")), somebody(card(system="urn:b"))),
    "a twin, by the family's subscriber number": (somebody(card("S-1", "SN"), name=TWIN), KNOWN),
    "a twin of whom an initial is said": (
        somebody(card("S-1", "SN"), name={"family": "Ash", "given": ["B"]}), KNOWN),
    "a twin who has no name yet": (
        somebody(card("S-1", "SN"), name={"family": "Ash", "given": ["Baby", "Girl"]}), KNOWN),
    "a twin brother of the same name": (somebody(card("S-1", "SN"), gender="male"), KNOWN),
    "a family name alone, by an insurance": (somebody(card(), name={"family": "Ash"}), KNOWN),
    "a family name as text, by an insurance": (somebody(card(), name={"text": "Ash"}), KNOWN),
    "the parent, by the subscriber number": (somebody(card("S-1", "SN"), born="1950-01-01"), KNOWN),
    "another birth date, by their own": (somebody(own(), born="1974-12-24"), KNOWN),
    "no birth date that was sent": (somebody(own(), card(), born=[]), KNOWN),
    "no birth date that is known": (somebody(own(), card()), somebody(own(), card(), born=[])),
    "a birth date where none is known": (
        somebody(card(), born="1900-01-01"), somebody(card(), born="1900-01-01")),
    "no name that was sent": (somebody(own(), card(), name=[]), KNOWN),
    "a name for who has none": (
        somebody(own(), name={"family": "Doe", "given": ["Unknown"]}),
        somebody(own(), name={"family": "Doe", "given": ["Unknown"]})),
    "a name for a while": (somebody(card(), name={**ANNA, "use": "temp"}), KNOWN),
    "nothing in common of the name, by their own": (
        somebody(own(), name={"family": "Elm", "given": ["Bo"]}), KNOWN),
    "zeros for a member number": (somebody(card("0000")), somebody(card("0000"))),
    "a mask for a member number": (somebody(card("XXX-XX-1234")), somebody(card("XXX-XX-1234"))),
    "a word for a number of their own": (somebody(own("unknown")), somebody(own("unknown"))),
    "a number for a while": (somebody(own(use="temp")), somebody(own(use="temp"))),
    "an account's number": (somebody(own(type="AN")), somebody(own(type="AN"))),
    "a number of their own in another system": (somebody(own(system="urn:elsewhere")), KNOWN),
}  # fmt: skip


@pytest.mark.parametrize("name", ONE)
def test_it_is_them(name):
    sent, held = ONE[name]
    assert is_member(sent, held)


@pytest.mark.parametrize("name", NOBODY)
def test_it_is_not_known_to_be_them(name):
    sent, held = NOBODY[name]
    assert not is_member(sent, held)
