"""A Query as SQL: every criterion an EXISTS on an indexed table, the scope among the criteria.

https://hl7.org/fhir/R4/search.html
"""

from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Table, and_, exists, func, not_, or_, select

from service.store import tables as t
from service.store.rows import stored_of
from service.store.scope import of_resources
from service.values.resources import Condition, Page, Query
from service.values.scope import Scope

TABLES = {"token": t.token, "reference": t.reference, "date": t.dates, "string": t.strings}


def search(connection: Connection, scope: Scope, query: Query) -> Page:
    """Return one page, newest first, and the total of all that matches inside the scope."""
    c = t.resource.c
    where = [of_resources(scope, t.resource), c.type == query.type]
    where += [_criterion(each) for each in query.conditions]
    where += [_updated(prefix, low, high) for prefix, low, high in query.updated]
    if query.ids:
        where.append(c.id.in_(query.ids))
    counted = select(func.count()).select_from(t.resource).where(*where)
    if query.after is not None:
        at, id_ = datetime.fromisoformat(query.after[0]), query.after[1]
        where.append(or_(c.last_updated < at, and_(c.last_updated == at, c.id < id_)))
    columns = select(c.type, c.id, c.version, c.last_updated, c.body)
    chosen = columns.where(*where).order_by(c.last_updated.desc(), c.id.desc()).limit(query.count + 1)
    found = [stored_of(row) for row in connection.execute(chosen)]
    shown = found[: query.count]
    more = len(found) > query.count and bool(shown)
    key = (shown[-1].last_updated.isoformat(), shown[-1].id) if more else None
    total = None
    if query.with_total:
        # a first page that holds all that matches has counted it
        all_shown = query.after is None and len(found) <= query.count
        total = len(found) if all_shown else connection.execute(counted).scalar_one()
    return Page(tuple(shown), total, key)


def _criterion(condition: Condition) -> ColumnElement[bool]:
    table = TABLES[condition.kind]
    same = and_(
        table.c.view == t.resource.c.view,
        table.c.type == t.resource.c.type,
        table.c.id == t.resource.c.id,
        table.c.parameter == condition.parameter,
    )
    values = [_value(condition.kind, table, each) for each in condition.values]
    return exists().where(same, or_(*values))


def _value(kind: str, table: Table, value: tuple[str | None, ...]) -> ColumnElement[bool]:
    if kind == "token":
        system, code = value
        return (
            table.c.code == code if system is None else and_(table.c.system == system, table.c.code == code)
        )
    if kind == "reference":
        type_, id_ = value
        return (
            and_(table.c.target_type == type_, table.c.target_id == id_)
            if type_
            else table.c.target_id == id_
        )
    if kind == "date":
        prefix, low, high = value
        return _between(str(prefix), table.c.low, table.c.high, low, high)
    modifier, text = value
    if modifier == "exact":
        return table.c.value == text
    return (
        table.c.value.contains(text, autoescape=True) if modifier == "contains" else _starts(table, str(text))
    )


def _starts(table: Table, text: str) -> ColumnElement[bool]:
    return table.c.value.startswith(text, autoescape=True)


def _updated(prefix: str, low: str, high: str) -> ColumnElement[bool]:
    at = t.resource.c.last_updated
    ends = [datetime.fromisoformat(each) for each in (low, high)]
    return _between(prefix, at, at, *ends)


def _between(prefix: str, low: Any, high: Any, first: Any, last: Any) -> ColumnElement[bool]:
    """R4 search section 3.1.1.4.6: how a prefix compares the range [low, high] with [first, last]."""
    inside: ColumnElement[bool] = and_(low >= first, high <= last)
    comparisons: dict[str, ColumnElement[bool]] = {
        "eq": inside,
        "ne": not_(inside),
        "gt": high > last,
        "lt": low < first,
        "ge": or_(high > last, inside),
        "le": or_(low < first, inside),
        "sa": low > last,
        "eb": high < first,
        "ap": and_(low <= last, high >= first),
    }
    return comparisons[prefix]
