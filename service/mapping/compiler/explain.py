"""Where each element of a resource comes from: the mappings run again, and note what they put where."""

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from service.mapping.compiler.compile import Sink, Writer, compiled_function
from service.mapping.compiler.templates import (
    Block,
    Items,
    Literal,
    Loop,
    MappingTemplate,
    Object,
    Template,
    terms,
)
from service.mapping.language.checks import TERMINOLOGY
from service.mapping.language.expression_nodes import (
    Constant,
    ExpressionNode,
    Filtered,
    Lookup,
    Variable,
    children,
    reads,
    tests,
)
from service.mapping.terminology.concepts import Terminology
from service.wire.yaml import Mark

_STEP = re.compile(r"[^.\[\]]+")


@dataclass(frozen=True, slots=True)
class CodeLookup:
    """A code that a filter looks up in the table of a name: one of the source at a path, or a fixed one."""

    filter_name: str
    table: str
    source: str
    code: str


@dataclass(frozen=True, slots=True)
class Origin:
    """Where an element comes from: the place and text of the leaf, and paths of the source.

    `sources` are what its value is made of, `conditions` what decides whether it is made, `coded` the codes
    that are looked up for it.
    """

    mark: Mark
    rule: str
    sources: tuple[str, ...]
    conditions: tuple[str, ...]
    coded: tuple[CodeLookup, ...] = ()


@dataclass(frozen=True, slots=True)
class Explained:
    """A resource as its mapping made it, and the origins of its elements by their paths."""

    resource: Any
    origins: dict[str, Origin]


@dataclass(frozen=True, slots=True)
class _Note:
    """What a statement puts: its template, the loops around it, and what decides about it."""

    template: Template
    loops: tuple[Variable, ...]
    conditions: frozenset[str]


@dataclass(frozen=True, slots=True)
class Explainer:
    """A document that notes what it puts where."""

    project: Any
    notes: tuple[_Note, ...]

    def run(self, roots: Mapping[str, Any]) -> list[Explained]:
        """Explain each resource that is made of a source; raises what the mapping itself raises."""
        marks: list[tuple[Any, Any, int, tuple[int, ...]]] = []

        def mark(container: Any, key: str | None, number: int, indexes: tuple[int, ...]) -> None:
            marks.append((container, len(container) - 1 if key is None else key, number, indexes))

        resources: list[Any] = []
        self.project(dict(roots), resources, mark)
        notes_by_place = {(id(container), key): (number, at) for container, key, number, at in marks}
        return [
            Explained(resource, dict(self._origins(resources, index, "", notes_by_place)))
            for index, resource in enumerate(resources)
        ]

    def _origins(
        self,
        container: Any,
        key: Any,
        path: str,
        notes_by_place: dict[tuple[int, Any], tuple[int, tuple[int, ...]]],
    ) -> Iterator[tuple[str, Origin]]:
        value = container[key]
        noted = notes_by_place.get((id(container), key))
        if noted is not None and path:
            note, indexes = self.notes[noted[0]], noted[1]
            if (origin := _origin(note, indexes)) is not None:
                yield path, origin
        for below in (
            value if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ()
        ):
            step = f"[{below}]" if isinstance(value, list) else f".{below}" if path else below
            yield from self._origins(value, below, f"{path}{step}", notes_by_place)


def explainer(document: MappingTemplate, terminology: Terminology) -> Explainer:
    """Compile a document so that it notes what it puts where."""
    writer = _Noting(document, terminology)
    compiled = compiled_function(writer, document, enumerate=enumerate)
    return Explainer(compiled.project, tuple(writer.notes))


def nearest_origin(path: str, origins: Mapping[str, Origin]) -> tuple[str, Origin] | None:
    """The origin of a path: its own, or that of what it stands in."""
    while path:
        if path in origins:
            return path, origins[path]
        path = path[: max(path.rfind("."), path.rfind("["), 0)]
    return None


