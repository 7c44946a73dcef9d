"""Traces targets to sources: which field made this element, and what does nothing read."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from service.mapping.compiler.templates import (
    Block,
    Items,
    MappingTemplate,
    Markup,
    Object,
    Template,
    TextLeaf,
    Value,
)
from service.mapping.language.expression_nodes import (
    ExpressionNode,
    Filtered,
    Lookup,
    children,
    is_whole,
    reads,
    tests,
)
from service.mapping.language.types import Shape, World, paths

Paths = dict[str, tuple[str, ...]]


@dataclass(slots=True)
class Trace:
    """By target path, the source paths a value is made of and those that decide whether it is made.

    `words` are, by target path, the code systems whose displays may be the value.
    """

    values: dict[str, dict[str, None]] = field(default_factory=dict)
    tests: dict[str, dict[str, None]] = field(default_factory=dict)
    words: dict[str, set[str]] = field(default_factory=dict)
    wholes: set[str] = field(default_factory=set)

    def read(self, target: str, term: ExpressionNode) -> None:
        """Note what a value is made of."""
        self.values.setdefault(target, {}).update(dict.fromkeys(sorted(reads(term))))
        self.decide(target, tests(term))
        if is_whole(term):
            self.wholes |= reads(term)

    def decide(self, target: str, paths: Iterable[str]) -> None:
        """Note what decides about a value."""
        if sorted_paths := dict.fromkeys(sorted(paths)):
            self.tests.setdefault(target, {}).update(sorted_paths)


def trace(document: MappingTemplate) -> Trace:
    """Trace one document."""
    notes = Trace()
    for loop in document.loops:
        notes.decide(document.target, reads(loop.over) | tests(loop.over))
    if document.when is not None:
        notes.decide(document.target, reads(document.when) | tests(document.when))
    _walk(document.make, document.target, notes)
    return notes


def lineage(notes: Trace) -> Paths:
    """The lineage of a trace: target path to the source paths its value is made of."""
    return {target: tuple(sources) for target, sources in notes.values.items() if sources}


def reach(world: World, source: str, traces: Iterable[Trace]) -> dict[str, tuple[str, ...]]:
    """Give, for each leaf of a source, the targets that are made of it or decided by it.

    A link is read when anything behind it is, and a case's client, which its mappings read as a root of its
    own, when anything of that root is.
    """
    readers: dict[str, set[str]] = {}
    wholes: set[str] = set()
    for notes in traces:
        wholes |= notes.wholes
        for by_target in (notes.values, notes.tests):
            for target, paths_read in by_target.items():
                for path in paths_read:
                    for step in _steps(path):
                        readers.setdefault(step, set()).add(target)
    roots = world.sources[source]
    targets_of: dict[str, tuple[str, ...]] = {}
    for path in _leaves(world, source):
        above = [step for step in _steps(path) if step in wholes]
        root = path.partition(".")[2]
        targets = set().union(*(readers.get(step, set()) for step in [path, *above]))
        targets_of[path] = tuple(sorted(targets or (readers.get(root, set()) if root in roots else set())))
    return targets_of


def unread_leaves(world: World, source: str, traces: Iterable[Trace]) -> list[str]:
    """The leaves of a source that no mapping reads."""
    return [path for path, targets in reach(world, source, traces).items() if not targets]


def _steps(path: str) -> list[str]:
    """A path and all that it leads through."""
    steps = path.split(".")
    return [".".join(steps[:count]) for count in range(1, len(steps) + 1)]


def _leaves(world: World, source: str) -> Iterator[str]:
    roots = world.sources[source]
    for name in [source] if source in roots else list(roots):
        shape: Shape = world.root(source, name)
        yield from paths(shape, name)


def _walk(template: Template, target: str, notes: Trace) -> None:
    match template:
        case Value(term=term):
            notes.read(target, term)
            if systems := set(_displayed_systems(term)):
                notes.words.setdefault(target, set()).update(systems)
        case TextLeaf(parts=parts):
            for part in parts:
                if not isinstance(part, str):
                    notes.read(target, part)
        case Object(entries=entries):
            _all([(f"{target}.{key}", entry) for key, entry in entries], notes)
        case Items(items=items) | Markup(parts=items):
            _all([(target, item) for item in items], notes)
        case Block(loops=loops, test=test, make=make):
            for term in [*(loop.over for loop in loops), *([test] if test is not None else [])]:
                notes.decide(target, reads(term) | tests(term))
            _walk(make, target, notes)


def _displayed_systems(term: ExpressionNode) -> Iterator[str]:
    """The code systems whose displays a term may be, a `let` looked through."""
    if isinstance(term, Filtered) and term.name == "display":
        yield str(term.arguments[0])
    elif isinstance(term, Lookup) and not term.steps and term.base.value is not None:
        yield from _displayed_systems(term.base.value)
    else:
        for child in children(term):
            yield from _displayed_systems(child)


def _all(entries: Iterable[tuple[str, Template]], notes: Trace) -> None:
    for target, template in entries:
        _walk(template, target, notes)
