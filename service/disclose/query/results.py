"""Parameters of results: how many, in what order, how much of each.

https://hl7.org/fhir/R4/search.html#return
"""

from collections.abc import Mapping
from typing import Final

from service.errors import Malformed
from service.values.criteria import Order
from service.wire.fhir.search.parameters import Parameter, parameters_of

CURSOR: Final = "_cursor"
MOST: Final = 500
TOTALS: Final = ("none", "estimate", "accurate")
SUMMARIES: Final = ("true", "text", "data", "count", "false")
# by the hashes that the others are found by nothing can be sorted
_SORTED: Final[Mapping[str, str]] = {"date": "range", "quantity": "range", "string": "text"}
_COLUMNS: Final[Mapping[str, str]] = {"_lastUpdated": "updated", "_id": "id"}


def count_of(text: str) -> int:
    """Return how many results a page has; raises Malformed."""
    if not (text.isascii() and text.isdecimal()):
        raise Malformed("Not a count.", where="_count")
    digits = text.lstrip("0") or "0"
    return MOST if len(digits) > len(str(MOST)) else min(int(digits), MOST)


def one_of(name: str, text: str, known: tuple[str, ...]) -> str:
    """Return a value that is one of those known; raises Malformed."""
    if text not in known:
        raise Malformed(f"Not known here; known are {', '.join(known)}.", where=name)
    return text


def orders(types: tuple[str, ...], text: str) -> tuple[Order, ...]:
    """Return by what results of types are sorted; a name with - before it sorts downwards.

    Raises:
        Malformed: nothing is sorted by that.
    """
    (only,) = types if len(types) == 1 else (None,)
    known = parameters_of(only) if only else {}
    sortable = {**_COLUMNS, **{name: of.kind for name, of in known.items() if of.kind in _SORTED}}
    names = text.split(",")
    plain = [name.removeprefix("-") for name in names]
    if len(set(plain)) < len(plain) or not set(plain) <= sortable.keys():
        raise Malformed(f"Sorted by each of these at most once: {', '.join(sortable)}.", where="_sort")
    return tuple(
        _order(name, only or "", known, said.startswith("-")) for name, said in zip(plain, names, strict=True)
    )


def _order(name: str, type_: str, known: Mapping[str, Parameter], descending: bool) -> Order:
    if name in _COLUMNS:
        return Order(_COLUMNS[name], descending=descending)
    parameter = known[name]
    paths = tuple(f"{type_}.{path.text}" for path in parameter.paths)
    return Order(_SORTED[parameter.kind], paths, descending)
