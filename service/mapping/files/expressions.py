"""Reads leaves in Jinja's expression syntax into parts that know their place; nothing is ever run by Jinja.

https://jinja.palletsprojects.com/en/stable/templates/#expressions
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import jinja2
from jinja2 import lexer, nodes

from service.wire.yaml import InvalidYaml, Mark, Scalar, number

LENGTH_LIMIT = 20_000
DEPTH_LIMIT = 24
_MARKS = ("{{", "{%", "{#")
_ODD_ESCAPE = re.compile(r"\\(?![\\'\"nt])")
_LOOP = re.compile(r"\s*([A-Za-z_]\w*)\s+in\s+(?=\S)")
_NUMBER = re.compile(r"\d[\d_]*(?:\.\d[\d_]*)?(?:[eE][-+]?\d[\d_]*)?(?!\w)")


@dataclass(frozen=True, slots=True)
class Parsed:
    """A parsed expression: Jinja's node (whose `lineno` is an offset) and the leaf it stands in."""

    node: nodes.Expr
    leaf: Scalar
    shift: int = 0

    def at(self, node: nodes.Node | None = None) -> Mark:
        """The place of a node, by default of the whole: of a lookup the key, of two operands the left."""
        node = node or self.node
        while isinstance(node, nodes.Compare | nodes.BinExpr):
            node = node.expr if isinstance(node, nodes.Compare) else node.left
        offset = node.lineno - self.shift + isinstance(node, nodes.Getattr)
        return self.leaf.at(max(offset, 0))

    def constant(self, node: nodes.Const) -> Any:
        """The value of a literal; numbers are read again from the text, so that 1.10 keeps its digits."""
        value = node.value
        if isinstance(value, float) or (isinstance(value, int) and not isinstance(value, bool)):
            text = _NUMBER.match(str(self.leaf.value), max(node.lineno - self.shift, 0))
            if text is None:
                raise InvalidYaml("a number is written in decimal digits", self.at(node))
            return number(text[0].replace("_", ""), self.at(node))
        return value


Part = str | Parsed


class _OffsetLexer(lexer.Lexer):
    """Jinja's lexer, which counts characters where the original counts lines."""

    def tokeniter(
        self, source: str, name: str | None, filename: str | None = None, state: str | None = None
    ) -> Iterator[tuple[int, str, str]]:
        offset = 0
        try:
            for _, token, value in super().tokeniter(source, name, filename, state):
                _refuse(token, value, offset)
                yield offset, token, value
                offset += len(value)
        except jinja2.TemplateSyntaxError as error:
            raise jinja2.TemplateSyntaxError(error.message or "not an expression", offset) from error


class _Environment(jinja2.Environment):
    """An environment whose tokens carry offsets."""

    @property
    def lexer(self) -> lexer.Lexer:
        """The lexer that counts characters."""
        return _OffsetLexer(self)


_PARSER = _Environment(keep_trailing_newline=True, autoescape=False)
# several views read the same leaves; nobody changes a node
_parsed = lru_cache(maxsize=4_096)(_PARSER.parse)


def has_expression(leaf: Scalar) -> bool:
    """Whether a leaf is more than a literal."""
    return isinstance(leaf.value, str) and any(mark in leaf.value for mark in _MARKS)


def parts(leaf: Scalar) -> list[Part]:
    """Split a leaf into its literal texts and its expressions.

    Raises:
        InvalidYaml: it holds something other than text and expressions.
    """
    parsed: list[Part] = []
    for output in _parse(str(leaf.value), leaf).body:
        if not isinstance(output, nodes.Output):
            raise InvalidYaml("only {{ expressions }} are taken here", leaf.at(output.lineno))
        parsed += [
            node.data if isinstance(node, nodes.TemplateData) else Parsed(node, leaf) for node in output.nodes
        ]
    return parsed


def single(leaf: Scalar) -> Parsed:
    """Read a leaf that must be exactly one expression, as after `when` and `$if`."""
    if has_expression(leaf):
        pieces = parts(leaf)
        if len(pieces) == 1 and isinstance(pieces[0], Parsed):
            return pieces[0]
    raise InvalidYaml('one expression stands here, as in "{{ case.plan }}"', leaf.mark)


def loop(leaf: Scalar) -> tuple[str, Parsed]:
    """Read `name in path`, as after `each` and `$each`."""
    match = _LOOP.match(str(leaf.value))
    if not match:
        raise InvalidYaml("a loop is written `goal in case.plan.goals`", leaf.mark)
    shift = len("{{") - match.end()
    body = _parse("{{" + str(leaf.value)[match.end() :] + "}}", leaf, shift).body
    if len(body) != 1 or not isinstance(body[0], nodes.Output) or len(body[0].nodes) != 1:
        raise InvalidYaml("a loop is written `goal in case.plan.goals`", leaf.mark)
    return match[1], Parsed(body[0].nodes[0], leaf, shift)


def _parse(text: str, leaf: Scalar, shift: int = 0) -> nodes.Template:
    if len(text) > LENGTH_LIMIT:
        raise InvalidYaml(f"a leaf is at most {LENGTH_LIMIT} characters long", leaf.mark)
    try:
        return _parsed(text)
    except jinja2.TemplateSyntaxError as error:
        message = (error.message or "not an expression").rstrip(".")
        raise InvalidYaml(f"not an expression: {message}", leaf.at(max(error.lineno - shift, 0))) from error
    except (RecursionError, SyntaxError, ValueError, OverflowError, MemoryError) as error:
        raise InvalidYaml("not an expression that can be read; make it shorter", leaf.mark) from error


def _refuse(token: str, value: str, offset: int) -> None:
    """Refuse by token what the nodes no longer show."""
    if token == lexer.TOKEN_COMMENT_BEGIN:
        message = "comments are written with # in YAML, not with {# #}"
    elif token in {lexer.TOKEN_BLOCK_BEGIN, lexer.TOKEN_RAW_BEGIN}:
        message = "{% %} is not taken; use $if, $each or a conditional expression"
    elif token in {lexer.TOKEN_VARIABLE_BEGIN, lexer.TOKEN_VARIABLE_END} and value.strip() not in {
        "{{",
        "}}",
    }:
        message = "white space control ({{- -}}) is not taken; text is stripped anyway"
    elif token == lexer.TOKEN_STRING and _ODD_ESCAPE.search(value.replace("\\\\", "")):
        message = "of escapes only \\\\ \\' \\\" \\n \\t are taken in a text constant"
    else:
        return
    raise jinja2.TemplateSyntaxError(message, offset)
