"""The parameters of an address that is ours alone: what is not known is refused.

Unheeded, a misspelt one would show too much, or begin a feed anew. What FHIR asks is read by its own routes.
"""

from collections.abc import Collection, Iterable
from typing import Final

from service.errors import Malformed

COUNT: Final = "_count"
# the name before it was FHIR's
_FORMER: Final = {"count": COUNT}


def parameters(given: Iterable[tuple[str, str]], known: Collection[str] = ()) -> dict[str, str]:
    """Return the parameters of an address by name; `count` is `_count`, where that is known.

    Raises:
        Malformed: one is not known, or given twice.
    """
    found: dict[str, str] = {}
    for said, text in given:
        name = _FORMER.get(said, said)
        if name not in known:
            listed = f"known are {', '.join(known)}" if known else "this address takes none"
            raise Malformed(f"Not a parameter here; {listed}.", where=said[:40])
        if name in found:
            raise Malformed("Given twice; give it once.", where=name)
        found[name] = text
    return found


def number(given: dict[str, str], name: str, default: int, *, digits: int = 6) -> int:
    """Return a whole number from 0 up; raises Malformed with the parameter's name."""
    text = given.get(name, str(default))
    if not (text.isascii() and text.isdecimal()) or len(text) > digits:
        raise Malformed(f"Not a number from 0 up, of {digits} digits at most.", where=name)
    return int(text)


def count(given: dict[str, str], default: int, most: int) -> int:
    """Return how many are asked for, at least one; raises as `number`."""
    return min(max(number(given, COUNT, default), 1), most)
