"""What a search asks of a resource, as it is compared: https://hl7.org/fhir/R4/search.html.

Paths begin with the type: `CarePlan.subject`. What is compared with is spelt by `wire.fhir.search.terms`.
"""

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class HasTerm:
    """One of these terms is among the resource's.

    `is_narrow` says that few resources have one of them, as few are of one patient.
    """

    terms: tuple[str, ...]
    is_narrow: bool = False


@dataclass(frozen=True, slots=True)
class HasNoTerm:
    """None of these terms is among the resource's."""

    terms: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class InRange:
    """A date or quantity compares so with a range: alternatives of (path, prefix, first, last)."""

    alternatives: tuple[tuple[str, str, float, float], ...]


@dataclass(frozen=True, slots=True)
class HasText:
    """A folded text begins so, or contains this: alternatives of (path, modifier '' or contains, text)."""

    alternatives: tuple[tuple[str, str, str], ...]


@dataclass(frozen=True, slots=True)
class Says:
    """The resource says something, or nothing, at paths that have these bits."""

    bits: int
    something: bool


@dataclass(frozen=True, slots=True)
class RefersTo:
    """A reference at one of the paths leads to a resource of one of the types that meets the criterion."""

    paths: tuple[str, ...]
    types: tuple[str, ...]
    criterion: "Plain"


@dataclass(frozen=True, slots=True)
class ReferredToBy:
    """A resource of the type that meets the criterion refers to this one at one of the paths."""

    type: str
    paths: tuple[str, ...]
    criterion: "Plain"


Plain = HasTerm | HasNoTerm | InRange | HasText | Says
Criterion = Plain | RefersTo | ReferredToBy


@dataclass(frozen=True, slots=True)
class Order:
    """By what results are sorted: `by` is updated, id, range or text; the latter two are at some paths."""

    by: str
    paths: tuple[str, ...] = ()
    descending: bool = False


@dataclass(frozen=True, slots=True)
class Include:
    """What results of a type refer to at paths comes with them: resources of these types, all where none."""

    type: str
    paths: tuple[str, ...]
    targets: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class RevInclude:
    """Resources of a type that refer to results, of these types or any, at paths come with them."""

    type: str
    paths: tuple[str, ...]
    targets: tuple[str, ...] = ()


@dataclass(slots=True)
class Along:
    """What comes with the results of a page: not more than `most` resources."""

    includes: list[Include] = field(default_factory=list)
    revincludes: list[RevInclude] = field(default_factory=list)
    most: int = 0
