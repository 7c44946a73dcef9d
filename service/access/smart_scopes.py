"""Scopes of SMART: which types of FHIR, in which interactions, and which rights of ours.

https://hl7.org/fhir/smart-app-launch/STU2.2/scopes-and-launch-context.html

`system/CarePlan.rs` lets read and search CarePlans; `c`, `r`, `u`, `d`, `s` stand in this order. `*` is
every type; `.read`, `.write` and `.*` of version 1 are `.rs`, `.cud` and `.cruds`. `?category=…` narrows a
scope to what such a search finds, by the parameters that we search the type by. Rights that are no
interaction of FHIR have scopes of ours: `casebridge/discharges`.
"""

import re
from collections import Counter
from collections.abc import Collection, Iterable
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from typing import Final
from urllib.parse import parse_qsl, urlencode

from service.access.policy import RESOURCES, RIGHTS
from service.errors import Rejected, Unscoped
from service.values.access.scope import Narrowing, Partner
from service.values.criteria import Plain
from service.wire.fhir.definitions.r4 import definitions
from service.wire.fhir.search.asked import Ours
from service.wire.fhir.search.criteria import criterion
from service.wire.fhir.search.parameters import searched_types

EVERY: Final = "*"
INTERACTIONS: Final = "cruds"
SUBSCRIPTION: Final = "Subscription"
"""The type of which every partner that reads may keep its own."""
MOST: Final = 200
NARROWED: Final = "rs"
MOST_SEARCHES: Final = 10
"""How many searches may narrow a type; each is a part of a statement."""
MOST_PARAMETERS: Final = 5
MOST_VALUES: Final = 20
_VERSION_1: Final = {"read": "rs", "write": "cud", "*": INTERACTIONS}
_FHIR: Final = re.compile(r"system/(\*|[A-Za-z]+)\.([a-z]+|\*)(?:\?(.*))?", re.DOTALL)
_OURS: Final = re.compile(r"casebridge/([a-z]+)")
_LISTED: Final = frozenset().union(*RIGHTS.values()) - {RESOURCES}


Search = tuple[tuple[str, str], ...]
"""The (name, value) pairs that narrow a scope: all of them hold. Without any, nothing is narrowed."""
Interaction = tuple[str, str, Search]
"""A type or `*`, the letter of an interaction with it, and what narrows that."""


@dataclass(frozen=True, slots=True)
class FhirScope:
    """One scope of FHIR: a type or `*`, its interactions, and what narrows them."""

    type: str
    interactions: str
    search: Search = ()


@dataclass(frozen=True, slots=True)
class Grant:
    """What may be done: rights of ours, and interactions; written as scopes.

    Of several interactions alike that are narrowed each allows what it leaves. `a & b` is what both allow.
    """

    rights: frozenset[str] = frozenset()
    interactions: frozenset[Interaction] = frozenset()

    def __and__(self, other: "Grant") -> "Grant":
        """Return what both allow; of a type and `*` that is the type, of two searches both."""
        common = (
            (type_ if other_type == EVERY else other_type, letter, _both(search, other_search))
            for type_, letter, search in self.interactions
            for other_type, other_letter, other_search in other.interactions
            if letter == other_letter and (type_ == other_type or EVERY in {type_, other_type})
        )
        return Grant(self.rights & other.rights, _widest(common))

    def __bool__(self) -> bool:
        """Tell whether it allows anything."""
        return bool(self.rights or self.interactions)

    def __str__(self) -> str:
        """Write it as scopes, separated by spaces, each thing once."""
        letters: dict[tuple[str, Search], set[str]] = {}
        for type_, letter, search in self.interactions:
            letters.setdefault((type_, search), set()).add(letter)
        of_fhir = [
            f"system/{type_}.{''.join(sorted(letters[type_, search], key=INTERACTIONS.index))}"
            + (f"?{urlencode(search, safe='|,:/')}" if search else "")
            for type_, search in sorted(letters)
        ]
        return " ".join([*of_fhir, *(scope_of(right) for right in sorted(self.rights))])

    def allows(self, type_: str, letter: str) -> bool:
        """Tell whether it allows an interaction with a type, or with some of it."""
        return not _types_of(self, letter).isdisjoint((type_, EVERY))

    def allowed(self, types: Iterable[str], letter: str) -> list[str]:
        """Return those of some types with which it allows an interaction, or with some of them."""
        mine = _types_of(self, letter)
        return list(types) if EVERY in mine else [type_ for type_ in types if type_ in mine]

    def all_rights(self) -> frozenset[str]:
        """Return the rights, that to resources among them where some interaction is allowed."""
        return self.rights | ({RESOURCES} if self.interactions else frozenset())

    def narrowings(self) -> dict[str, tuple[Narrowing, ...]]:
        """Return, by the letter of an interaction, what of types it is allowed with, where not all is."""
        searches: dict[str, dict[str, list[tuple[Plain, ...]]]] = {}
        for type_, letter, search in sorted(self.interactions):
            if search:
                searches.setdefault(letter, {}).setdefault(type_, []).append(_criteria(type_, search))
        return {
            letter: tuple(Narrowing(type_, tuple(some)) for type_, some in by_type.items())
            for letter, by_type in searches.items()
        }

    def check_size(self) -> None:
        """Raise Rejected when it is more than a token can say, or a statement can ask."""
        searches = Counter((type_, letter) for type_, letter, search in self.interactions if search)
        if searches and max(searches.values()) > MOST_SEARCHES:
            raise Rejected(f"They narrow a type by over {MOST_SEARCHES} searches; ask for fewer.")
        if len(str(self).split(" ")) > MOST:
            raise Rejected(f"They come to over {MOST} scopes; ask for fewer.")


