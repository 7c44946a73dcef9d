"""What python-hl7 reads of a message, in the form of our trees; it leaves escape sequences as they are."""

from typing import Any

import hl7

Tree = list[list[list[str]]]


def trees(text: str) -> list[list[Tree]]:
    """The segments of a message with CR between them, each a list of fields; at 0 stands the name."""
    return [[_nested(field, 3) for field in segment] for segment in hl7.parse(text)]


def unescape(text: str, message: str) -> str:
    """What python-hl7 makes of a value with escape sequences in a message with these delimiters."""
    return hl7.parse(message).unescape(text)


def _nested(part: Any, depth: int) -> Any:
    if not depth:
        return part
    return [_nested(text, depth - 1) for text in ([part] if isinstance(part, str) else part)]
