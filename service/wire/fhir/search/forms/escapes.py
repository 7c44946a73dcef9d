r"""Values as they stand in a parameter: apart by commas, their parts by |, written \, and \| within one.

https://hl7.org/fhir/R4/search.html#escaping
"""

import re

from service.errors import Malformed

_ESCAPED = re.compile(r"\\([\\,|$])")


def alternatives(text: str, where: str) -> list[str]:
    r"""Return the alternatives of a value, escapes kept.

    Raises:
        Malformed: one of them is empty.
    """
    values = _apart(text, ",")
    if not all(value.strip() for value in values):
        raise Malformed("The value is empty; give one, or leave the parameter out.", where=where)
    return values


def parts(value: str) -> list[str]:
    """Return the parts of an alternative, without escapes."""
    return [plain(part) for part in _apart(value, "|")]


def plain(value: str) -> str:
    """Return a value without escapes."""
    return _ESCAPED.sub(r"\1", value) if "\\" in value else value


def _apart(text: str, separator: str) -> list[str]:
    if "\\" not in text:
        return text.split(separator)
    pieces, escaped = [""], False
    for character in text:
        if character == separator and not escaped:
            pieces.append("")
        else:
            pieces[-1] += character
        escaped = character == "\\" and not escaped
    return pieces
