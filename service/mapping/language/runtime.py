"""What generated projections call: text, pruning, positions and markup."""

import re
from decimal import Decimal
from typing import Any

LOOP_LIMIT = 1_000_000
EMPTY: dict[str, Any] = {}
_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


class TooMuch(Exception):
    """Loops over independent lists went on beyond what any resource needs."""


def text(value: Any) -> str:
    """The text of a value: decimals keep their digits, absent is empty.

    Raises:
        TypeError: the value is a list or an object.
    """
    if isinstance(value, str):
        return value
    if not value and not present(value):
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Decimal):
        return format(value, "f")
    if isinstance(value, int | float):
        return str(value)
    raise TypeError("an object or a list is no text")


def present(value: Any) -> bool:
    """Whether a value is there: null, '', [] and {} are not, false and 0 are."""
    return bool(value or value == 0)


def join_template(values: tuple[Any, ...], template: tuple[str | None, ...]) -> str | None:
    """Text of a template whose None places take the values in turn; None when every value is absent."""
    texts = [text(value) for value in values]
    if not any(texts):
        return None
    following = iter(texts)
    return "".join([next(following) if part is None else part for part in template])


def whole(value: Any) -> Any:
    """A copy of a part of the source without what is absent in it."""
    if isinstance(value, dict):
        pruned = ((key, whole(child)) for key, child in value.items())
        return {key: child for key, child in pruned if child or child == 0}
    if isinstance(value, list):
        return [child for child in map(whole, value) if child or child == 0]
    return value


def as_list(value: Any) -> list[Any]:
    """A value of unknown kind as what a loop goes over.

    Raises:
        TypeError: it is there and no list.
    """
    if not present(value):
        return []
    if isinstance(value, list):
        return value
    raise TypeError("a loop goes over a list")


def item(values: Any, position: int) -> Any:
    """The item at a position of a list, or None."""
    return values[position] if values and -len(values) <= position < len(values) else None


def equal(left: Any, right: Any) -> bool:
    """Whether two values are equal; absent equals only absent."""
    if left is None or right is None or left in ("", [], {}) or right in ("", [], {}):
        return not present(left) and not present(right)
    return bool(left == right)


def below(left: Any, right: Any) -> bool:
    """Whether left orders before right; false when one is absent."""
    return present(left) and present(right) and bool(left < right)


def most(left: Any, right: Any) -> bool:
    """Whether left orders before right or equals it; false when one is absent."""
    return present(left) and present(right) and bool(left <= right)


def among(value: Any, values: Any) -> bool:
    """Whether a value is one of a list's."""
    return present(value) and value in (values or ())


def escape_xml(value: Any) -> str:
    """Text as XML content or attribute value; characters XML 1.0 has no place for are dropped."""
    plain = text(value)
    if not plain.isprintable():
        plain = _NOT_XML.sub("", plain)
    plain = plain.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return plain.replace('"', "&quot;").replace("'", "&#39;")
