"""The search parameters we know, one table: for extraction when writing and for parsing when searching.

https://hl7.org/fhir/R4/search.html
"""

import calendar
import unicodedata
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final

from service.values.resources import SearchRows
from service.wire.fhir.references import literals

PARAMETERS: Final[dict[str, dict[str, tuple[str, str]]]] = {
    "CarePlan": {
        "patient": ("reference", "subject"),
        "subject": ("reference", "subject"),
        "status": ("token", "status"),
        "category": ("token", "category.coding"),
        "identifier": ("token", "identifier"),
    },
    "CareTeam": {
        "patient": ("reference", "subject"),
        "subject": ("reference", "subject"),
        "status": ("token", "status"),
        "identifier": ("token", "identifier"),
    },
    "EpisodeOfCare": {
        "patient": ("reference", "patient"),
        "status": ("token", "status"),
        "identifier": ("token", "identifier"),
    },
    "Patient": {
        "identifier": ("token", "identifier"),
        "family": ("string", "name.family"),
        "birthdate": ("date", "birthDate"),
    },
}
# what is made of the audit when it is asked for, and so has no rows
MADE: Final[dict[str, dict[str, tuple[str, str]]]] = {
    "AuditEvent": {
        "patient": ("reference", "entity.what"),
        "entity": ("reference", "entity.what"),
        "agent": ("reference", "agent.who"),
        "date": ("date", "recorded"),
    }
}
# what a string says to the letter stands under a parameter of its own (R4 search section 3.1.1.5.1)
EXACT: Final = ":exact"


def rows(resource: dict[str, Any]) -> SearchRows:
    """Return the search rows of a resource: those of the parameters of its type."""
    tokens: list[tuple[str, str, str]] = []
    references: list[tuple[str, str, str]] = []
    dates: list[tuple[str, str, str]] = []
    strings: list[tuple[str, str]] = []
    for name, (kind, path) in PARAMETERS.get(resource["resourceType"], {}).items():
        for value in _values(resource, path.split(".")):
            if kind == "token":
                tokens.append((name, *_token(value)))
            elif kind == "reference":
                references += [(name, *target) for target in references_in(value)]
            elif kind == "date":
                dates.append((name, *span(value)))
            else:
                strings += [(name, normal(value)), (name + EXACT, value)]
    unique = tuple(dict.fromkeys(references))
    return SearchRows(tuple(tokens), unique, tuple(dates), tuple(strings))


def references_in(node: Any) -> Iterator[tuple[str, str]]:
    """Give (type, id) of every literal reference at or below a node, versions left off."""
    for _, literal in literals(node, ""):
        if "/" in literal and ":" not in literal:
            type_, id_ = literal.split("/")[:2]
            yield type_, id_


def normal(text: str) -> str:
    """Return text as strings are compared: case-folded, without accents (R4 search section 3.1.1.4.7)."""
    apart = unicodedata.normalize("NFKD", text.casefold())
    return "".join(character for character in apart if not unicodedata.combining(character))


def span(value: str) -> tuple[str, str]:
    """Return the first and last second, UTC, that a FHIR date or dateTime covers."""
    first, last = bounds(value)
    return _instant(first), _instant(last)


def bounds(value: str) -> tuple[datetime, datetime]:
    """Return the first and last microsecond, UTC, that a FHIR date or dateTime covers.

    Raises:
        ValueError, OverflowError: there is no such day, hour or instant.
    """
    if "T" in value:
        first = datetime.fromisoformat(value).astimezone(UTC)
        return first, first + (_precision(value) - timedelta(microseconds=1))
    year, month, day = ([int(number) for number in value.split("-")] + [0, 0])[:3]
    start = datetime(year, month or 1, day or 1, tzinfo=UTC)
    last_month = month or 12
    last = date(year, last_month, day or calendar.monthrange(year, last_month)[1])
    end = datetime(last.year, last.month, last.day, tzinfo=UTC) + timedelta(days=1, microseconds=-1)
    return start, end


def _precision(instant: str) -> timedelta:
    """Return how long the last digit of an instant's time lasts: R4 search section 3.1.1.4.6."""
    time = instant[11:].rstrip("Z").partition("+")[0].partition("-")[0]
    if time.count(":") < 2:
        return timedelta(minutes=1)
    decimals = len(time.partition(".")[2])
    return max(timedelta(seconds=10**-decimals), timedelta(microseconds=1))


def _instant(at: datetime) -> str:
    return at.strftime("%Y-%m-%dT%H:%M:%SZ").rjust(20, "0")


def _token(value: Any) -> tuple[str, str]:
    """Return (system, code) of a code, Identifier or Coding."""
    if isinstance(value, dict):
        return value.get("system", ""), value.get("value") or value.get("code", "")
    return "", str(value)


def _values(node: Any, path: list[str]) -> Iterator[Any]:
    if isinstance(node, list):
        for item in node:
            yield from _values(item, path)
    elif not path:
        yield node
    elif isinstance(node, dict) and path[0] in node:
        yield from _values(node[path[0]], path[1:])
