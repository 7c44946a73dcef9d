"""JSON in, read strictly, and out, written exactly: https://www.rfc-editor.org/rfc/rfc8259.

Reading keeps a decimal's digits and refuses what two readers could understand differently: duplicate keys,
numbers no other system holds, lone surrogates, NUL. An error names the place, never a value.
"""

import json
import re
from collections.abc import Iterable, Iterator
from decimal import Decimal, InvalidOperation
from typing import Any, NoReturn

import orjson

from service.errors import Issue, Malformed, TooLarge

LIMIT = 10_000_000
DEPTH = 100
# what 10 MB of `{},` would come to in memory, no document needs
VALUES = 1_000_000
_MOST_ISSUES = 20
_HARMLESS = frozenset({int, bool, Decimal, type(None)})
_NESTED = frozenset({dict, list})
_INT64 = range(-(2**63), 2**63)
_MOST_DIGITS = 64
_MOST_EXPONENT = 128
_BOM = b"\xef\xbb\xbf"
_NAME = re.compile(r"[A-Za-z_$][A-Za-z0-9_$-]{0,63}\Z")
_SUSPECT_ESCAPE = re.compile(r"\\u(?:[dD][89a-fA-F]|0000)")
_BAD_CHARACTER = re.compile("[\x00\ud800-\udfff]")
# a number with a fraction or an exponent, or a text that looks like one
_FRACTION = re.compile(rb"[0-9][.eE][0-9+-]")
_INDENT = re.compile(rb"^ +", re.MULTILINE)
_TOKEN = re.compile(rb'[\[\]{}]|"[^"\\]*+(?:\\.[^"\\]*+)*+"?', re.DOTALL)


def parse(raw: bytes, *, limit: int = LIMIT, depth: int = DEPTH) -> Any:
    """Read one JSON text of at most `limit` bytes and `depth` levels; raise Malformed or TooLarge.

    Decimals come back as `decimal.Decimal` with their digits, integers as `int`.
    """
    if len(raw) > limit:
        raise TooLarge(f"The body has {len(raw)} bytes; send at most {limit}.")
    text = _decode(raw)
    opened = text.count("[") + text.count("{")
    if opened + text.count(",") > VALUES:
        raise TooLarge(f"The body holds over {VALUES} values; send it in parts.")
    try:
        value = _value_of_text(text)
    except json.JSONDecodeError as exc:
        raise Malformed(
            f"Not JSON: {_grammar(exc)}; correct the text and send it again.",
            where=f"line {exc.lineno}, column {exc.colno}",
        ) from exc
    except RecursionError as exc:
        raise _too_deep(raw, depth) from exc
    if opened > depth and _depth(value) > depth:
        raise _too_deep(raw, depth)
    if _SUSPECT_ESCAPE.search(text):
        _refuse_any(_problems(value))
    return value


def reread(raw: bytes) -> Any:
    """Read what `dump` wrote: nothing of it is to be refused, and decimals alone need care."""
    return _EXACT.decode(raw.decode()) if _FRACTION.search(raw) else orjson.loads(raw)


def dump(value: Any) -> bytes:
    """Write compact UTF-8 JSON; decimals keep their digits, instants their offset."""
    return orjson.dumps(value, _write)


def canonical(value: Any) -> bytes:
    """Write JSON with sorted keys: equal documents give equal bytes."""
    return orjson.dumps(value, _write, orjson.OPT_SORT_KEYS)


def pretty(value: Any) -> bytes:
    """Write JSON for people to read and compare: a line an element, one space a level."""
    return (
        _INDENT.sub(lambda spaces: spaces[0][::2], orjson.dumps(value, _write, orjson.OPT_INDENT_2)) + b"\n"
    )


def copy_of(value: Any) -> Any:
    """Return a copy of what `parse` returned: objects and lists are new, all else is shared."""
    if type(value) is dict:
        return {key: copy_of(item) if type(item) in _NESTED else item for key, item in value.items()}
    if type(value) is list:
        return [copy_of(item) if type(item) in _NESTED else item for item in value]
    return value


def _key_for_display(key: object) -> str:
    """The key as an error may show it: itself if it looks like a name, else a question mark."""
    return key if isinstance(key, str) and _NAME.match(key) else "?"


def _pointer(parts: Iterable[str | int]) -> str:
    """The JSON pointer (RFC 6901) of a path of keys and indexes, strange keys masked."""
    return "".join(f"/{part if isinstance(part, int) else _key_for_display(part)}" for part in parts)


def _write(value: object) -> orjson.Fragment:
    """Decimals, the one type orjson does not know, as the digits they have."""
    if isinstance(value, Decimal) and value.is_finite():
        text = str(value)
        return orjson.Fragment(format(value, "f") if "E-" in text else text)
    raise TypeError(f"{type(value).__name__} has no JSON form")


def _decode(raw: bytes) -> str:
    """The text of UTF-8 bytes; a byte-order mark is ignored (section 8.1), a broken sequence refused."""
    bare = raw.removeprefix(_BOM)
    try:
        return bare.decode()
    except UnicodeDecodeError as exc:
        place = f"byte {exc.start + len(raw) - len(bare)}"
        raise Malformed("The text is not UTF-8; encode it as UTF-8.", where=place) from exc


def _value_of_text(text: str) -> Any:
    """What a text says; of one with something to refuse, the marking pass may find what is no JSON at all."""
    try:
        return _STRICT.decode(text)
    except _SuspectError:
        _refuse(_problems(_MARKING.decode(text)))


