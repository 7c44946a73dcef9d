"""The typed expressions that mapping leaves are made of; each knows what it may be and what it reads."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from service.mapping.language.fhirpath import members
from service.mapping.language.types import OBJECT, Shape
from service.wire.yaml import Mark


@dataclass(frozen=True, eq=False)
class Variable:
    """A root of the source, the item of a loop or a `let`; `python` is its name in the generated text."""

    python: str
    shape: Shape
    path: str
    owner: "ExpressionNode | None"
    loop: bool = False
    value: "ExpressionNode | None" = None
    weight: int = 1


@dataclass(frozen=True, slots=True, eq=False)
class Constant:
    """A literal."""

    value: Any
    shape: Shape


@dataclass(frozen=True, slots=True, eq=False)
class Lookup:
    """A variable and the keys and positions that lead on from it (`steps` may be empty)."""

    base: Variable
    steps: tuple[str | int, ...]
    shapes: tuple[Shape, ...]
    roots: dict[str, Variable]

    @property
    def shape(self) -> Shape:
        """What the value may be."""
        return self.shapes[-1] if self.shapes else self.base.shape

    @property
    def path(self) -> str:
        """The source path as people write it."""
        return ".".join([self.base.path, *(step for step in self.steps if isinstance(step, str))])

    @property
    def owner(self) -> "ExpressionNode | None":
        """The document whose UUID ids are derived from: the nearest link or root on the way here."""
        for count in range(len(self.steps), 0, -1):
            owner = self.shapes[count - 1].owner
            if owner == "self":
                return Lookup(self.base, self.steps[:count], self.shapes[:count], self.roots)
            if owner:
                return Lookup(self.roots[owner], (), (), self.roots)
        return Lookup(self.base, (), (), self.roots) if self.base.shape.owner == "self" else self.base.owner


@dataclass(frozen=True, slots=True, eq=False)
class Filtered:
    """A filter's result."""

    name: str
    subject: "ExpressionNode"
    arguments: tuple[Any, ...]
    shape: Shape
    mark: Mark


@dataclass(frozen=True, slots=True, eq=False)
class Presence:
    """`is present` or `is absent`."""

    subject: "ExpressionNode"
    present: bool
    shape: Shape


@dataclass(frozen=True, slots=True, eq=False)
class Comparison:
    """Two terms compared; `operator` is Python's."""

    operator: str
    left: "ExpressionNode"
    right: "ExpressionNode"
    shape: Shape


@dataclass(frozen=True, slots=True, eq=False)
class Logic:
    """`and`, `or`, and `not` with one operand."""

    operator: str
    operands: tuple["ExpressionNode", ...]
    shape: Shape


@dataclass(frozen=True, slots=True, eq=False)
class Joined:
    """Text made of parts; absent ones print nothing, and without any present one there is no text."""

    parts: tuple["ExpressionNode", ...]
    shape: Shape


@dataclass(frozen=True, slots=True, eq=False)
class Choice:
    """One term or another."""

    test: "ExpressionNode"
    then: "ExpressionNode"
    other: "ExpressionNode"
    shape: Shape


ExpressionNode = Constant | Lookup | Filtered | Presence | Comparison | Logic | Joined | Choice


def children(term: ExpressionNode) -> tuple[ExpressionNode, ...]:
    """The terms a term is made of."""
    match term:
        case Filtered(subject=subject) | Presence(subject=subject):
            return (subject,)
        case Comparison(left=left, right=right):
            return (left, right)
        case Logic(operands=operands):
            return operands
        case Joined(parts=parts):
            return parts
        case Choice(test=test, then=then, other=other):
            return (test, then, other)
        case _:
            return ()


def lookups(term: ExpressionNode) -> Iterator[Lookup]:
    """Every lookup the evaluation of a term may do, also those of owners whose ids it makes."""
    if isinstance(term, Lookup):
        yield term
    if isinstance(term, Filtered) and term.name in IDENTITIES and isinstance(term.subject, Lookup):
        owner = term.subject.owner
        if isinstance(owner, Lookup):
            yield Lookup(owner.base, (*owner.steps, "uuid"), (*owner.shapes, owner.shape), owner.roots)
        if term.subject.shape.kind == OBJECT:
            yield Lookup(
                term.subject.base,
                (*term.subject.steps, "id"),
                (*term.subject.shapes, term.shape),
                term.subject.roots,
            )
    for child in children(term):
        yield from lookups(child)


def reads(term: ExpressionNode) -> set[str]:
    """The source paths whose values a term's value is made of; an id reads the item's own id."""
    match term:
        case Lookup(base=base) if base.value is not None:
            return {
                ".".join([path, *(s for s in term.steps if isinstance(s, str))]) for path in reads(base.value)
            }
        case Lookup():
            return {term.path}
        case Filtered(name=name, subject=Lookup() as subject) if name in IDENTITIES:
            own = subject.shape.kind == OBJECT and subject.shape.owner != "self"
            return {f"{subject.path}.id"} if own else reads(subject)
        case Filtered(name="fhirpath", subject=subject, arguments=(expression,)):
            member_paths = members(expression)
            return {
                f"{path}.{member_path}".removesuffix(".")
                for path in reads(subject)
                for member_path in member_paths
            }
        case Choice(then=then, other=other):
            return reads(then) | reads(other)
        case Presence() | Comparison():
            return set()
        case Logic(operator="not"):
            return set()
        case _:
            return set().union(*(reads(child) for child in children(term)))


def translates(term: ExpressionNode, name: str) -> set[str]:
    """The source paths of the codes that a term translates by the ConceptMap or CodeSystem of a name."""
    match term:
        case Lookup(base=base) if base.value is not None:
            return translates(base.value, name)
        case Filtered(subject=subject, arguments=(argument,)) if argument == name:
            return reads(subject)
        case _:
            return set().union(*(translates(child, name) for child in children(term)))


def tests(term: ExpressionNode) -> set[str]:
    """The source paths that only decide about a term's value."""
    match term:
        case Lookup(base=base) if base.value is not None:
            return tests(base.value)
        case Choice(test=test, then=then, other=other):
            return reads(test) | tests(test) | tests(then) | tests(other)
        case Presence() | Comparison() | Logic(operator="not"):
            return set().union(*(reads(child) | tests(child) for child in children(term)))
        case _:
            return set().union(*(tests(child) for child in children(term)))


def is_whole(term: ExpressionNode) -> bool:
    """Whether a value may be a part of the source itself, which is pruned and copied before it is given."""
    match term:
        case Lookup():
            return term.shape.kind not in {"text", "number", "boolean"}
        case Filtered(name="fhirpath" | "coded" | "translate" | "code_of" | "number_type"):
            return True
        case Filtered(name="default", subject=subject):
            return is_whole(subject)
        case Logic(operator="and" | "or"):
            return any(is_whole(child) for child in term.operands)
        case Choice(then=then, other=other):
            return is_whole(then) or is_whole(other)
        case _:
            return False


IDENTITIES = frozenset({"id", "reference"})
