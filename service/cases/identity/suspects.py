"""What makes a client suspect of being two persons, or two clients of being one: for somebody to look at."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations, pairwise
from typing import Any, Final, Literal

from service.cases.identity.agreement import PersonEvidence, disagreement
from service.cases.identity.identifiers import same_number, type_of_number
from service.values.identifiers.numbers import TYPES, is_personal
from service.values.identifiers.placeholders import names_nobody

Json = dict[str, Any]
Kind = Literal["placeholder", "no-person", "several-numbers", "other-person", "same-number"]
_FORMER: Final = frozenset({"old", "temp", "secondary"})
KINDS: Final[dict[Kind, str]] = {
    "placeholder": "what is filled in for no number stands among their identifiers",
    "no-person": "a number that is no person's, as an account's, finds them",
    "several-numbers": "two numbers of one system, neither of them a former one",
    "other-person": "another birth date and another name from one revision to the next",
    "same-number": "two clients with one number, as it was written differently",
}


@dataclass(frozen=True, slots=True)
class Suspect:
    """Something to look at: one client, or two; `systems` are those of the numbers, no value is told."""

    kind: Kind
    clients: tuple[str, ...]
    systems: tuple[str, ...] = ()


def of_client(uuid: str, numbers: Sequence[Json], finding: Iterable[tuple[str, str]]) -> Iterator[Suspect]:
    """Give what is suspect of a client by its identifiers.

    Args:
        uuid: the client's.
        numbers: its identifiers.
        finding: (system, value) of those by which hospitals found it.
    """
    finds = set(finding)
    nobody = {identifier["system"] for identifier in numbers if names_nobody(identifier["value"])}
    if nobody:
        yield Suspect("placeholder", (uuid,), tuple(sorted(nobody)))
    others = {
        identifier["system"]
        for identifier in numbers
        if (identifier["system"], identifier["value"]) in finds
        and not is_personal(type_of_number(identifier))
    }
    if others:
        yield Suspect("no-person", (uuid,), tuple(sorted(others)))
    personal = [identifier for identifier in numbers if is_personal(type_of_number(identifier))]
    current = [identifier for identifier in personal if identifier.get("use") not in _FORMER]
    several = {
        one["system"]
        for one, other in combinations(current, 2)
        if one["system"] == other["system"] and one["value"] != other["value"]
    }
    if several:
        yield Suspect("several-numbers", (uuid,), tuple(sorted(several)))


def of_revisions(uuid: str, bodies: Sequence[Json]) -> Iterator[Suspect]:
    """Give whether a client became somebody else from one revision to the next; `bodies` oldest first."""
    for before, after in pairwise(bodies):
        if disagreement(_person(before), _person(after)) is not None:
            yield Suspect("other-person", (uuid,))
            return


def of_pair(one: tuple[str, Sequence[Json]], other: tuple[str, Sequence[Json]]) -> Suspect | None:
    """Return whether two clients have one number, each given as its uuid and identifiers."""
    shared = {
        mine["system"]
        for mine in one[1]
        for theirs in other[1]
        if is_personal(type_of_number(mine)) and are_alike(mine, theirs) and not names_nobody(mine["value"])
    }
    return (
        Suspect("same-number", tuple(sorted((one[0], other[0]))), tuple(sorted(shared))) if shared else None
    )


def are_alike(one: Json, other: Json) -> bool:
    """Return whether two are one number, by the names of systems of today or before, which had the type."""
    return same_number(_identifier_of_today(one), _identifier_of_today(other))


def _identifier_of_today(identifier: Json) -> Json:
    stem, _, last = identifier["system"].rpartition(":")
    is_former = stem.startswith("urn:casebridge:authority:") and last in TYPES and is_personal(last)
    return {**identifier, "known_as": [*identifier.get("known_as", ()), *([stem] if is_former else [])]}


def _person(body: Json) -> PersonEvidence:
    dates = [body["birth_date"]] if body.get("birth_date") else []
    return PersonEvidence((), body.get("names", ()), dates)