def _grammar(exc: json.JSONDecodeError) -> str:
    """The parser's words, which quote nothing of the text."""
    return exc.msg[:1].lower() + exc.msg[1:].removesuffix(" at")


class _SuspectError(Exception):
    """The quick pass met something to refuse; the marking pass finds out where."""


class _Pairs(tuple[tuple[str, Any], ...]):
    """An object in the marking pass: its pairs, duplicates and all."""

    __slots__ = ()


class _Mark(str):
    """A number that is refused, in the marking pass: the sentence that says why."""

    __slots__ = ()


_HUGE = _Mark("An integer is outside 64 bits; send it as a string or a smaller number.")
_LONG = _Mark(f"A decimal has over {_MOST_DIGITS} digits or an exponent over {_MOST_EXPONENT}; round it.")
_CONSTANT = _Mark("NaN and Infinity are not JSON; leave the value out.")


def _integer(digits: str) -> int | _Mark:
    if len(digits) > 20 or (number := int(digits)) not in _INT64:
        return _HUGE
    return number


def _decimal(digits: str) -> Decimal | _Mark:
    if len(digits) > _MOST_DIGITS:
        return _LONG
    try:
        number = Decimal(digits)
    except InvalidOperation:
        return _LONG
    exponent = number.as_tuple().exponent
    return number if isinstance(exponent, int) and abs(exponent) <= _MOST_EXPONENT else _LONG


def _strict_object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    built = dict(pairs)
    if len(built) != len(pairs):
        raise _SuspectError
    return built


def _strict_integer(digits: str) -> int:
    # Short ones, nearly all there are, need no second look.
    if len(digits) < 19:
        return int(digits)
    number = _integer(digits)
    if isinstance(number, _Mark):
        raise _SuspectError
    return number


def _strict_decimal(digits: str) -> Decimal:
    number = _decimal(digits)
    if isinstance(number, _Mark):
        raise _SuspectError
    return number


def _strict_constant(_word: str) -> NoReturn:
    raise _SuspectError


_STRICT = json.JSONDecoder(
    object_pairs_hook=_strict_object,
    parse_float=_strict_decimal,
    parse_int=_strict_integer,
    parse_constant=_strict_constant,
)
_EXACT = json.JSONDecoder(parse_float=Decimal)
_MARKING = json.JSONDecoder(
    object_pairs_hook=_Pairs,
    parse_float=_decimal,
    parse_int=_integer,
    parse_constant=lambda _word: _CONSTANT,
)


def _depth(value: Any) -> int:
    """How many levels of arrays and objects there are, counted level by level."""
    level, depth = [value], 0
    while level := [item for item in level if type(item) is dict or type(item) is list]:
        depth += 1
        level = [child for item in level for child in (item.values() if type(item) is dict else item)]
    return depth


def _too_deep(raw: bytes, most: int) -> Malformed:
    """The refusal of nesting past so many levels, with the bracket that goes too far."""
    depth = 0
    where = ""
    for token in _TOKEN.finditer(raw):
        first = token.group()[:1]
        depth += (first in b"[{") - (first in b"]}")
        if depth > most:
            where = f"byte {token.start()}"
            break
    return Malformed(f"Nested over {most} deep; flatten it.", where=where)


_Path = tuple[str | int, ...]


def _problems(value: Any) -> Iterator[Issue]:
    """Everything to refuse in a parsed value, each with its pointer; memory grows with depth only."""
    yield from _own_problems((), value)
    stack: list[tuple[_Path, Iterator[tuple[str | int, Any]]]] = [((), _children(value))]
    while stack:
        path, children = stack[-1]
        for key, child in children:
            if type(child) in _HARMLESS:
                continue
            yield from _own_problems((*path, key), child)
            if isinstance(child, _Pairs | dict | list):
                stack.append(((*path, key), _children(child)))
                break
        else:
            stack.pop()


def _children(value: Any) -> Iterator[tuple[str | int, Any]]:
    if isinstance(value, list):
        return iter(enumerate(value))
    return iter(_members(value))


def _members(value: Any) -> Iterable[tuple[str, Any]]:
    return value if isinstance(value, _Pairs) else value.items() if isinstance(value, dict) else ()


def _own_problems(path: _Path, value: Any) -> Iterator[Issue]:
    """What is wrong with a value itself, or with the keys it has."""
    if isinstance(value, _Mark):
        yield Issue(str(value), _pointer(path), "structure")
    elif isinstance(value, str) and (bad := _BAD_CHARACTER.search(value)):
        yield Issue(_character(bad), _pointer(path), "structure")
    seen: set[str] = set()
    for key, _child in _members(value):
        if key in seen:
            yield Issue("The key stands twice; keep one.", _pointer((*path, key)), "structure")
        seen.add(key)
        if bad := _BAD_CHARACTER.search(key):
            yield Issue(_character(bad), _pointer((*path, key)), "structure")


def _character(bad: re.Match[str]) -> str:
    if bad.group() == "\x00":
        return "A NUL character; remove it."
    return "Half a surrogate pair; write the character in UTF-8."


def _refuse(problems: Iterator[Issue]) -> NoReturn:
    """Raise Malformed with the first problems found."""
    issues = [issue for issue, _count in zip(problems, range(_MOST_ISSUES), strict=False)]
    raise Malformed(issues[0].what if issues else "The JSON cannot be used.", issues=issues)


def _refuse_any(problems: Iterator[Issue]) -> None:
    """Raise Malformed if there is a problem at all."""
    for first in problems:
        _refuse(iter((first, *problems)))
