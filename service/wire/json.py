"""Strict JSON in, exact JSON out (RFC 8259): no duplicate key, no lost digit, no text a database cannot hold.

https://www.rfc-editor.org/rfc/rfc8259
"""

import json
import re
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Final, NoReturn
from uuid import UUID

import orjson

from service.errors import Malformed, TooLarge

LIMIT: Final = 10_000_000
DEPTH: Final = 100
_NAME: Final = re.compile(r"[A-Za-z0-9_$-]{1,64}\Z")


class _Repeated(dict[str, Any]):
    """An object in which a key stands twice."""

    key = ""


def parse(raw: bytes, *, limit: int = LIMIT) -> Any:
    """Return the value of a JSON text; numbers with a fraction or exponent become Decimal.

    Raises:
        TooLarge: the text is longer than `limit` bytes.
        Malformed: it is not JSON, not UTF-8, repeats a key, nests over 100 deep, or holds a NUL or a lone
            surrogate; with line and column, or the JSON pointer of the place.
    """
    if len(raw) > limit:
        raise TooLarge(f"The content is over the limit of {limit} bytes.")
    text = _decode(raw)
    _check_depth(raw)
    try:
        value = json.loads(text, object_pairs_hook=_object, parse_float=Decimal, parse_constant=_constant)
    except json.JSONDecodeError as exc:
        where = f"line {exc.lineno}, column {exc.colno}"
        raise Malformed(f"Not JSON: {exc.msg}.", where=where) from None
    except (ValueError, RecursionError) as exc:
        raise Malformed("A number is too long, or the nesting too deep.") from exc
    _check_text(value, "")
    return value


def dump(value: Any) -> bytes:
    """Return compact UTF-8 JSON; Decimals keep their digits."""
    return orjson.dumps(value, default=_plain)


def canonical(value: Any) -> bytes:
    """Return compact UTF-8 JSON with sorted keys, for digests."""
    return orjson.dumps(value, default=_plain, option=orjson.OPT_SORT_KEYS)


def _decode(raw: bytes) -> str:
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError as exc:
        raise Malformed("Not UTF-8.", where=f"byte {exc.start}") from None
    if text.startswith("\ufeff"):
        raise Malformed("Begins with a byte-order mark; leave it out.", where="byte 0")
    return text


def _check_depth(raw: bytes) -> None:
    """Count brackets outside strings before anything recurses over them."""
    depth = 0
    for bracket in re.finditer(rb'"(?:[^"\\]|\\.)*"|[\[{]|[\]}]', raw):
        mark = raw[bracket.start()]
        if mark in b"[{":
            depth += 1
            if depth > DEPTH:
                raise Malformed(f"Nested over {DEPTH} deep.", where=f"byte {bracket.start()}")
        elif mark in b"]}":
            depth -= 1


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) == len(pairs):
        return found
    seen: set[str] = set()
    repeated = _Repeated(found)
    repeated.key = next(key for key, _ in pairs if key in seen or seen.add(key))  # type: ignore[func-returns-value]
    return repeated


def _constant(_name: str) -> NoReturn:
    raise Malformed("NaN and Infinity are not JSON numbers.")


def _check_text(value: Any, where: str) -> None:
    """Refuse repeated keys, NUL and lone surrogates, naming the JSON pointer."""
    if isinstance(value, str):
        if "\0" in value or any("\ud800" <= each <= "\udfff" for each in value if each > "\ud7ff"):
            raise Malformed("Text holds a NUL or a lone surrogate.", where=where or "/")
    elif isinstance(value, dict):
        if isinstance(value, _Repeated):
            raise Malformed("A key stands twice in one object.", where=f"{where}/{_name(value.key)}")
        for key, below in value.items():
            _check_text(key, where)
            _check_text(below, f"{where}/{_name(key)}")
    elif isinstance(value, list):
        for index, below in enumerate(value):
            _check_text(below, f"{where}/{index}")


def _name(key: str) -> str:
    return key if _NAME.match(key) else "…"


def _plain(value: Any) -> Any:
    if isinstance(value, Decimal):
        return orjson.Fragment(str(value))
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, UUID):
        return str(value)
    raise TypeError(type(value).__name__)
