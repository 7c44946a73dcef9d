"""Whether somebody who is described by a card and by demographics is a member that is known here.

A member match discloses whose data it is, so it asks for more than `agreement` does, where a number has
found somebody. All of these decide, and nothing of it alone:

1. a number in common: one of the person's own, or one of an insurance of theirs;
2. no number against it: neither of the person's own, nor a member's or subscriber's of the same payer of
   which both have one; an untyped one may be a contract's;
3. birth dates that both say, and that may be one day;
4. names that agree: with a number of the person's own one word, for people marry and change names; with one
   of an insurance, which a family may share, a first given name too. Twins differ in nothing else;
5. by the number of an insurance, no gender against it: male is not female.

Never enough are name, birth date and gender without a number, a number without these, a group's or plan's
number, and what is a placeholder for any of them.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from service.cases.identity.agreement import (
    ENOUGH,
    PersonEvidence,
    birth_dates_of,
    disagreement,
    given_names_of,
    lasting_names,
    words_of_names,
)
from service.cases.identity.identifiers import share_a_number, type_of_number
from service.values.dates import may_be_same_day
from service.values.identifiers.numbers import is_personal
from service.values.identifiers.placeholders import names_nobody

Json = dict[str, Any]
Payers = frozenset[tuple[str, str]]
_PASSING: Final = frozenset({"secondary", "temp"})
_OF_ONE: Final = frozenset({"MB", "SN"})
_OPPOSED: Final = frozenset({"male", "female"})
# everybody has one of their own, though hospitals find nobody by them unless told to
_OF_EACH: Final = frozenset({"SS", "MC", "MA", "DL", "PPN"})


@dataclass(frozen=True, slots=True)
class InsuranceNumber:
    """A number by which an insurance knows somebody.

    `kind` is of HL7 table 0203: MB of a member, SN of a subscriber; '' is another. `system` is '' where none
    is said, and `payers` are the (system, value) by which the payer is known, if it is.
    """

    value: str
    kind: str = ""
    system: str = ""
    payers: Payers = frozenset()


@dataclass(frozen=True, slots=True)
class MemberEvidence:
    """What is known of a member: the person, the gender as FHIR codes it, and numbers of insurances."""

    person: PersonEvidence
    gender: str = ""
    insured: Sequence[InsuranceNumber] = ()


def is_member(sent: MemberEvidence, held: MemberEvidence) -> bool:
    """Return whether who was sent is the one who is held, by the rule of this module."""
    ours, theirs = _named_by_own_numbers(held.person), _named_by_own_numbers(sent.person)
    if disagreement(theirs, ours) is not None or _is_insured_otherwise(sent, held):
        return False
    if not _agree(birth_dates_of(theirs), birth_dates_of(ours)):
        return False
    if share_a_number(theirs.identifiers, ours.identifiers):
        return _share_a_word(theirs, ours)
    return (
        any(is_same_insurance(one, other) for one in _real(sent.insured) for other in _real(held.insured))
        and _share_a_first_name(theirs, ours)
        and {sent.gender, held.gender} != _OPPOSED
    )


def is_same_insurance(one: InsuranceNumber, other: InsuranceNumber) -> bool:
    """Return whether two are one number: senders put a card's number now in this place, now in that."""
    is_in_system = not (one.system and other.system) or one.system == other.system
    return _plain(one.value) == _plain(other.value) and is_in_system and not _are_of_other_payers(one, other)


def own_numbers(identifiers: Iterable[Json]) -> list[Json]:
    """Return of a person's identifiers those that name this person: no placeholder, nothing temporary."""
    return [
        identifier
        for identifier in identifiers
        if is_personal(type_of_number(identifier)) or type_of_number(identifier) in _OF_EACH
        if identifier.get("use") not in _PASSING and not names_nobody(identifier["value"])
    ]


def _named_by_own_numbers(person: PersonEvidence) -> PersonEvidence:
    return replace(person, identifiers=own_numbers(person.identifiers))


def _is_insured_otherwise(sent: MemberEvidence, held: MemberEvidence) -> bool:
    """Whether both have numbers of a kind with one payer, and none of these in common."""
    theirs, ours = _real(sent.insured), _real(held.insured)
    for number in theirs:
        alike = [one for one in theirs if _are_alike(one, number)]
        is_known = any(_are_alike(one, number) for one in ours)
        if is_known and not any(is_same_insurance(one, other) for one in alike for other in ours):
            return True
    return False


def _are_alike(one: InsuranceNumber, other: InsuranceNumber) -> bool:
    return one.kind in _OF_ONE and one.kind == other.kind and bool(one.payers & other.payers)


def _real(numbers: Iterable[InsuranceNumber]) -> list[InsuranceNumber]:
    return [number for number in numbers if _plain(number.value) and not names_nobody(number.value)]


def _are_of_other_payers(one: InsuranceNumber, other: InsuranceNumber) -> bool:
    """Whether both name their payer in one system, and not the same: of other names nobody knows."""
    systems = {system for system, _ in one.payers} & {system for system, _ in other.payers}
    return bool(systems) and not one.payers & other.payers


def _plain(value: str) -> str:
    """Return a number as it compares: a card has it in groups, and in capitals."""
    return re.sub(r"[\s-]", "", value).upper()


def _agree(sent: Sequence[str], held: Sequence[str]) -> bool:
    return any(may_be_same_day(one, other) for one in sent for other in held)


def _share_a_word(sent: PersonEvidence, held: PersonEvidence) -> bool:
    return any(one & other for one in words_of_names(sent) for other in words_of_names(held))


def _share_a_first_name(sent: PersonEvidence, held: PersonEvidence) -> bool:
    """Whether one's first given name is a given name of the other; of a name as text two words have to be."""
    ours = lasting_names(held)
    return any(_are_named_alike(one, other) for one in lasting_names(sent) for other in ours)


def _are_named_alike(one: Json, other: Json) -> bool:
    mine, theirs = given_names_of(one), given_names_of(other)
    if mine and theirs:
        return mine[0] in theirs or theirs[0] in mine
    words = (frozenset().union(*words_of_names(PersonEvidence(names=[name]))) for name in (one, other))
    return len(frozenset.intersection(*words)) >= ENOUGH
