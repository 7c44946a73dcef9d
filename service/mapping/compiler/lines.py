"""Writes the statements of generated text, each with what it is for: loops, conditions and bindings."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from service.mapping.compiler.pythonic import Names, present_test
from service.mapping.compiler.templates import Loop
from service.mapping.language import runtime
from service.mapping.language.expression_nodes import ExpressionNode, Variable
from service.mapping.language.types import ANY
from service.wire.yaml import Mark


@dataclass(frozen=True, slots=True)
class Line:
    """What a generated line is for: a place in the mapping, a target path, and the term it evaluates."""

    mark: Mark
    target: str
    term: ExpressionNode | None


@dataclass(slots=True)
class Lines:
    """Generated lines and, beside each, what it is for."""

    names: Names
    info: Line
    lines: list[str] = field(default_factory=list)
    infos: list[Line] = field(default_factory=list)
    depth: int = 0

    def line(self, code: str) -> None:
        """Write one statement."""
        self.lines.append(" " * self.depth + code)
        self.infos.append(self.info)

    @contextmanager
    def inside(self, head: str) -> Iterator[None]:
        """What is written inside stands under the head."""
        self.line(head)
        self.depth += 1
        yield
        self.depth -= 1

    def closed(self) -> None:
        """End a block, also when nothing stands in it."""
        if self.lines[-1].endswith(":"):
            self.line("pass")

    @contextmanager
    def about(self, mark: Mark, target: str, term: ExpressionNode | None) -> Iterator[None]:
        """What is written inside is for this place, target and term."""
        before, self.info = self.info, Line(mark, target, term)
        yield
        self.info = before

    def spend(self, items: str) -> None:
        """Count the turns of loops that do not go over parts of one another."""
        start = f" n = {runtime.LOOP_LIMIT}"
        if self.lines[1] != start:
            self.lines.insert(1, start)
            self.infos.insert(1, self.infos[0])
        self.line(f"n -= len({items})")
        with self.inside("if n < 0:"):
            self.line("raise TooMuch")

    def bind(self, variable: Variable) -> None:
        """Fetch what lookups from a variable go through, once it has its value."""
        for binding in self.names.bindings(variable):
            self.line(binding)

    @contextmanager
    def loops(self, loops: tuple[Loop, ...]) -> Iterator[None]:
        """What is written inside is done for each item."""
        before = self.depth
        for loop in loops:
            with self.about(loop.mark, self.info.target, loop.over):
                self.loop(loop)
        yield
        self.closed()
        self.depth = before

    def loop(self, loop: Loop) -> None:
        """The head of one loop; absent items are passed over."""
        over, variable = self.names.code(loop.over), loop.variable
        if loop.over.shape.kind == ANY:
            over = f"as_list({over})"
        if loop.crosses:
            items = self.names.fresh("s")
            self.line(f"{items} = {over} or ()")
            self.spend(items)
            self.line(self.over(variable, items))
        else:
            self.line(self.over(variable, f"{over} or ()"))
        self.depth += 1
        with self.inside(f"if not ({present_test(variable.shape.kind, variable.python)}):"):
            self.line("continue")
        self.bind(variable)

    def over(self, variable: Variable, items: str) -> str:
        """The statement that goes over items."""
        return f"for {variable.python} in {items}:"

    @contextmanager
    def when(self, test: ExpressionNode | None) -> Iterator[None]:
        """What is written inside is done only when the test holds."""
        if test is None:
            yield
            return
        with self.inside(f"if {self.names.code(test)}:"):
            yield
            self.closed()
