"""Writes terms as Python; only constants by `repr` and names made here reach the generated text."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from service.mapping.language.checks import MARKED, TERMINOLOGY, giver
from service.mapping.language.expression_nodes import (
    Choice,
    Comparison,
    Constant,
    ExpressionNode,
    Filtered,
    Joined,
    Logic,
    Lookup,
    Presence,
    Variable,
    is_whole,
    lookups,
)
from service.mapping.language.fhirpath import compile_expression
from service.mapping.language.filters import FILTERS, codeable, coding, translate
from service.mapping.language.runtime import present, text
from service.mapping.language.types import BOOLEAN, LIST, OBJECT, TEXT
from service.mapping.terminology.concepts import Terminology
from service.values.ids import resource_id

Steps = tuple[str | int, ...]
_BY_ORDER = {
    "<": "below({0}, {1})",
    "<=": "most({0}, {1})",
    ">": "below({1}, {0})",
    ">=": "most({1}, {0})",
}


@dataclass(slots=True)
class Names:
    """Names of the generated text: temporaries, tables, and the containers that lookups share."""

    terminology: Terminology
    containers: dict[Variable, dict[Steps, str]] = field(default_factory=dict)
    tables: dict[tuple[bool | str, str], str] = field(default_factory=dict)
    values: dict[str, Any] = field(default_factory=dict)
    count: int = 0

    def fresh(self, letter: str) -> str:
        """A new name."""
        self.count += 1
        return f"{letter}{self.count}"

    def plan(self, terms: Iterable[ExpressionNode]) -> None:
        """Note every object that lookups go through, so that each is fetched once where its base is bound."""
        for term in terms:
            for lookup in lookups(term):
                containers = self.containers.setdefault(lookup.base, {})
                for count in range(1, len(lookup.steps)):
                    if lookup.steps[:count] not in containers:
                        containers[lookup.steps[:count]] = self.fresh("c")

    def table(self, filter_name: str, name: str) -> str:
        """The name of the table of a terminology filter."""
        key = (filter_name, name)
        if key not in self.tables:
            self.tables[key] = self.fresh("k")
            give = giver(self.terminology, filter_name, name)
            make = self.terminology.translation if filter_name == "translate" else self.terminology.table
            table = make(name, give)
            self.values[self.tables[key]] = table
        return self.tables[key]

    def expression(self, text: str) -> str:
        """The name of a compiled FHIRPath expression."""
        name = self.fresh("p")
        self.values[name] = compile_expression(text)
        return name

    def bindings(self, variable: Variable) -> list[str]:
        """The lines that fetch what lookups from a variable go through."""
        containers = self.containers.get(variable, {})
        return [
            f"{containers[steps]} = {self._fetch(variable, steps)} or E"
            for steps in sorted(containers, key=len)
        ]

    def code(self, term: ExpressionNode) -> str:
        """A term as a Python expression."""
        match term:
            case Constant(value=value):
                return constant(value)
            case Lookup():
                return self._lookup(term)
            case Filtered():
                return self._filter_code(term)
            case Presence(subject=subject, present=is_present):
                return self.presence(subject) if is_present else f"(not {self.presence(subject)})"
            case Comparison():
                return self._comparison(term)
            case Logic(operator="not", operands=(only,)):
                return f"(not {self.code(only)})"
            case Logic(operator=operator, operands=operands):
                return "(" + f" {operator} ".join(self.code(operand) for operand in operands) + ")"
            case Joined(parts=parts):
                return self._join_code(parts)
            case Choice(test=test, then=then, other=other):
                return f"({self.code(then)} if {self.code(test)} else {self.code(other)})"

    def made(self, term: ExpressionNode) -> str:
        """A term as what may be given out: parts of the source are pruned and copied."""
        return f"whole({self.code(term)})" if is_whole(term) else self.code(term)

    def presence(self, term: ExpressionNode) -> str:
        """Whether a term is present."""
        code = self.code(term)
        return f"bool({code})" if term.shape.kind in {TEXT, OBJECT, LIST} else f"present({code})"

    def text_code(self, term: ExpressionNode) -> str:
        """A term as text, '' when absent."""
        return f"({self.code(term)} or '')" if term.shape.kind == TEXT else f"text({self.code(term)})"

    def markup(self, term: ExpressionNode) -> str:
        """A term as content of markup, '' when absent; what `display` gives is marked with its concept."""
        if isinstance(term, Filtered) and term.name == "display":
            return f"({self.table(MARKED, term.arguments[0])}[{self.code(term.subject)}] or '')"
        return f"escape_xml({self.code(term)})"

    def _fetch(self, base: Variable, steps: Steps) -> str:
        parent = self.containers.get(base, {}).get(steps[:-1]) if len(steps) > 1 else base.python
        last = steps[-1]
        return f"item({parent}, {last})" if isinstance(last, int) else f"{parent}.get({last!r})"

    def _lookup(self, term: Lookup) -> str:
        if not term.steps:
            return term.base.python
        return self.containers.get(term.base, {}).get(term.steps) or self._fetch(term.base, term.steps)

    def _filter_code(self, term: Filtered) -> str:
        if term.name in {"id", "reference"} and isinstance(term.subject, Lookup):
            return self._identity(term, term.subject)
        subject = self.code(term.subject)
        if term.name in TERMINOLOGY:
            table = self.table(term.name, term.arguments[0])
            plain = term.name in {"concept", "display"}
            return f"{table}[{subject}]" if plain else f"{term.name}({subject}, {table})"
        if term.name == "fhirpath":
            return f"f_fhirpath({subject}, {self.expression(term.arguments[0])})"
        if term.name == "date":
            return f"({subject} or '')[:10]"
        arguments = ", ".join([subject, *(constant(argument) for argument in term.arguments)])
        return f"f_{term.name}({arguments})"

    def _identity(self, term: Filtered, subject: Lookup) -> str:
        owner = subject.owner
        uuid = f"{self.code(owner)}['uuid']" if owner is not None else "''"
        here = self.code(subject)
        guard = "" if not subject.steps and subject.base.loop else f" if {here} else None"
        if subject.shape.owner == "self":
            key = "''"
        elif subject.shape.kind == OBJECT:
            key = f"{here}['id']"
        else:
            key = here if not guard else self.fresh("t")
            guard = f" if ({key} := {here}) else None" if guard else ""
        identity = f"rid({uuid}, {term.arguments[0]!r}, {key})"
        if term.name == "reference":
            identity = f"{{'reference': {term.arguments[0] + '/'!r} + {identity}}}"
        return f"({identity}{guard})" if guard else identity

    def _comparison(self, term: Comparison) -> str:
        left, right = term.left, term.right
        if term.operator == "in" and isinstance(right, Constant):
            listed = "".join(f"{constant(value)}, " for value in right.value if present(value))
            return f"({self.code(left)} in ({listed}))"
        if term.operator == "in":
            return f"among({self.code(left)}, {self.code(right)})"
        if term.operator != "==":
            return _BY_ORDER[term.operator].format(self.code(left), self.code(right))
        if isinstance(left, Constant):
            left, right = right, left
        if isinstance(right, Constant):
            if not present(right.value):
                return f"(not {self.presence(left)})"
            return f"({self.code(left)} == {constant(right.value)})"
        return f"equal({self.code(left)}, {self.code(right)})"

    def _join_code(self, parts: tuple[ExpressionNode, ...]) -> str:
        variable_parts = [part for part in parts if not isinstance(part, Constant)]
        if len(variable_parts) == 1:
            name = self.fresh("t")
            written = [repr(text(p.value)) if isinstance(p, Constant) else name for p in parts]
            return f"({' + '.join(written)} if ({name} := {self.text_code(variable_parts[0])}) else None)"
        values = "".join(f"{self.code(part)}, " for part in parts if not isinstance(part, Constant))
        template = "".join(f"{text(p.value)!r}, " if isinstance(p, Constant) else "None, " for p in parts)
        return f"join_template(({values}), ({template}))" if values else repr("".join(_texts(parts)))


def constant(value: Any) -> str:
    """A constant as Python writes it."""
    if isinstance(value, Decimal):
        return f"Decimal({str(value)!r})"
    if isinstance(value, list):
        return "[" + ", ".join(constant(item) for item in value) + "]"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key!r}: {constant(item)}" for key, item in value.items()) + "}"
    if value is None or isinstance(value, bool | int | str):
        return repr(value)
    raise TypeError("not a constant of the language")


def never_absent(term: ExpressionNode) -> bool:
    """Whether a term always has a value: the id of the item of a loop, or a constant."""
    match term:
        case Constant(value=value):
            return present(value)
        case Filtered(name="id" | "reference", subject=Lookup(steps=(), base=base)):
            return base.loop
        case _:
            return False


def present_test(kind: str, name: str) -> str:
    """The condition that a value of a kind is present."""
    if kind in {TEXT, OBJECT, LIST}:
        return name
    return f"{name} is not None" if kind == BOOLEAN else f"{name} or {name} == 0"


def _texts(parts: tuple[ExpressionNode, ...]) -> list[str]:
    return [text(part.value) for part in parts if isinstance(part, Constant)]


FUNCTIONS: dict[str, Any] = {
    "Decimal": Decimal,
    "rid": resource_id,
    "coding": coding,
    "translate": translate,
    "codeable": codeable,
    **{f"f_{name}": definition.function for name, definition in FILTERS.items()},
}
