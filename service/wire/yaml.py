"""Reads YAML with its 1.2 core types into nodes that know their mark (https://yaml.org/spec/1.2.2/#103-core-schema)."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache
from typing import Any

import yaml

SIZE_LIMIT = 1_000_000
DEPTH_LIMIT = 40
_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

_NULL = frozenset({"", "~", "null", "Null", "NULL"})
_BOOLEAN = {"true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False}
_INTEGER = re.compile(r"[-+]?[0-9]{1,18}\Z")
_BASED = re.compile(r"0(?:o[0-7]|x[0-9a-fA-F])[0-9a-fA-F]{0,14}\Z")
_NUMBER = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?\Z")
_NOT_FINITE = re.compile(r"(?:[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN))\Z")
_LONG_EXPONENT = re.compile(r"[eE][-+]?[0-9]{3}")
_NO_TEXT = re.compile("[\0\ud800-\udfff]")
_ESCAPE = re.compile(r"\\(?:x..|u....|U........|\r?\n[ \t]*|.)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Mark:
    """A place in a file (a mark of PyYAML); line and column count from 1, `line` 0 is the whole file."""

    file: str
    line: int = 0
    column: int = 0

    def __str__(self) -> str:
        """`file:line:column`, as editors open it."""
        return f"{self.file}:{self.line}:{self.column}" if self.line else self.file


class InvalidYaml(Exception):
    """One thing wrong with one place; caught where the rest can still be checked."""

    def __init__(self, what: str, mark: Mark) -> None:
        """Take what is wrong and what would be right, and where."""
        self.what = what
        self.mark = mark
        super().__init__(f"{mark}: {what}")


@dataclass(frozen=True, slots=True)
class Scalar:
    """A leaf: its typed value and, for text, what is needed to find a character of it in the file."""

    value: Any
    mark: Mark
    style: str = ""
    raw: str = ""

    def at(self, offset: int) -> Mark:
        """The place of the character at `offset` of the value."""
        return _character(self, offset)


@dataclass(frozen=True, slots=True)
class Sequence:
    """A list."""

    items: tuple["Node", ...]
    mark: Mark


@dataclass(frozen=True, slots=True)
class Mapping:
    """A map; `keys` holds the place of each key."""

    entries: dict[str, "Node"]
    keys: dict[str, Mark]
    mark: Mark


Node = Scalar | Sequence | Mapping


def text_of(raw: bytes, file: str) -> str:
    """Return the text of a file's bytes; raises InvalidYaml when it is too long, or not UTF-8."""
    if len(raw) > SIZE_LIMIT:
        raise InvalidYaml(f"the file is over {SIZE_LIMIT} bytes; split it", Mark(file))
    try:
        return raw.decode("utf-8").removeprefix("\ufeff")
    except UnicodeDecodeError as error:
        before = raw[: error.start]
        mark = Mark(file, before.count(b"\n") + 1, error.start - before.rfind(b"\n"))
        raise InvalidYaml("not UTF-8; save the file as UTF-8", mark) from error


@lru_cache(maxsize=512)
def documents(text: str, file: str) -> tuple[Node, ...]:
    """Read all YAML documents of a file; several views read the same files.

    Raises:
        InvalidYaml: the text is not the YAML that mappings are written in.
    """
    if len(text.encode("utf-8", "replace")) > SIZE_LIMIT:
        raise InvalidYaml(f"the file is over {SIZE_LIMIT} bytes; split it", Mark(file))
    if "\0" in text:
        raise InvalidYaml("NUL is no character of a mapping; remove it", _mark(file, text, text.index("\0")))
    try:
        return tuple(_Reader(text, file).documents())
    except yaml.MarkedYAMLError as error:
        at = error.problem_mark or error.context_mark
        mark = Mark(file, at.line + 1, at.column + 1) if at else Mark(file)
        if at and text[at.index : at.index + 1] == "\t":
            raise InvalidYaml("not YAML: a tab stands here; use spaces", mark) from error
        raise InvalidYaml(f"not YAML: {error.problem or error.context}", mark) from error
    except yaml.reader.ReaderError as error:
        raise InvalidYaml(f"not YAML: {error.reason}", _mark(file, text, int(error.position))) from error
    except (UnicodeError, ValueError, RecursionError) as error:
        raise InvalidYaml("not YAML that can be read", Mark(file)) from error


def only(raw: bytes, file: str) -> Node:
    """Read a file that holds one document; one without any holds nothing. Raises as `documents`."""
    nodes = documents(text_of(raw, file), file)
    if len(nodes) > 1:
        raise InvalidYaml(
            "one document stands in this file; take the `---` before this one away", nodes[1].mark
        )
    return nodes[0] if nodes else Scalar(None, Mark(file))


def mark_of(node: Node, steps: Iterable[Any]) -> Mark:
    """Return the place of what keys and indexes lead to, or of the last that is there; a key's is its own."""
    mark = node.mark
    for step in steps:
        if isinstance(node, Mapping) and step in node.entries:
            mark, node = node.keys[step], node.entries[step]
        elif isinstance(node, Sequence) and isinstance(step, int) and step < len(node.items):
            node = node.items[step]
            mark = node.mark
        else:
            break
    return mark


def plain(node: Node) -> Any:
    """Give a node as plain values: dict, list, text, int, Decimal, bool, None."""
    if isinstance(node, Mapping):
        return {key: plain(value) for key, value in node.entries.items()}
    if isinstance(node, Sequence):
        return [plain(item) for item in node.items]
    return node.value


