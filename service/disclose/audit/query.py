"""A search for AuditEvents: what FHIR lets ask for, as a question to the audit.

They are made of the audit when they are asked for, and so are found by what that keeps.

https://hl7.org/fhir/R4/auditevent.html#search
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Final

from service.disclose.query.parse import check_bounds
from service.disclose.query.results import MOST, count_of
from service.errors import Malformed
from service.values.audit import AuditQuery
from service.wire.fhir.search.criteria import type_and_id
from service.wire.fhir.search.forms.dates import bounds
from service.wire.fhir.search.forms.escapes import alternatives, plain
from service.wire.fhir.search.forms.numbers import prefix_and_date
from service.wire.parameters import shown

PARAMETERS: Final = {
    "patient": "`Patient/id`, the id alone, or the whole address.",
    "entity": "`Type/id`, or the whole address.",
    "agent": "Who asked, by its name in the registry.",
    "date": "A date or instant with an optional prefix, e.g. `ge2026-03`: eq, ge, gt, le, lt, sa or eb.",
}
_INSTANT: Final = timedelta(microseconds=1)


def audit_query(
    parameters: Sequence[tuple[str, str]], base: str, most: int = MOST
) -> tuple[AuditQuery, str | None]:
    """Return the question, and the id of the Patient that it is about, where it is about one.

    `base` is our address, as absolute references name it; a page has `most` events at most.

    Raises:
        Malformed: what is asked for is not found in the audit, or cannot be read; names the parameter.
    """
    check_bounds(parameters)
    asked, patient, said = AuditQuery(count=min(50, most)), None, set[str]()
    for name, text in parameters:
        if name in said - {"date"}:
            raise Malformed("Say it once.", where=name)
        said.add(name)
        if name == "_count":
            asked = replace(asked, count=max(min(count_of(text), most), 1))
        elif name == "date":
            asked = _between(asked, name, text)
        elif name == "patient":
            patient = _reference(name, text, base)[1]
        elif name == "agent":
            asked = replace(asked, partner=_reference(name, text, base)[1])
        elif name == "entity":
            type_, id_ = _reference(name, text, base)
            if not type_:
                raise Malformed("Name its type too: Type/id.", where=name)
            asked = replace(asked, thing=f"{type_}/{id_}")
        else:
            known = ", ".join((*PARAMETERS, "_count"))
            what = f"Not a search parameter of AuditEvent; known are {known}. Read one by its address."
            raise Malformed(what, where=shown(name))
    return asked, patient


def _one(name: str, text: str) -> str:
    first, *more = alternatives(text, name)
    if more:
        raise Malformed("Ask for one value at a time.", where=name)
    return plain(first)


def _reference(name: str, text: str, base: str) -> tuple[str, str]:
    return type_and_id(name, _one(name, text).removeprefix(f"{base}/"))


def _between(asked: AuditQuery, name: str, text: str) -> AuditQuery:
    """Return a question within the bounds of a date, too."""
    prefix, date = prefix_and_date(name, _one(name, text))
    first, last = bounds(date)
    try:
        since = {"eq": first, "ge": first}.get(prefix) or (
            last + _INSTANT if prefix in {"gt", "sa"} else None
        )
        until = {"eq": last, "le": last}.get(prefix) or (first - _INSTANT if prefix in {"lt", "eb"} else None)
    except OverflowError as exc:
        raise Malformed("No day of the calendar is beyond that.", where=name) from exc
    if since is None and until is None:
        raise Malformed("Known here are eq, ge, gt, le, lt, sa and eb.", where=name)
    if since is not None:
        asked = replace(asked, since=max(asked.since or since, since))
    if until is not None:
        asked = replace(asked, until=min(asked.until or until, until))
    return asked
