"""Where the target requires a code, every code that the source may send needs a target."""

from collections.abc import Callable, Collection, Iterator

from service.mapping.compiler.templates import Block, Items, MappingTemplate, Object, Template, Value
from service.mapping.language.checks import TERMINOLOGY, giver
from service.mapping.language.expression_nodes import Choice, ExpressionNode, Filtered
from service.mapping.terminology.concepts import Terminology
from service.wire.yaml import InvalidYaml

# of a target path the names by which the element may go if it is required, else none
Required = Callable[[str], Collection[str]]


def untargeted_tables(
    document: MappingTemplate, terminology: Terminology, required: Required
) -> Iterator[InvalidYaml]:
    """Find tables that leave a required element of a document without a code."""
    for target, leaf in leaves(document.make, document.target):
        for term in sides(leaf):
            if isinstance(term, Filtered) and term.name in TERMINOLOGY and required(target):
                give = giver(terminology, term.name, term.arguments[0])
                silent = ", ".join(f"`{code}`" for code in term.subject.shape.codes if not give(code))
                if silent:
                    what = f"`{term.arguments[0]}` has no target for {silent}, yet `{target}` is required"
                    yield InvalidYaml(
                        f"{what}; map the code, or say with `unmapped` what becomes of it", term.mark
                    )


def leaves(template: Template, target: str) -> Iterator[tuple[str, ExpressionNode]]:
    """Every value that a template makes, with the target path it stands at."""
    match template:
        case Value(term=term):
            yield target, term
        case Object(entries=entries):
            for key, entry in entries:
                yield from leaves(entry, f"{target}.{key}")
        case Items(items=items):
            for item in items:
                yield from leaves(item, target)
        case Block(make=make):
            yield from leaves(make, target)


def sides(term: ExpressionNode) -> Iterator[ExpressionNode]:
    """What a value may be: a term, or either side of a choice."""
    if isinstance(term, Choice):
        yield from sides(term.then)
        yield from sides(term.other)
    else:
        yield term
