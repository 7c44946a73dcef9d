"""Scopes of SMART: which types of FHIR, in which interactions, and which rights of ours.

https://hl7.org/fhir/smart-app-launch/STU2.2/scopes-and-launch-context.html

`system/CarePlan.rs` lets read and search CarePlans; `c`, `r`, `u`, `d`, `s` stand in this order. `*` is
every type; `.read`, `.write` and `.*` of version 1 are `.rs`, `.cud` and `.cruds`. Rights that are no
interaction of FHIR have scopes of ours: `casebridge/discharges`.
"""

import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Final
from urllib.parse import parse_qsl

from service.access.policy import RESOURCES, RIGHTS
from service.errors import Rejected, Unscoped
from service.values.scope import Partner
from service.wire.fhir.definitions.r4 import definitions

EVERY: Final = "*"
INTERACTIONS: Final = "cruds"
MOST: Final = 200
_VERSION_1: Final = {"read": "rs", "write": "cud", "*": INTERACTIONS}
_FHIR: Final = re.compile(r"system/(\*|[A-Za-z]+)\.([a-z]+|\*)(?:\?(.*))?", re.DOTALL)
_OURS: Final = re.compile(r"casebridge/([a-z]+)")
_LISTED: Final = frozenset().union(*RIGHTS.values()) - {RESOURCES}


@dataclass(frozen=True, slots=True)
class FhirScope:
    """One scope of FHIR: a type or `*`, its interactions, and the (name, value) pairs that narrow it."""

    type: str
    interactions: str
    search: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Grant:
    """What may be done: rights of ours, and interactions as (type or `*`, letter); written as scopes.

    `a & b` is what both allow.
    """

    rights: frozenset[str] = frozenset()
    interactions: frozenset[tuple[str, str]] = frozenset()

    def __and__(self, other: "Grant") -> "Grant":
        """Return what both allow; of a type and `*` that is the type."""
        common = (
            (type_ if other_type == EVERY else other_type, letter)
            for type_, letter in self.interactions
            for other_type, other_letter in other.interactions
            if letter == other_letter and (type_ == other_type or EVERY in {type_, other_type})
        )
        return Grant(self.rights & other.rights, frozenset(common))

    def __bool__(self) -> bool:
        """Tell whether it allows anything."""
        return bool(self.rights or self.interactions)

    def __str__(self) -> str:
        """Write it as scopes, separated by spaces, each thing once."""
        every = {letter for type_, letter in self.interactions if type_ == EVERY}
        letters: dict[str, set[str]] = {}
        for type_, letter in self.interactions:
            if type_ == EVERY or letter not in every:
                letters.setdefault(type_, set()).add(letter)
        of_fhir = [
            f"system/{type_}.{''.join(sorted(letters[type_], key=INTERACTIONS.index))}"
            for type_ in sorted(letters)
        ]
        return " ".join([*of_fhir, *(scope_of(right) for right in sorted(self.rights))])

    def allows(self, type_: str, letter: str) -> bool:
        """Tell whether it allows an interaction with a type."""
        return not self.interactions.isdisjoint({(type_, letter), (EVERY, letter)})

    def all_rights(self) -> frozenset[str]:
        """Return the rights, that to resources among them where some interaction is allowed."""
        return self.rights | ({RESOURCES} if self.interactions else frozenset())


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
        Rejected: one is none of ours, or narrows by a search: no search is enforced in each query yet, and
            unheeded it would allow too much.
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
            raise Rejected(
                f"Scope {number} narrows {of_fhir.type} by a search, which is not enforced here; ask for it "
                "without what follows the question mark."
            )
        interactions |= {(of_fhir.type, letter) for letter in of_fhir.interactions}
    return Grant(frozenset(rights), frozenset(interactions))


def at_most(partner: Partner) -> Grant:
    """Return what a partner may ask for: what its kind may, narrowed by the scopes of its registry entry."""
    rights = RIGHTS[partner.kind]
    pairs: Iterable[tuple[str, str]] = ()
    if RESOURCES in rights:
        pairs = [(EVERY, "r"), (EVERY, "s"), *((type_, "u") for type_ in partner.writes)]
    by_kind = Grant(rights - {RESOURCES}, frozenset(pairs))
    scopes = partner.credentials.scopes
    return by_kind if scopes is None else by_kind & parse(scopes)
