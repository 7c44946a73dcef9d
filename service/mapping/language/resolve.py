"""Turns parsed expressions into typed terms: every name is checked against the source's schema."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from jinja2 import nodes

from service.mapping.files.expressions import DEPTH_LIMIT, Parsed
from service.mapping.files.findings import nearest
from service.mapping.language.checks import (
    TERMINOLOGY,
    check_codes,
    check_compared,
    check_fhirpath,
    check_identity,
    spoken_kind,
)
from service.mapping.language.expression_nodes import (
    IDENTITIES,
    Choice,
    Comparison,
    Constant,
    ExpressionNode,
    Filtered,
    Joined,
    Logic,
    Lookup,
    Presence,
    children,
)
from service.mapping.language.filters import FILTERS
from service.mapping.language.names import Namespace
from service.mapping.language.types import ANY, BOOLEAN, LIST, OBJECT, TEXT
from service.wire.yaml import InvalidYaml

WEIGHT_LIMIT = 2_000
_ORDER = {"lt": "<", "lteq": "<=", "gt": ">", "gteq": ">="}


def resolve(parsed: Parsed, namespace: Namespace) -> ExpressionNode:
    """Give the typed term of an expression.

    Raises:
        InvalidYaml: a name is unknown, a construct is not of the language, or the kinds do not fit.
    """
    term = _Resolver(parsed, namespace).term(parsed.node, 0)
    if weight(term) > WEIGHT_LIMIT:
        raise InvalidYaml(
            "this expression, with the `let`s it uses, grows too large; say it in fewer parts", parsed.at()
        )
    return term


def weight(term: ExpressionNode) -> int:
    """How much a term can print, counted in its parts and those of the `let`s it uses."""
    if isinstance(term, Lookup):
        return term.base.weight
    return 1 + sum(weight(child) for child in children(term))


@dataclass(frozen=True, slots=True)
class _Resolver:
    parsed: Parsed
    namespace: Namespace

    def term(self, node: nodes.Node, depth: int) -> ExpressionNode:
        if depth > DEPTH_LIMIT:
            raise InvalidYaml(
                f"nested more than {DEPTH_LIMIT} deep; take a part of it into `let`", self.parsed.at()
            )
        makers: dict[type[nodes.Node], Callable[[Any, int], ExpressionNode]] = {
            nodes.Const: self.constant,
            nodes.Neg: self.negative,
            nodes.Name: self.name,
            nodes.Getattr: self.key,
            nodes.Getitem: self.position,
            nodes.Filter: self.filter,
            nodes.Test: self.test,
            nodes.Compare: self.comparison,
            nodes.And: self.logic,
            nodes.Or: self.logic,
            nodes.Not: self.logic,
            nodes.Concat: self.concat,
            nodes.CondExpr: self.choice,
        }
        make = makers.get(type(node))
        if make is None:
            raise self.wrong(f"{_node_text(node)} is not taken in an expression", node)
        return make(node, depth + 1)

    def wrong(self, what: str, node: nodes.Node) -> InvalidYaml:
        return InvalidYaml(what, self.parsed.at(node))

    def constant(self, node: nodes.Const, _depth: int) -> ExpressionNode:
        value = self.parsed.constant(node)
        kind = BOOLEAN if isinstance(value, bool) else TEXT if isinstance(value, str) else "number"
        return Constant(value, self.namespace.world.scalar(ANY if value is None else kind))

    def negative(self, node: nodes.Neg, _depth: int) -> ExpressionNode:
        inner = node.node
        if (
            isinstance(inner, nodes.Const)
            and isinstance(inner.value, int | float)
            and not isinstance(inner.value, bool)
        ):
            return Constant(-self.parsed.constant(inner), self.namespace.world.scalar("number"))
        raise self.wrong("arithmetic is not taken in an expression", node)

    def name(self, node: nodes.Name, _depth: int) -> ExpressionNode:
        variable = self.namespace.names.get(node.name)
        if variable is None:
            raise self.wrong(
                self.namespace.unknown_name_message(node.name, "", list(self.namespace.names)), node
            )
        if variable.value is not None and not variable.python:
            return variable.value
        return Lookup(variable, (), (), self.namespace.roots)

    def key(self, node: nodes.Getattr, depth: int) -> ExpressionNode:
        return self.step(self.term(node.node, depth), node.attr, node)

    def position(self, node: nodes.Getitem, depth: int) -> ExpressionNode:
        if not isinstance(node.arg, nodes.Const) or not isinstance(node.arg.value, str | int):
            raise self.wrong("in [ ] stands one key or one position, as a constant", node)
        subject = self.term(node.node, depth)
        if isinstance(node.arg.value, str):
            return self.step(subject, node.arg.value, node)
        if len(str(node.arg.value)) > 6:
            raise self.wrong("a position has at most 6 digits", node)
        return self.at(subject, int(node.arg.value), node)

    def step(self, subject: ExpressionNode, key: str, node: nodes.Node) -> ExpressionNode:
        """The value under a key; of a choice, that of what is chosen."""
        if isinstance(subject, Choice):
            then, other = self.step(subject.then, key, node), self.step(subject.other, key, node)
            return Choice(subject.test, then, other, then.shape)
        if not isinstance(subject, Lookup):
            raise self.wrong(f"`{key}` is looked up on something made; give that a name with `let`", node)
        shape = subject.shape
        if shape.kind == LIST:
            raise self.wrong(f"`{subject.path}` is a list; use $each, [0], `first` or `last`", node)
        try:
            inner = shape.get(key)
        except KeyError as error:
            raise self.wrong(f"the schema of `{key}` refers to what is not there: {error}", node) from error
        if inner is None:
            prefix = self.namespace.named(subject)
            if shape.kind not in {OBJECT, ANY}:
                raise self.wrong(f"`{prefix}` is {spoken_kind(shape.kind)} and has no `{key}`", node)
            raise self.wrong(self.namespace.unknown_name_message(key, f"{prefix}.", shape.names), node)
        return Lookup(subject.base, (*subject.steps, key), (*subject.shapes, inner), self.namespace.roots)

    def at(self, subject: ExpressionNode, position: int, node: nodes.Node) -> ExpressionNode:
        if not isinstance(subject, Lookup):
            raise self.wrong("a position is taken of a path to a list", node)
        if subject.shape.kind not in {LIST, ANY}:
            raise self.wrong(
                f"`{self.namespace.named(subject)}` is {spoken_kind(subject.shape.kind)}, not a list", node
            )
        return Lookup(
            subject.base,
            (*subject.steps, position),
            (*subject.shapes, subject.shape.item()),
            self.namespace.roots,
        )

    def filter(self, node: nodes.Filter, depth: int) -> ExpressionNode:
        definition = FILTERS.get(node.name)
        if definition is None:
            close = nearest(node.name, list(FILTERS)) or ", ".join(sorted(FILTERS))
            raise self.wrong(f"there is no filter `{node.name}`; did you mean `{close}`?", node)
        if node.node is None:
            raise self.wrong("a filter needs a value on its left", node)
        constants = [arg for arg in node.args if isinstance(arg, nodes.Const)]
        arguments = tuple(arg.value for arg in constants)
        odd = node.kwargs or node.dyn_args or node.dyn_kwargs or len(constants) < len(node.args)
        texts = definition.name == "default" or all(isinstance(arg, str) for arg in arguments)
        if odd or len(arguments) != definition.arguments or not texts:
            raise self.wrong(f"`{node.name}` takes {definition.arguments} constant(s) in its brackets", node)
        subject = self.term(node.node, depth)
        if node.name in {"first", "last"}:
            return self.at(subject, 0 if node.name == "first" else -1, node)
        if node.name == "default" and isinstance(subject, Lookup):
            other = self.constant(constants[0], depth)
            test = Presence(subject, True, self.namespace.world.scalar(BOOLEAN))
            return Choice(test, subject, other, subject.shape)
        return self.filter_term(node, subject, arguments)

    def filter_term(
        self, node: nodes.Filter, subject: ExpressionNode, arguments: tuple[Any, ...]
    ) -> ExpressionNode:
        """One filter over one value; of a choice, over each of its sides."""
        if isinstance(subject, Choice) and node.name != "default":
            then = self.filter_term(node, subject.then, arguments)
            other = self.filter_term(node, subject.other, arguments)
            return Choice(subject.test, then, other, then.shape)
        if isinstance(subject, Constant) and subject.value is None:
            return subject
        definition = FILTERS[node.name]
        kind = subject.shape.kind
        if kind not in {ANY, *definition.takes} and ANY not in definition.takes:
            raise self.wrong(
                f"`{node.name}` takes {' or '.join(definition.takes)}, this is {spoken_kind(kind)}", node
            )
        if node.name in IDENTITIES:
            check_identity(node.name, subject, self.parsed.at(node))
        if node.name == "fhirpath":
            check_fhirpath(arguments[0], self.parsed.at(node))
        if node.name in TERMINOLOGY:
            check_codes(self.namespace.terminology, node.name, arguments[0], subject, self.parsed.at(node))
        return Filtered(
            node.name, subject, arguments, self.namespace.world.scalar(definition.gives), self.parsed.at(node)
        )

    def test(self, node: nodes.Test, depth: int) -> ExpressionNode:
        if node.name not in {"present", "absent"} or node.args or node.kwargs:
            raise self.wrong(f"`is {node.name}` is not taken; tests are `is present` and `is absent`", node)
        return Presence(
            self.term(node.node, depth), node.name == "present", self.namespace.world.scalar(BOOLEAN)
        )

    def comparison(self, node: nodes.Compare, depth: int) -> ExpressionNode:
        if len(node.ops) != 1:
            raise self.wrong("one comparison at a time; join them with `and`", node)
        operand = node.ops[0]
        left = self.term(node.expr, depth)
        boolean = self.namespace.world.scalar(BOOLEAN)
        if operand.op in {"in", "notin"}:
            listed = self.list_term(operand.expr, depth)
            check_compared(left, listed, self.parsed.at(operand.expr))
            among = Comparison("in", left, listed, boolean)
            return among if operand.op == "in" else Logic("not", (among,), boolean)
        right = self.term(operand.expr, depth)
        kinds = {left.shape.kind, right.shape.kind} - {ANY}
        if len(kinds) > 1:
            raise self.wrong(
                f"{spoken_kind(left.shape.kind)} is compared with {spoken_kind(right.shape.kind)}", node
            )
        if operand.op in {"eq", "ne"}:
            check_compared(left, right, self.parsed.at(operand.expr))
            check_compared(right, left, self.parsed.at(node.expr))
            same = Comparison("==", left, right, boolean)
            return same if operand.op == "eq" else Logic("not", (same,), boolean)
        if kinds & {OBJECT, LIST, BOOLEAN}:
            raise self.wrong(f"{spoken_kind(kinds.pop())} has no order", node)
        return Comparison(_ORDER[operand.op], left, right, boolean)

    def list_term(self, node: nodes.Expr, depth: int) -> ExpressionNode:
        if isinstance(node, nodes.List):
            if not all(isinstance(item, nodes.Const) for item in node.items):
                raise self.wrong("a list in an expression holds constants only", node)
            values = [self.parsed.constant(item) for item in node.items if isinstance(item, nodes.Const)]
            return Constant(values, self.namespace.world.scalar(LIST))
        term = self.term(node, depth)
        if term.shape.kind not in {LIST, ANY}:
            raise self.wrong(f"`in` needs a list on its right, this is {spoken_kind(term.shape.kind)}", node)
        return term

    def logic(self, node: nodes.And | nodes.Or | nodes.Not, depth: int) -> ExpressionNode:
        if isinstance(node, nodes.Not):
            return Logic("not", (self.term(node.node, depth),), self.namespace.world.scalar(BOOLEAN))
        left, right = self.term(node.left, depth), self.term(node.right, depth)
        shape = left.shape if left.shape.kind == right.shape.kind else self.namespace.world.scalar(ANY)
        return Logic("and" if isinstance(node, nodes.And) else "or", (left, right), shape)

    def concat(self, node: nodes.Concat, depth: int) -> ExpressionNode:
        terms = tuple(self.term(operand, depth) for operand in node.nodes)
        for operand, part in zip(node.nodes, terms, strict=True):
            if part.shape.kind in {OBJECT, LIST}:
                raise self.wrong(f"{spoken_kind(part.shape.kind)} is no text", operand)
        return Joined(terms, self.namespace.world.scalar(TEXT))

    def choice(self, node: nodes.CondExpr, depth: int) -> ExpressionNode:
        test, then = self.term(node.test, depth), self.term(node.expr1, depth)
        nothing = Constant(None, self.namespace.world.scalar(ANY))
        other = self.term(node.expr2, depth) if node.expr2 is not None else nothing
        same = then.shape.kind == other.shape.kind
        absent = isinstance(other, Constant) and other.value is None
        return Choice(test, then, other, then.shape if same or absent else self.namespace.world.scalar(ANY))


def _node_text(node: nodes.Node) -> str:
    names: dict[type[nodes.Node], str] = {
        nodes.Call: "a call",
        nodes.Dict: "a map",
        nodes.List: "a list",
        nodes.Tuple: "a tuple",
        nodes.Slice: "a slice",
    }
    other = "arithmetic" if isinstance(node, nodes.BinExpr | nodes.UnaryExpr) else "this"
    return names.get(type(node), other)


def step(
    parsed: Parsed, namespace: Namespace, subject: ExpressionNode, node: nodes.Getattr
) -> ExpressionNode:
    """One step along a path, for a loop that walks through lists."""
    return _Resolver(parsed, namespace).step(subject, node.attr, node)
