"""What a template can make at all, whatever the source: which elements, and of a list which items."""

from collections.abc import Iterator, Sequence
from contextlib import suppress
from typing import Any, Final

from service.mapping.compiler.templates import Block, Items, Literal, Object, Template, TextLeaf, Value
from service.mapping.language.checks import TERMINOLOGY, giver
from service.mapping.language.expression_nodes import Constant, ExpressionNode, Filtered, Lookup
from service.mapping.language.types import ANY, LIST, Shape
from service.mapping.target.required import sides
from service.mapping.terminology.concepts import Terminology, Unmapped

# a name; and of a sliced list what the item holds, any one of these
Step = tuple[str, Sequence[Any] | None]
_OF_ANY_TYPE: Final = "[x]"
# stands for a code that no table knows, for which `unmapped` may say what then
_UNLISTED: Final = "\N{REPLACEMENT CHARACTER}"


def can_make(template: Template, steps: Sequence[Step], words: Terminology) -> bool:
    """Tell whether a template can make something at a path; what an expression gives may always be there."""
    return any(_can(item, steps, words) for item in _items(template))


def _can(item: Template, steps: Sequence[Step], words: Terminology) -> bool:
    match item:
        case Object(entries=entries) if steps:
            (name, held), below = steps[0], steps[1:]
            inner = (one for key, entry in entries if _is(key, name) for one in _items(entry))
            return any(_holds_one(one, held, words) and can_make(one, below, words) for one in inner)
        case Object(entries=entries):
            return any(can_make(entry, (), words) for _, entry in entries)
        case Value(term=term):
            return any(_gives(side, [name for name, _ in steps], words) for side in _sides(term))
        case Literal(value=value):
            return not steps and value not in (None, "")
        case _:
            return not steps


def _items(template: Template) -> Iterator[Template]:
    """What stands in a list, or alone; a block whose condition never holds makes nothing."""
    match template:
        case Items(items=items):
            for item in items:
                yield from _items(item)
        case Block(test=Constant(value=value)) if not value:
            return
        case Block(make=make):
            yield from _items(make)
        case _:
            yield template


def _is(key: str, name: str) -> bool:
    stem = name.removesuffix(_OF_ANY_TYPE)
    return key == name or (stem != name and key.startswith(stem))


def _sides(term: ExpressionNode) -> Iterator[ExpressionNode]:
    """What a value may be; a `let` is looked through."""
    for side in sides(term):
        if isinstance(side, Lookup) and not side.steps and side.base.value is not None:
            yield from _sides(side.base.value)
        else:
            yield side


def _gives(term: ExpressionNode, names: Sequence[str], words: Terminology) -> bool:
    """Tell whether a term may give something that has these names below each other."""
    if isinstance(term, Constant):
        return not names and term.value not in (None, "")
    if isinstance(term, Filtered) and term.name in TERMINOLOGY and not any(_filter_values(term, words)):
        return False
    shape: Shape | None = term.shape
    for name in names:
        while shape is not None and shape.kind == LIST:
            shape = shape.item()
        shape = shape.get(name) if shape is not None else None
    return shape is not None


def _holds_one(item: Template, held: Sequence[Any] | None, words: Terminology) -> bool:
    return held is None or any(_holds(item, pattern, words) for pattern in held)


def _holds(template: Template, pattern: Any, words: Terminology) -> bool:
    """Tell whether a template can make something that a pattern is in."""
    wanted = pattern if isinstance(pattern, list) else [pattern]
    return all(any(_is_like(item, one, words) for item in _items(template)) for one in wanted)


def _is_like(item: Template, pattern: Any, words: Terminology) -> bool:
    match item:
        case Object(entries=entries) if isinstance(pattern, dict):
            there = dict(entries)
            return all(key in there and _holds(there[key], below, words) for key, below in pattern.items())
        case Literal(value=value):
            return bool(value == pattern)
        case Value(term=term):
            return any(_may_be(side, pattern, words) for side in _sides(term))
        case _:
            return isinstance(item, TextLeaf) and isinstance(pattern, str)


def _may_be(term: ExpressionNode, pattern: Any, words: Terminology) -> bool:
    """Tell whether a pattern is in what a term may give, as far as that is known before there is a source."""
    if isinstance(term, Constant):
        return bool(term.value == pattern)
    if isinstance(term, Filtered) and term.name in TERMINOLOGY:
        return any(_is_in(pattern, value) for value in _filter_values(term, words))
    if isinstance(pattern, dict):
        return term.shape.kind == ANY or all(_gives(term, [key], words) for key in pattern)
    return not term.shape.codes or pattern in term.shape.codes


def _filter_values(term: Filtered, words: Terminology) -> Iterator[Any]:
    """What a filter gives for the codes that its subject may be, or else for all that its table knows."""
    name = term.arguments[0]
    give = giver(words, term.name, name)
    for code in _codes(term.subject) or (*words.codes(name), _UNLISTED):
        with suppress(Unmapped, ValueError):
            target = give(code)
            if target and term.name == "codeable":
                yield {"coding": list(target)}
            elif target:
                yield target[0] if term.name == "coding" else target


def _codes(term: ExpressionNode) -> tuple[str, ...]:
    """The codes that a term may give; none where it is open."""
    if isinstance(term, Constant):
        return (str(term.value),)
    if isinstance(term, Filtered) and term.name == "default":
        codes = _codes(term.subject)
        return (*codes, *term.arguments) if codes else ()
    return term.shape.codes


def _is_in(pattern: Any, value: Any) -> bool:
    if isinstance(pattern, dict):
        return isinstance(value, dict) and all(
            key in value and _is_in(one, value[key]) for key, one in pattern.items()
        )
    if isinstance(pattern, list):
        return isinstance(value, list) and all(any(_is_in(one, item) for item in value) for one in pattern)
    return bool(pattern == value)