class _Reader:
    """Builds nodes from libyaml's events: depth, aliases and tags are refused before they cost anything."""

    def __init__(self, text: str, file: str) -> None:
        self.text = text
        self.file = file
        self.events: Iterator[Any] = iter(yaml.parse(text, Loader=_LOADER))

    def documents(self) -> Iterator[Node]:
        for event in self.events:
            if isinstance(event, yaml.DocumentStartEvent):
                yield self.node(next(self.events), 0)

    def mark(self, event: Any) -> Mark:
        return Mark(self.file, event.start_mark.line + 1, event.start_mark.column + 1)

    def node(self, event: Any, depth: int) -> Node:
        if isinstance(event, yaml.AliasEvent):
            raise InvalidYaml("aliases are not taken; write the value out", self.mark(event))
        if event.anchor is not None:
            raise InvalidYaml(
                "anchors are not taken; write the value out where it is needed", self.mark(event)
            )
        if event.tag is not None:
            raise InvalidYaml("tags are not taken; quote the value to make it text", self.mark(event))
        if depth > DEPTH_LIMIT:
            raise InvalidYaml(f"nested more than {DEPTH_LIMIT} deep", self.mark(event))
        if isinstance(event, yaml.ScalarEvent):
            return self.scalar(event)
        if isinstance(event, yaml.SequenceStartEvent):
            return self.sequence(event, depth)
        return self.mapping(event, depth)

    def scalar(self, event: Any) -> Scalar:
        mark = self.mark(event)
        raw = self.text[event.start_mark.index : event.end_mark.index]
        if not event.style:
            return Scalar(_core_value(event.value, mark), mark, "", raw)
        if _NO_TEXT.search(event.value):
            raise InvalidYaml("NUL and lone surrogates are no text; remove the escape", mark)
        return Scalar(event.value, mark, event.style, raw)

    def sequence(self, start: Any, depth: int) -> Sequence:
        items = []
        while not isinstance(event := next(self.events), yaml.SequenceEndEvent):
            items.append(self.node(event, depth + 1))
        return Sequence(tuple(items), self.mark(start))

    def mapping(self, start: Any, depth: int) -> Mapping:
        entries: dict[str, Node] = {}
        keys: dict[str, Mark] = {}
        while not isinstance(event := next(self.events), yaml.MappingEndEvent):
            key = self.node(event, depth + 1)
            if isinstance(key, Mapping):
                raise InvalidYaml(
                    'a key is text; an expression stands in quotes: "{{ case.plan }}"', key.mark
                )
            if not isinstance(key, Scalar) or not isinstance(key.value, str):
                raise InvalidYaml("a key is text; quote it", key.mark)
            if key.value == "<<" and not key.style:
                raise InvalidYaml("merge keys are not taken; write the entries out", key.mark)
            if key.value in entries:
                raise InvalidYaml(f"`{key.value}` stands here twice; keep one", key.mark)
            entries[key.value] = self.node(next(self.events), depth + 1)
            keys[key.value] = key.mark
        return Mapping(entries, keys, self.mark(start))


def _core_value(text: str, mark: Mark) -> Any:
    """Resolve a plain scalar by the core schema; a number with a point is a Decimal that keeps its digits."""
    if text in _NULL:
        return None
    if text in _BOOLEAN:
        return _BOOLEAN[text]
    if _INTEGER.match(text):
        return int(text)
    if _BASED.match(text):
        return int(text, 0)
    if _NOT_FINITE.match(text):
        raise InvalidYaml("not a number that JSON has; quote it if it is text", mark)
    if _NUMBER.match(text):
        return number(text, mark)
    return text


def number(text: str, mark: Mark) -> int | Decimal:
    """Read a number exactly; more digits than any element holds are refused."""
    if len(text) > 40 or _LONG_EXPONENT.search(text):
        raise InvalidYaml("a number of this size is not taken; quote it if it is text", mark)
    return int(text) if _INTEGER.match(text) else Decimal(text)


def _mark(file: str, text: str, offset: int) -> Mark:
    return Mark(file, text.count("\n", 0, offset) + 1, offset - text.rfind("\n", 0, offset))


def _character(scalar: Scalar, offset: int) -> Mark:
    """Walk value and raw text side by side: folding, indentation and escapes are in the raw text only."""
    value, raw = str(scalar.value), scalar.raw or str(scalar.value)
    at = 1 if scalar.style in {"'", '"'} else 0
    if scalar.style in {"|", ">"}:
        at = raw.find("\n") + 1
    for char in value[:offset]:
        at = _find(raw, at, char, scalar.style)
        at = _after(raw, at, scalar.style)
    if offset < len(value):
        at = _find(raw, at, value[offset], scalar.style)
    line = raw.count("\n", 0, at)
    column = at - raw.rfind("\n", 0, at) - 1 if line else scalar.mark.column - 1 + at
    return Mark(scalar.mark.file, scalar.mark.line + line, column + 1)


def _find(raw: str, at: int, char: str, style: str) -> int:
    """The next raw place that stands for `char`."""
    for here in range(at, len(raw)):
        if raw[here] == char or (
            style == '"' and raw[here] == "\\" and raw[here + 1 : here + 2] not in {"\n", "\r"}
        ):
            return here
        if char in " \n" and raw[here] in " \n":
            return here
    return at


def _after(raw: str, at: int, style: str) -> int:
    """The raw place behind the character at `at`."""
    if style == '"' and (escape := _ESCAPE.match(raw, at)):
        return escape.end()
    if style == "'" and raw.startswith("''", at):
        return at + 2
    return at + 1
