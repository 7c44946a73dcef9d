"""The parameters of a history: https://hl7.org/fhir/R4/http.html#history."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from service.disclose.query.results import CURSOR, MOST, count_of
from service.errors import Malformed
from service.values.resources import HistoryQuery
from service.wire.parameters import shown


def parse_past(parameters: Sequence[tuple[str, str]], most: int = MOST) -> HistoryQuery:
    """Return which versions a history asks for, `most` on a page (R4 http section 3.1.0.12).

    Raises:
        Malformed: an unknown parameter, or one that cannot be read; names the parameter.
    """
    past = HistoryQuery()
    past = replace(past, count=min(past.count, most))
    for name, text in parameters:
        if name == "_count":
            past = replace(past, count=min(count_of(text), most))
        elif name == "_since":
            past = replace(past, since=_since(text))
        elif name == CURSOR and text.isdecimal() and len(text) < 10:
            past = replace(past, below=int(text))
        else:
            raise Malformed("Not a parameter of a history; known are _count and _since.", where=shown(name))
    return past


def _since(text: str) -> datetime:
    try:
        if "T" in text and (instant := datetime.fromisoformat(text)).tzinfo is not None:
            return instant
    except ValueError as exc:
        raise Malformed("No such instant in the calendar.", where="_since") from exc
    raise Malformed("Not an instant, e.g. 2026-03-02T08:00:00Z.", where="_since")
