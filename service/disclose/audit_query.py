"""A search for AuditEvents: what FHIR lets ask for, as a question to the audit.

https://hl7.org/fhir/R4/auditevent.html#search
"""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from service.errors import Malformed
from service.values.audit import AuditQuery
from service.values.resources import Criterion, Query

# search rows know whole seconds
_SECOND: Final = timedelta(seconds=1)
_INSTANT: Final = timedelta(microseconds=1)


def audit_query(query: Query) -> tuple[AuditQuery, str | None]:
    """Return the question, and the id of the Patient that it is about, where it is about one.

    Raises:
        Malformed: what is asked for is not found in the audit; names the parameter.
    """
    if query.ids or query.updated:
        raise Malformed("Not a search of AuditEvents; read one by its address.", where="_id, _lastUpdated")
    asked, patient = AuditQuery(count=max(query.count, 1)), None
    for condition in query.conditions:
        if len(condition.values) > 1:
            raise Malformed("Ask for one value at a time.", where=condition.parameter)
        (value,) = condition.values
        type_, id_ = value[-2:]
        if condition.parameter == "patient":
            patient = str(id_)
        elif condition.parameter == "agent":
            asked = replace(asked, partner=str(id_))
        elif condition.parameter == "entity":
            if not type_:
                raise Malformed("Name its type too: Type/id.", where="entity")
            asked = replace(asked, thing=f"{type_}/{id_}")
        else:
            asked = _between(asked, condition)
    return asked, patient


def _between(asked: AuditQuery, condition: Criterion) -> AuditQuery:
    """Return a question within the bounds of a date, too."""
    ((prefix, *bounds),) = condition.values
    first, last = (datetime.fromisoformat(str(bound)) for bound in bounds)
    after_last = last + _SECOND
    since = {"eq": first, "ge": first, "gt": after_last, "sa": after_last}.get(str(prefix))
    until = {"eq": after_last, "le": after_last, "lt": first, "eb": first}.get(str(prefix))
    if since is None and until is None:
        raise Malformed("Known here are eq, ge, gt, le, lt, sa and eb.", where=condition.parameter)
    if since is not None:
        asked = replace(asked, since=max(asked.since or since, since))
    if until is not None:
        until -= _INSTANT
        asked = replace(asked, until=min(asked.until or until, until))
    return asked