@lru_cache(1_000)
def _types_of(grant: Grant, letter: str) -> frozenset[str]:
    """Return the types that a grant allows an interaction with."""
    return frozenset(type_ for type_, allowed, _ in grant.interactions if allowed == letter)


def _both(search: Search, other: Search) -> Search:
    return tuple(sorted({*search, *other})) if search or other else ()


def _widest(interactions: Iterable[Interaction]) -> frozenset[Interaction]:
    """Leave out what others allow too."""
    searches: dict[tuple[str, str], set[Search]] = {}
    for type_, letter, search in interactions:
        searches.setdefault((type_, letter), set()).add(search)
    return frozenset(
        (type_, letter, search)
        for (type_, letter), alike in searches.items()
        if type_ == EVERY or () not in searches.get((EVERY, letter), ())
        for search in alike
        if not any(set(other) < set(search) for other in alike)
    )


def scope_of(right: str) -> str:
    """Return the scope of a right of ours."""
    return f"casebridge/{right}"


def check_right(rights: Collection[str], right: str) -> None:
    """Raise Unscoped, which names the scope, unless a right of ours is among those that were granted."""
    if right not in rights:
        raise Unscoped(f"This partner has no right to {right}.", scope_of(right))


def parse_fhir(scope: str) -> FhirScope | None:
    """Return what a scope of FHIR says; None where it is none that is known here."""
    match = _FHIR.fullmatch(scope)
    if match is None:
        return None
    type_, text, search = match.groups()
    letters = _VERSION_1.get(text, text)
    in_order = "".join(letter for letter in INTERACTIONS if letter in letters)
    if letters != in_order or (type_ != EVERY and type_ not in definitions().resources):
        return None
    if search is None:
        return FhirScope(type_, letters)
    pairs = tuple(parse_qsl(search, keep_blank_values=True))
    return FhirScope(type_, letters, pairs) if pairs else None


def parse(text: str) -> Grant:
    """Return what scopes, separated by spaces, allow.

    Raises:
        Rejected: one is none of ours, or narrows by what is not searched by here.
    """
    scopes = text.split(" ")
    if len(scopes) > MOST:
        raise Rejected(f"There are over {MOST} scopes; ask for system/*.rs, or for fewer.")
    rights, interactions = set(), set()
    for number, scope in enumerate(scopes, 1):
        ours = _OURS.fullmatch(scope)
        if ours and ours[1] in _LISTED:
            rights.add(ours[1])
            continue
        of_fhir = parse_fhir(scope)
        if of_fhir is None:
            listed = ", ".join(scope_of(right) for right in sorted(_LISTED))
            raise Rejected(
                f"Scope {number} is not known; write system/<type>.<cruds>, e.g. system/CarePlan.rs, or one "
                f"of {listed}, with one space between two."
            )
        if of_fhir.search:
            _check_search(number, of_fhir)
        search = _both(of_fhir.search, ())
        interactions |= {(of_fhir.type, letter, search) for letter in of_fhir.interactions}
    grant = Grant(frozenset(rights), _widest(interactions))
    grant.check_size()
    return grant


def known_scopes(text: str) -> str:
    """Return those of some scopes that are known here, at most as many as may be asked for."""
    known = []
    for scope in text.split(" ")[:MOST]:
        with suppress(Rejected):
            parse(scope)
            known.append(scope)
    return " ".join(known)


def _check_search(number: int, scope: FhirScope) -> None:
    """Raise Rejected, which names the parameter, unless a scope narrows what is searched, and by that."""
    if scope.type not in searched_types():
        raise Rejected(f"Scope {number} narrows {scope.type}, which is not searched here; leave `?…` out.")
    if not set(scope.interactions) <= set(NARROWED):
        raise Rejected(f"Scope {number} narrows more than `r` and `s`; ask for other letters without `?…`.")
    values = [value for _, text in scope.search for value in text.split(",")]
    if len(scope.search) > MOST_PARAMETERS or len(values) > MOST_VALUES:
        most = f"{MOST_PARAMETERS} parameters or {MOST_VALUES} values"
        raise Rejected(f"Scope {number} narrows by over {most}; ask for fewer.")
    if any("\0" in text for _, text in scope.search):
        raise Rejected(f"Scope {number} holds a NUL; leave it out.")
    try:
        _criteria(scope.type, scope.search)
    except Rejected as exc:
        raise Rejected(f"Scope {number}: {exc}") from exc


@lru_cache(1_000)
def _criteria(type_: str, search: Search) -> tuple[Plain, ...]:
    """Return the criteria of a search on a type; references in it are relative."""
    return tuple(criterion(type_, name, text, Ours("", searched_types())) for name, text in search)


READING: Final = Grant(frozenset(), frozenset({(EVERY, "r", ()), (EVERY, "s", ())}))
"""What a token for an emergency allows at most."""


def at_most(partner: Partner) -> Grant:
    """Return what a partner may ask for: what its kind may, narrowed by the scopes of its registry entry."""
    rights = RIGHTS[partner.kind]
    pairs: list[Interaction] = []
    if RESOURCES in rights:
        pairs = [(EVERY, "r", ()), (EVERY, "s", ()), *((type_, "u", ()) for type_ in partner.writes)]
        pairs += [(SUBSCRIPTION, letter, ()) for letter in "cud"]
    by_kind = Grant(rights - {RESOURCES}, frozenset(pairs))
    scopes = partner.credentials.scopes
    return by_kind if scopes is None else by_kind & parse(scopes)
