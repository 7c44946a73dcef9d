"""Compiles a mapping document to one generated Python function whose lines know what they are for."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from service.mapping.compiler.inline import inline, is_fixed, is_nothing, mark_of, term_of
from service.mapping.compiler.lines import Line, Lines
from service.mapping.compiler.pythonic import FUNCTIONS, Names, present_test
from service.mapping.compiler.templates import (
    Block,
    Items,
    Literal,
    MappingTemplate,
    Markup,
    Object,
    Template,
    TextLeaf,
    Value,
    terms,
)
from service.mapping.language import runtime
from service.mapping.language.expression_nodes import ExpressionNode, Lookup, Variable, children
from service.mapping.language.narrative import ends_in_tag
from service.mapping.language.runtime import present
from service.mapping.terminology.concepts import Terminology
from service.wire.yaml import InvalidYaml

Project = Callable[[dict[str, Any], list[Any]], None]
_RUNTIME = (
    "text",
    "present",
    "join_template",
    "whole",
    "item",
    "equal",
    "below",
    "most",
    "among",
    "escape_xml",
    "TooMuch",
)


@dataclass(frozen=True, slots=True)
class Compiled:
    """A generated function, its text and what each of its lines is for."""

    project: Project
    text: str
    lines: tuple[Line, ...]


@dataclass(frozen=True, slots=True)
class Sink:
    """Where a value goes: under a key of a map, or (key None) behind the items of a list."""

    name: str
    key: str | None = None

    def put(self, code: str) -> str:
        """The statement that puts a value there."""
        return f"{self.name}.append({code})" if self.key is None else f"{self.name}[{self.key!r}] = {code}"


def compile_document(document: MappingTemplate, terminology: Terminology) -> Compiled:
    """Generate and compile the function of a document.

    Raises:
        InvalidYaml: Python cannot compile it (it is nested too deep).
    """
    return compiled_function(Writer(document, terminology), document)


def compiled_function(writer: "Writer", document: MappingTemplate, **extra: Any) -> Compiled:
    """Let a writer write and Python compile; `extra` are names for the text. Raises as `compile_document`."""
    writer.whole()
    code = "\n".join(writer.lines)
    values = {name: getattr(runtime, name) for name in _RUNTIME} | FUNCTIONS | writer.names.values
    values |= {"E": runtime.EMPTY, "__builtins__": {"bool": bool, "len": len}, **extra}
    try:
        exec(compile(code, _file_name(document), "exec"), values)  # noqa: S102 - text of our own making
    except (SyntaxError, RecursionError, MemoryError, OverflowError) as error:
        raise InvalidYaml("nested too deep to be compiled; make it flatter", document.mark) from error
    return Compiled(values["project"], code, tuple(writer.infos))


def _file_name(document: MappingTemplate) -> str:
    return f"<mapping {document.name}>"


class Writer(Lines):
    """Writes one document."""

    def __init__(self, document: MappingTemplate, terminology: Terminology) -> None:
        """Take what is written and the tables it looks codes up in."""
        super().__init__(Names(terminology), Line(document.mark, document.target, None))
        self.document = document

    def whole(self) -> None:
        """Write the whole function."""
        document = self.document
        used = self.lets()
        heads = [loop.over for loop in document.loops] + [let.value for let in used if let.value is not None]
        heads += [document.when] if document.when is not None else []
        everything = [*heads, *terms(document.make)]
        self.names.plan(everything)
        with self.inside("def project(roots, out):"):
            for name, variable in document.roots.items():
                self.line(f"{variable.python} = roots.get({name!r}) or E")
                self.bind(variable)
            with self.loops(document.loops):
                early = self.needed([document.when] if document.when is not None else [])
                for let in (let for let in used if let in early):
                    self.let(let)
                with self.when(document.when):
                    for let in (let for let in used if let not in early):
                        self.let(let)
                    self.put(document.make, Sink("out"), document.target)

    def lets(self) -> list[Variable]:
        """The lets something uses, in order."""
        wanted = [*terms(self.document.make), *(loop.over for loop in self.document.loops)]
        wanted += [self.document.when] if self.document.when is not None else []
        needed = self.needed(wanted)
        return [let for let in self.document.lets if let in needed]

    def needed(self, wanted: list[ExpressionNode]) -> set[Variable]:
        """The lets behind terms."""
        lets: set[Variable] = set()
        while wanted:
            term = wanted.pop()
            wanted += children(term)
            if isinstance(term, Lookup):
                owner = term.owner
                bases = [term.base, *([owner.base] if isinstance(owner, Lookup) else [])]
                for base in bases:
                    if base.value is not None and base not in lets:
                        lets.add(base)
                        wanted.append(base.value)
        return lets

    def let(self, let: Variable) -> None:
        """Evaluate a let where it is first in reach."""
        if let.value is None:
            return
        spare = " or E" if self.names.containers.get(let) or let.shape.kind == "object" else ""
        with self.about(self.document.mark, self.document.target, let.value):
            self.line(f"{let.python} = {self.names.code(let.value)}{spare}")
        self.bind(let)

    def put(self, template: Template, sink: Sink, target: str) -> None:
        """Write the statements that put what a template makes into a sink, when it is present."""
        spliced = isinstance(template, Items) and sink.key is None
        if not spliced and (ready := self.ready(template)) is not None:
            with self.about(mark_of(template, self.info.mark), target, term_of(template)):
                self.place(sink, ready, template)
            return
        match template:
            case Value(term=term, mark=mark):
                with self.about(mark, target, term):
                    self.value(template, sink)
            case TextLeaf():
                self.text(template, sink, target)
            case Object():
                self.map(template, sink, target)
            case Items(items=items):
                self.items(template, lambda inner: self.put_all(items, inner, target), sink)
            case Block() if sink.key is not None and template.loops:
                self.items(template, lambda inner: self.block(template, inner, target), sink)
            case Block():
                self.block(template, sink, target)
            case Markup():
                self.markup(template, sink, target)

    def place(self, sink: Sink, code: str, _template: Template) -> None:
        """Put what a template made where it goes."""
        self.line(sink.put(code))

    def ready(self, template: Template) -> str | None:
        """A template that is always present as one expression."""
        return inline(template, self.names)

    def put_all(self, items: tuple[Template, ...], sink: Sink, target: str) -> None:
        """Put the items of a list one after the other."""
        for item in items:
            self.put(item, sink, target)

    def value(self, template: Value, sink: Sink) -> None:
        """A typed value."""
        term, name = template.term, self.names.fresh("t")
        self.line(f"{name} = {self.names.made(term)}")
        with self.inside(f"if {present_test(term.shape.kind, name)}:"):
            self.place(sink, name, template)

    def text(self, template: TextLeaf, sink: Sink, target: str) -> None:
        """Text of parts."""
        codes, tests = [], []
        for part in template.parts:
            if isinstance(part, str):
                codes.append(repr(part))
                continue
            name = self.names.fresh("t")
            with self.about(template.mark, target, part):
                self.line(f"{name} = {self.names.text_code(part)}")
            tests += [] if is_fixed(part) else [name]
            codes.append(name)
        with self.about(template.mark, target, None), self.inside(f"if {' or '.join(tests) or 'True'}:"):
            name = self.names.fresh("t")
            self.line(f"{name} = ({' + '.join(codes)}).strip()")
            with self.inside(f"if {name}:"):
                self.place(sink, name, template)

    def map(self, template: Object, sink: Sink, target: str) -> None:
        """A map: what is always present is written at once, the rest key by key."""
        name = self.names.fresh("d")
        rest = [(key, entry) for key, entry in template.entries if not is_nothing(entry)]
        head = []
        while rest and (code := self.head(rest[0][1])) is not None:
            head.append(f"{rest.pop(0)[0]!r}: {code}")
        self.line(f"{name} = {{{', '.join(head)}}}")
        for key, entry in rest:
            self.put(entry, Sink(name, key), f"{target}.{key}")
        if head:
            self.place(sink, name, template)
            return
        with self.inside(f"if {name}:"):
            self.place(sink, name, template)

    def head(self, template: Template) -> str | None:
        """A template as it can stand in a map from the start."""
        return self.ready(template)

    def items(self, template: Template, fill: Callable[[Sink], None], sink: Sink) -> None:
        """A list of its own under a key; within a list, its items go where the list's do."""
        if sink.key is None:
            fill(sink)
            return
        name = self.names.fresh("l")
        self.line(f"{name} = []")
        fill(Sink(name))
        with self.inside(f"if {name}:"):
            self.place(sink, name, template)

    def block(self, block: Block, sink: Sink, target: str) -> None:
        """What is made for each item, or only if."""
        with self.about(block.mark, target, block.test), self.loops(block.loops), self.when(block.test):
            self.put(block.make, sink, target)

    def markup(self, markup: Markup, sink: Sink, target: str) -> None:
        """Parts of markup, joined."""
        name = self.names.fresh("x")
        self.line(f"{name} = []")
        for part in markup.parts:
            self.mark(part, name, target)
        with self.inside(f"if {name}:"):
            self.place(sink, f"''.join({name})", markup)

    def mark(self, part: Template, name: str, target: str) -> None:
        """One part of markup: literals as they are, expressions escaped."""
        match part:
            case Literal(value=value):
                if present(value):
                    self.line(f"{name}.append({runtime.text(value)!r})")
            case TextLeaf():
                self.write_markup(part, name, target)
            case Items(items=items):
                for item in items:
                    self.mark(item, name, target)
            case Block():
                with self.about(part.mark, target, part.test), self.loops(part.loops), self.when(part.test):
                    self.mark(part.make, name, target)
            case _:
                raise InvalidYaml("in $xhtml stand text, $each and $if", self.info.mark)

    def write_markup(self, template: TextLeaf, name: str, target: str) -> None:
        """A part of markup with expressions."""
        codes, tests, in_tag = [], [], False
        for part in template.parts:
            if isinstance(part, str):
                in_tag = ends_in_tag(part, in_tag)
                codes.append(repr(part))
                continue
            text_name = self.names.fresh("t")
            with self.about(template.mark, target, part):
                code = f"escape_xml({self.names.code(part)})" if in_tag else self.names.markup(part)
                self.line(f"{text_name} = {code}")
            tests += [] if is_fixed(part) else [text_name]
            codes.append(text_name)
        with self.inside(f"if {' or '.join(tests) or 'True'}:"):
            self.line(f"{name}.append({' + '.join(codes)})")
