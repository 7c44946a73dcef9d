"""What `_typeFilter` of a bulk export leaves of types, as searches on them.

https://hl7.org/fhir/uv/bulkdata/STU2/export.html#_typefilter-query-parameter
"""

import re
from collections.abc import Sequence
from functools import lru_cache
from typing import Final
from urllib.parse import parse_qsl

from service.errors import Malformed
from service.values.access.scope import Narrowing
from service.values.criteria import Plain
from service.wire.fhir.search.asked import Ours
from service.wire.fhir.search.criteria import criterion
from service.wire.fhir.search.parameters import searched_types

NAME: Final = "_typeFilter"
MOST_SEARCHES: Final = 10
MOST_PARAMETERS: Final = 5
MOST_VALUES: Final = 100
# a comma stands within searches, too
_NEXT: Final = re.compile(r",(?=[A-Z][A-Za-z]*\?)")


def filters_of(text: str) -> list[str]:
    """Return the searches of one value of the parameter, which are apart by commas."""
    return _NEXT.split(text)


@lru_cache(1_000)
def narrowings(filters: Sequence[str]) -> tuple[Narrowing, ...]:
    """Return what searches leave of each type: what matches one of those on it.

    Raises:
        Malformed: one is no search on a type, is by what types are not searched by, or there are too many.
    """
    by_type: dict[str, list[tuple[Plain, ...]]] = {}
    for text in filters:
        type_, mark, query = text.partition("?")
        if not mark or type_ not in searched_types():
            raise Malformed("Write a search on a type: CarePlan?status=active.", where=NAME)
        by_type.setdefault(type_, []).append(_criteria(type_, query))
    if any(len(searches) > MOST_SEARCHES for searches in by_type.values()):
        raise Malformed(f"A type is filtered by over {MOST_SEARCHES} searches.", where=NAME)
    return tuple(Narrowing(type_, tuple(searches)) for type_, searches in by_type.items())


def _criteria(type_: str, query: str) -> tuple[Plain, ...]:
    pairs = parse_qsl(query, keep_blank_values=True)
    values = [value for _, text in pairs for value in text.split(",")]
    if not pairs or len(pairs) > MOST_PARAMETERS or len(values) > MOST_VALUES or "\0" in query:
        most = f"{MOST_PARAMETERS} parameters and {MOST_VALUES} values"
        raise Malformed(f"A search has a parameter, and at most {most}.", where=NAME)
    try:
        return tuple(criterion(type_, name, text, Ours("", searched_types())) for name, text in pairs)
    except Malformed as exc:
        raise Malformed(f"Not a filter on {type_}: {exc}", where=NAME) from exc
