"""The parameters of a history: https://hl7.org/fhir/R4/http.html#history."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime

from service.disclose.query.results import MOST, count_of
from service.errors import Malformed
from service.values.kept.resources import HistoryQuery
from service.wire.fhir.search.forms.dates import bounds
from service.wire.fhir.search.forms.numbers import prefix_and_date
from service.wire.parameters import shown


def parse_past(
    types: tuple[str, ...],
    id_: str | None,
    parameters: Sequence[tuple[str, str]],
    after: tuple[str | float, ...] | None,
    most: int = MOST,
) -> HistoryQuery:
    """Return which versions a history asks for, `most` on a page (R4 http section 3.1.0.12).

    Raises:
        Malformed: an unknown parameter, one given twice, or one that cannot be read; names the parameter.
    """
    past = HistoryQuery(types, id_, after=after)
    past = replace(past, count=min(past.count, most))
    seen: set[str] = set()
    for name, text in parameters:
        if name in seen:
            raise Malformed("A history has each parameter once.", where=shown(name))
        seen.add(name)
        if name == "_count":
            past = replace(past, count=min(count_of(text), most))
        elif name == "_since":
            past = replace(past, since=since_of(text))
        elif name == "_at":
            past = replace(past, at=_at(text))
        else:
            known = "known are _count, _since and _at"
            raise Malformed(f"Not a parameter of a history; {known}.", where=shown(name))
    return past


def since_of(text: str) -> datetime:
    """Return the instant of a `_since`, in an address perhaps with a space for its +; raises Malformed."""
    try:
        if "T" in text and (instant := datetime.fromisoformat(text.replace(" ", "+"))).tzinfo:
            return instant.astimezone(UTC)
    except (ValueError, OverflowError) as exc:
        raise Malformed("No such instant in the calendar.", where="_since") from exc
    raise Malformed("Not an instant, e.g. 2026-03-02T08:00:00Z.", where="_since")


def _at(text: str) -> tuple[datetime, datetime]:
    """Return the first and last instant of a date, month, year or time."""
    if not text[:1].isdecimal():
        raise Malformed("Not a date or instant, e.g. 2026-03 or 2026-03-02T08:00:00Z.", where="_at")
    return bounds(prefix_and_date("_at", text)[1])
