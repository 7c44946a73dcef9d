"""A Query as SQL: a page of what meets its conditions inside the scope, in order, and how many do.

A statement depends on the form of the question alone (which conditions, how many alternatives), so that it
is built once for all questions of that form; their values are bound when it runs.

https://hl7.org/fhir/R4/search.html
"""

from datetime import datetime
from functools import lru_cache
from typing import Any, Final, NamedTuple

from sqlalchemy import (
    ColumnElement,
    Float,
    FromClause,
    Integer,
    Select,
    String,
    and_,
    bindparam,
    func,
    or_,
    select,
)

from service.store import tables as t
from service.store.rows.typed import stored_of
from service.store.scope import condition as of_scope
from service.store.scope import criteria
from service.store.scope.criteria import HIGHEST, between
from service.store.search.conditions import (
    PLANNED_ONCE,
    Place,
    condition_of,
    few,
    form_of,
    inside,
    inside_found,
    values_of,
)
from service.store.sql.engine import Executor
from service.store.sql.terms import hash_of, hashed
from service.values.access.scope import SHARED, Scope
from service.values.criteria import HasTerm, Order, RefersTo
from service.values.kept.resources import Page, Query
from service.wire.fhir.search.forms.dates import EARLIEST, LATEST

FORMS: Final = 500
FEW: Final = 10
# what a link says of the last one seen, as it is compared
_READ: Final[dict[str, Any]] = {"updated": datetime.fromisoformat, "range": float}
NEWEST_FIRST: Final = (Order("updated", descending=True), Order("id", descending=True))


class Form(NamedTuple):
    """What a question looks like: the forms of its conditions, the prefixes of `_lastUpdated`, its order.

    `narrow` are the conditions that few resources meet, or that lead on, by number; `types` says that it is
    of several types, `shared` that one of them may be no client's.
    """

    conditions: tuple[criteria.Form, ...]
    narrow: tuple[int, ...]
    updated: tuple[str, ...]
    order: tuple[tuple[str, bool], ...]
    ids: bool
    after: bool
    types: bool
    shared: bool
    postgresql: bool


def search(connection: Executor, scope: Scope, query: Query) -> Page:
    """Return one page, and the total of all that matches inside the scope if it is asked for."""
    order = _order(query)
    form = _form(query, order, connection.dialect.name == "postgresql")
    page, counted = _statements(of_scope.form(scope), form)
    values = {**of_scope.parameters(scope), **_values(query, order, scope.view)}
    rows = list(connection.execute(page, values))
    shown = [stored_of(row) for row in rows[: query.count]]
    more = len(rows) > query.count and bool(shown)
    key = tuple(_key(value) for value in rows[query.count - 1][-len(order) :]) if more else None
    # a first page that holds all that matches has counted it
    total = len(rows) if query.after is None and len(rows) <= query.count else None
    if total is None and query.with_total:
        total = connection.execute(counted, values).scalar_one()
    return Page(tuple(shown), total, key)


def _order(query: Query) -> tuple[Order, ...]:
    if not query.order:
        return NEWEST_FIRST if not query.types else (*NEWEST_FIRST, Order("type"))
    said = {order.by for order in query.order}
    last = [Order(by) for by in ("id", *(["type"] if query.types else [])) if by not in said]
    return (*query.order, *last)


def _form(query: Query, order: tuple[Order, ...], postgresql: bool) -> Form:
    return Form(
        conditions=tuple(form_of(condition) for condition in query.conditions),
        narrow=tuple(
            number
            for number, condition in enumerate(query.conditions)
            if isinstance(condition, RefersTo) or (isinstance(condition, HasTerm) and condition.is_narrow)
        ),
        updated=tuple(prefix for prefix, _, _ in query.updated),
        order=tuple((each.by, each.descending) for each in order),
        ids=bool(query.ids),
        after=query.after is not None,
        types=bool(query.types),
        shared=not SHARED.isdisjoint(query.types or (query.type,)),
        postgresql=postgresql,
    )


def _values(query: Query, order: tuple[Order, ...], view: str) -> dict[str, Any]:
    """What a question asks for, by the names its form's statement binds."""
    values: dict[str, Any] = {"type": query.type, "ids": query.ids, "rows": query.count + 1}
    values |= {"types": query.types} if query.types else {}
    for number, condition in enumerate(query.conditions):
        values |= dict(values_of(condition, f"c{number}", view))
    for number, (_, low, high) in enumerate(query.updated):
        values[f"low_{number}"], values[f"high_{number}"] = map(datetime.fromisoformat, (low, high))
    for number, each in enumerate(order):
        if each.paths:
            values[f"paths_{number}"] = [hashed(f"{view} {path}") for path in each.paths]
        if query.after is not None:
            last = query.after[number]
            values[f"after_{number}"] = _READ.get(each.by, str)(last)
    return values


