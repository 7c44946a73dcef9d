"""Templates whose value is known, or known to be there, before the source is."""

from service.mapping.compiler.pythonic import Names, constant, never_absent
from service.mapping.compiler.templates import Items, Literal, Object, Template, Value
from service.mapping.language.expression_nodes import ExpressionNode, lookups
from service.mapping.language.runtime import present, whole
from service.wire.yaml import Mark


def is_nothing(template: Template) -> bool:
    """Whether a template makes nothing, whatever the source."""
    return isinstance(template, Literal) and not present(whole(template.value))


def is_fixed(term: ExpressionNode) -> bool:
    """Whether a term reads nothing of the source, as a fixed phrase does."""
    return next(lookups(term), None) is None


def mark_of(template: Template, other: Mark) -> Mark:
    """The place of a leaf, or another."""
    return template.mark if isinstance(template, Value) else other


def term_of(template: Template) -> ExpressionNode | None:
    """The term of a leaf that is one expression."""
    return template.term if isinstance(template, Value) else None


def inline(template: Template, names: Names) -> str | None:
    """A template that is always present as one expression."""
    match template:
        case Literal(value=value):
            return constant(whole(value)) if present(whole(value)) else None
        case Value(term=term) if never_absent(term):
            return names.made(term)
        case Object(entries=entries):
            entries_code = [(key, inline(entry, names)) for key, entry in entries if not is_nothing(entry)]
            if entries_code and all(code is not None for _, code in entries_code):
                return "{" + ", ".join(f"{key!r}: {code}" for key, code in entries_code) + "}"
        case Items(items=items):
            codes = [inline(item, names) for item in items if not is_nothing(item)]
            if codes and None not in codes:
                return "[" + ", ".join(code for code in codes if code) + "]"
    return None
