"""Whether somebody who is found by a number is who was sent: what else is known of the two must agree.

A number that is mistyped, used again or shared finds somebody else. So who is found, but has another number
in a system of which one was sent, or another birth date *and* another name, is not taken for the same person.
What is a placeholder (`Unknown`, `Baby Boy`, 1 January 1900) says nothing for or against.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from service.cases.identity.identifiers import differing_system
from service.values.dates import may_be_same_day
from service.values.identifiers.placeholders import words_of

Json = dict[str, Any]
_NO_NAMES: Final = frozenset(
    (
        *("unknown", "unidentified", "anonymous", "unbekannt", "ukendt", "okand", "tuntematon", "inconnu"),
        *("doe", "nn", "baby", "boy", "girl", "infant", "newborn", "neonate", "male", "female", "twin"),
        *("trauma", "nyfodt", "neugeborenes", "vastasyntynyt"),
    )
)
_PASSING: Final = frozenset({"temp", "anonymous"})
ENOUGH: Final = 2
"""How many words two names have in common that are one, where both have as many."""
_NO_DATES: Final = frozenset({"1900-01-01", "1800-01-01", "0001-01-01", "1899-12-30", "9999-12-31"})


@dataclass(frozen=True, slots=True)
class PersonEvidence:
    """What is known of somebody: identifiers that name one person, names, birth dates (ISO, or partial)."""

    identifiers: Sequence[Json] = ()
    names: Sequence[Json] = ()
    birth_dates: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Disagreement:
    """In what two differ: `system` in which they have different numbers, or None: birth date and name."""

    system: str | None


def disagreement(sent: PersonEvidence, held: PersonEvidence) -> Disagreement | None:
    """Return in what the person who was sent differs from the one found, or None when they may be one."""
    system = differing_system(sent.identifiers, held.identifiers)
    if system is not None:
        return Disagreement(system)
    is_born_another_day = _differ(birth_dates_of(sent), birth_dates_of(held), may_be_same_day)
    if is_born_another_day and _differ(words_of_names(sent), words_of_names(held), _same_name):
        return Disagreement(None)
    return None


def _differ(sent: Sequence[Any], held: Sequence[Any], same: Any) -> bool:
    """Whether both say something, and nothing that one says is what the other says."""
    return bool(sent and held) and not any(same(one, other) for one in sent for other in held)


def birth_dates_of(person: PersonEvidence) -> list[str]:
    """Return the birth dates of a person that are none filled in where there is no other."""
    return [date for date in person.birth_dates if date and date[:10] not in _NO_DATES]


def words_of_names(person: PersonEvidence) -> list[frozenset[str]]:
    """Return the words of each name of a person, as they compare; what is no name says nothing."""
    word_sets = (frozenset(_parts(name)) - _NO_NAMES for name in lasting_names(person))
    return [words for words in word_sets if words]


def given_names_of(name: Json) -> list[str]:
    """Return the words of the given names of a name in their order, as they compare."""
    return [word for text in name.get("given", ()) for word in _words(text) if word not in _NO_NAMES]


def lasting_names(person: PersonEvidence) -> list[Json]:
    """Return the names of a person that were not given for a while alone."""
    return [name for name in person.names if name.get("use") not in _PASSING]


def _parts(name: Json) -> Iterable[str]:
    for text in (name.get("text", ""), name.get("family", ""), *name.get("given", ())):
        yield from _words(text)


def _words(text: str) -> list[str]:
    return [word for word in re.findall(r"[^\W\d_]+", words_of(text)) if len(word) > 1]


def _same_name(one: frozenset[str], other: frozenset[str]) -> bool:
    """Whether two names may be one person's: a first name, or a family's, alone is that of many."""
    return len(one & other) >= min(ENOUGH, len(one), len(other))