def value_at(path: str, root: Any) -> Any:
    """The value at a path like `case.plan.goals[1].description`; of a list without an index, of each item."""
    values = [root]
    for step in _STEP.findall(path):
        if step.isdigit():
            values = [
                value[int(step)] for value in values if isinstance(value, list) and int(step) < len(value)
            ]
            continue
        spread = [item for value in values for item in (value if isinstance(value, list) else (value,))]
        values = [item[step] for item in spread if isinstance(item, dict) and item.get(step) is not None]
    return values[0] if len(values) == 1 else (values or None)


class _Noting(Writer):
    """Writes a document whose every put is noted, with the turns of the loops around it."""

    def __init__(self, document: MappingTemplate, terminology: Terminology) -> None:
        super().__init__(document, terminology)
        self.notes: list[_Note] = []
        self.around: list[Variable] = []
        self.deciding: list[ExpressionNode] = [document.when] if document.when is not None else []

    def whole(self) -> None:
        super().whole()
        self.lines[0] = "def project(roots, out, mark):"

    def place(self, sink: Sink, code: str, template: Template) -> None:
        super().place(sink, code, template)
        turns = "".join(f"{variable.python}_, " for variable in self.around)
        self.line(f"mark({sink.name}, {sink.key!r}, {len(self.notes)}, ({turns}))")
        decided = {path for term in self.deciding for path in reads(term) | tests(term)}
        self.notes.append(_Note(template, tuple(self.around), frozenset(decided)))

    def ready(self, template: Template) -> str | None:
        return super().ready(template) if isinstance(template, Literal) else None

    def head(self, _template: Template) -> str | None:
        return None

    def over(self, variable: Variable, items: str) -> str:
        return f"for {variable.python}_, {variable.python} in enumerate({items}):"

    @contextmanager
    def loops(self, loops: tuple[Loop, ...]) -> Iterator[None]:
        with super().loops(loops):
            self.around += [loop.variable for loop in loops]
            yield
            del self.around[len(self.around) - len(loops) :]

    def block(self, block: Block, sink: Sink, target: str) -> None:
        self.deciding += [block.test] if block.test is not None else []
        super().block(block, sink, target)
        if block.test is not None:
            self.deciding.pop()


def _origin(note: _Note, indexes: tuple[int, ...]) -> Origin | None:
    template = note.template
    if isinstance(template, Object | Items | Block):
        return None
    turns = {variable.path: index for variable, index in zip(note.loops, indexes, strict=True)}
    if isinstance(template, Literal):
        return Origin(
            template.mark or Mark(""), str(template.value), (), _indexed_paths(note.conditions, turns)
        )
    expressions = list(terms(template))
    sources = {path for term in expressions for path in reads(term)}
    conditions = note.conditions | {path for term in expressions for path in tests(term)}
    rule = getattr(template, "text", "$xhtml")
    coded = tuple(lookup for term in expressions for lookup in _coded_lookups(term, turns))
    return Origin(
        template.mark,
        rule,
        _indexed_paths(sources, turns),
        _indexed_paths(conditions - sources, turns),
        coded,
    )


def _coded_lookups(term: ExpressionNode, turns: dict[str, int]) -> Iterator[CodeLookup]:
    """The codes that a term looks up, also by the `let`s that it names."""
    if isinstance(term, Lookup) and term.base.value is not None:
        yield from _coded_lookups(term.base.value, turns)
    if isinstance(term, Filtered) and term.name in TERMINOLOGY:
        table, subject = str(term.arguments[0]), term.subject
        if isinstance(subject, Constant):
            yield CodeLookup(term.name, table, "", str(subject.value))
        for path in _indexed_paths(reads(subject), turns):
            yield CodeLookup(term.name, table, path, "")
    for child in children(term):
        yield from _coded_lookups(child, turns)


def _indexed_paths(paths: frozenset[str] | set[str], turns: dict[str, int]) -> tuple[str, ...]:
    """Paths with the index of each item that a loop was at."""
    return tuple(_indexed_path(path, turns) for path in sorted(paths))


def _indexed_path(path: str, turns: dict[str, int]) -> str:
    steps, with_indexes = path.split("."), ""
    for count in range(1, len(steps) + 1):
        with_indexes += ("." if with_indexes else "") + steps[count - 1]
        at = turns.get(".".join(steps[:count]))
        with_indexes += f"[{at}]" if at is not None else ""
    return with_indexes
