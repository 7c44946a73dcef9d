"""The parameters of an address that is ours alone: what is not known is refused.

Unheeded, a misspelt one would show too much, or begin a feed anew. What FHIR asks is read by its own routes.
"""

import re
from collections.abc import Collection, Iterable
from typing import Final

from service.errors import Malformed

COUNT: Final = "_count"
# R4's, and the modifiers, chains and prefixes that may be asked of them
_NAME: Final = re.compile(r"[A-Za-z_$][A-Za-z0-9_$.:-]{0,39}")
# the name before it was FHIR's
_FORMER: Final = {"count": COUNT}


def shown(name: str) -> str:
    """Return the name of a parameter as an error may show it: `?` where it may be what somebody is called."""
    return name if _NAME.fullmatch(name) else "?"


def parameters(pairs: Iterable[tuple[str, str]], names: Collection[str] = ()) -> dict[str, str]:
    """Return the parameters of an address by name; `count` is `_count`, where that is known.

    Raises:
        Malformed: one is not known, or given twice.
    """
    values: dict[str, str] = {}
    for raw_name, text in pairs:
        name = _FORMER.get(raw_name, raw_name)
        if name not in names:
            listed = f"known are {', '.join(names)}" if names else "this address takes none"
            raise Malformed(f"Not a parameter here; {listed}.", where=shown(raw_name))
        if name in values:
            raise Malformed("Given twice; give it once.", where=name)
        values[name] = text
    return values


def number(values: dict[str, str], name: str, default: int, *, digits: int = 6) -> int:
    """Return a whole number from 0 up; raises Malformed with the parameter's name."""
    text = values.get(name, str(default))
    if not (text.isascii() and text.isdecimal()) or len(text) > digits:
        raise Malformed(f"Not a number from 0 up, of {digits} digits at most.", where=name)
    return int(text)


def count(values: dict[str, str], default: int, most: int) -> int:
    """Return how many are asked for, at least one; raises as `number`."""
    return min(max(number(values, COUNT, default), 1), most)
