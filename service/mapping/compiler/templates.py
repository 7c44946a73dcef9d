"""The templates that mapping documents are read into, before they are compiled."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from service.mapping.language.expression_nodes import ExpressionNode, Variable, children
from service.wire.yaml import Mark


@dataclass(frozen=True, slots=True)
class Literal:
    """A value that is the same for every source; it stands in a file unless it stands for what is wrong."""

    value: Any
    mark: Mark | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class Value:
    """A leaf that is one expression: the typed value; `text` is what is written."""

    term: ExpressionNode
    mark: Mark
    text: str


@dataclass(frozen=True, slots=True)
class TextLeaf:
    """A leaf that mixes text and expressions; `text` is what is written."""

    parts: tuple[str | ExpressionNode, ...]
    mark: Mark
    text: str


@dataclass(frozen=True, slots=True)
class Object:
    """A map."""

    entries: tuple[tuple[str, "Template"], ...]


@dataclass(frozen=True, slots=True)
class Items:
    """A list."""

    items: tuple["Template", ...]


@dataclass(frozen=True, slots=True)
class Loop:
    """One variable going over one list; `crosses` when that is no part of what an outer loop goes over."""

    variable: Variable
    over: ExpressionNode
    mark: Mark
    crosses: bool = False


@dataclass(frozen=True, slots=True)
class Block:
    """`$each` (loops, maybe none), `$if` and `$make`; `written` is what stands after the first two."""

    loops: tuple[Loop, ...]
    test: ExpressionNode | None
    make: "Template"
    mark: Mark
    written: tuple[str, str] = ("", "")


@dataclass(frozen=True, slots=True)
class Markup:
    """`$xhtml`: parts whose expressions are escaped, joined to one string."""

    parts: tuple["Template", ...]
    mark: Mark


Template = Literal | Value | TextLeaf | Object | Items | Block | Markup


@dataclass(frozen=True, slots=True)
class MappingTemplate:
    """One mapping document, read and checked.

    `written` is what stands after `each` and `when`, `names` what stands in `let`.
    """

    name: str
    target: str
    source: str
    mark: Mark
    roots: dict[str, Variable]
    loops: tuple[Loop, ...]
    lets: tuple[Variable, ...]
    when: ExpressionNode | None
    make: Template
    claims: tuple[str, ...]
    withdraw: dict[str, Any]
    written: tuple[str, str] = ("", "")
    names: tuple[tuple[str, str], ...] = ()


def terms(template: Template) -> Iterator[ExpressionNode]:
    """Every term of a template."""
    match template:
        case Value(term=term):
            yield term
        case TextLeaf(parts=parts):
            yield from (part for part in parts if not isinstance(part, str))
        case Object(entries=entries):
            for _, entry in entries:
                yield from terms(entry)
        case Items(items=items) | Markup(parts=items):
            for item in items:
                yield from terms(item)
        case Block(loops=loops, test=test, make=make):
            yield from (loop.over for loop in loops)
            yield from [test] if test is not None else []
            yield from terms(make)


def everything(document: MappingTemplate) -> Iterator[ExpressionNode]:
    """Every term of a document with all the terms that those are made of."""
    waiting = [*terms(document.make), *(loop.over for loop in document.loops)]
    waiting += [let.value for let in document.lets if let.value is not None]
    waiting += [document.when] if document.when is not None else []
    while waiting:
        term = waiting.pop()
        yield term
        waiting += children(term)