def _key(value: Any) -> str | float:
    if isinstance(value, datetime):
        return value.isoformat()
    return value if isinstance(value, float) else str(value)


@lru_cache(maxsize=FORMS)
def _statements(scope: of_scope.Form, form: Form) -> tuple[Select[Any], Select[Any]]:
    """Return the statement of a page, and that of the count of all pages."""
    rows, left = _rows(scope, form)
    place = Place(scope, rows, form.postgresql)
    visible = inside if rows is t.resource else inside_found
    where = [visible(place, form.shared), _of_types(form, rows)]
    where += [condition_of(form.conditions[number], f"c{number}", place) for number in left]
    c = rows.c
    where += [
        between(prefix, c.last_updated, c.last_updated, bindparam(f"low_{n}"), bindparam(f"high_{n}"))
        for n, prefix in enumerate(form.updated)
    ]
    if form.ids:
        where.append(c.id.in_(bindparam("ids", expanding=True)))
    counted = select(func.count()).select_from(rows).where(*where)
    sorted_by = [_sorted_by(by, descending, n, rows) for n, (by, descending) in enumerate(form.order)]
    if form.after:
        where.append(_follows(form.order, sorted_by))
    columns = select(c.type, c.id, c.version, c.last_updated, c.body, c.client, *_labelled(sorted_by)).where(
        *where
    )
    directions = zip(sorted_by, form.order, strict=True)
    ordered = columns.order_by(*(by.desc() if descends else by.asc() for by, (_, descends) in directions))
    page = ordered.limit(bindparam("rows", type_=Integer))
    is_narrow = form.narrow or (form.ids and not scope.payers) or not form.postgresql
    leads_on = any(condition[0] is RefersTo for condition in form.conditions)
    if is_narrow and not leads_on and len(form.conditions) <= FEW:
        # to plan it takes several times as long as to run it
        return page.execution_options(setting=PLANNED_ONCE), counted.execution_options(setting=PLANNED_ONCE)
    # where nothing narrows it but the scope or what many have, how to search depends on the values
    return page.execution_options(prepare=False), counted.execution_options(prepare=False)


def _rows(scope: of_scope.Form, form: Form) -> tuple[FromClause, list[int]]:
    """Return the rows that are looked through, and the numbers of the conditions that are left.

    What few resources have, or what leads on, leads to them first, whatever the order.
    """
    left = [number for number in range(len(form.conditions)) if number not in form.narrow]
    if not (form.postgresql and form.narrow):
        return t.resource, list(range(len(form.conditions)))
    place = Place(scope, t.resource, form.postgresql)
    return few(*(condition_of(form.conditions[number], f"c{number}", place) for number in form.narrow)), left


def _of_types(form: Form, rows: FromClause) -> ColumnElement[bool]:
    return (
        rows.c.type.in_(bindparam("types", expanding=True))
        if form.types
        else rows.c.type == bindparam("type")
    )


def _labelled(sorted_by: list[ColumnElement[Any]]) -> list[Any]:
    return [by.label(f"sorted_{number}") for number, by in enumerate(sorted_by)]


def _sorted_by(by: str, descending: bool, number: int, rows: FromClause) -> ColumnElement[Any]:
    """Return what rows are sorted by: of several values the one that comes first; who has none comes last."""
    c = rows.c
    if by in {"updated", "id", "type"}:
        return {"updated": c.last_updated, "id": c.id, "type": c.type}[by]
    table, first, last, type_ = (
        (t.ranges, t.ranges.c.low, t.ranges.c.high, Float)
        if by == "range"
        else (t.texts, t.texts.c.value, t.texts.c.value, String)
    )
    of = hash_of(c.view.concat(" ").concat(c.type).concat("/").concat(c.id))
    value = func.max(last) if descending else func.min(first)
    keys = table.c.key.in_(bindparam(f"paths_{number}", expanding=True))
    mine = select(value).where(table.c.resource == of, keys)
    nothing: Any = (EARLIEST if descending else LATEST) if by == "range" else ("" if descending else HIGHEST)
    return func.coalesce(mine.scalar_subquery(), bindparam(None, nothing, type_=type_))


def _follows(order: tuple[tuple[str, bool], ...], sorted_by: list[ColumnElement[Any]]) -> ColumnElement[bool]:
    """Return whether a row comes after the last one seen."""
    last: list[Any] = [bindparam(f"after_{number}", type_=by.type) for number, by in enumerate(sorted_by)]
    ways = []
    for number, (_, descending) in enumerate(order):
        same = [by == value for by, value in zip(sorted_by[:number], last, strict=False)]
        by, value = sorted_by[number], last[number]
        ways.append(and_(*same, by < value if descending else by > value))
    return or_(*ways)
