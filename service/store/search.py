"""A Query as SQL: every criterion an EXISTS on an indexed table, the scope among the criteria.

A statement depends on the form of the question alone (which kinds of criteria, how many values), so that it
is built once for all questions of that form; their values are bound when it runs.

https://hl7.org/fhir/R4/search.html
"""

from datetime import datetime
from functools import lru_cache
from typing import Any, NamedTuple

from sqlalchemy import (
    ColumnElement,
    Integer,
    Select,
    Table,
    and_,
    bindparam,
    exists,
    func,
    not_,
    or_,
    select,
)

from service.store import scope as of_scope
from service.store import tables as t
from service.store.rows import stored_of
from service.store.sql.engine import Executor
from service.values.resources import Page, Query
from service.values.scope import SHARED, Scope

TABLES = {"token": t.token, "reference": t.reference, "date": t.dates, "string": t.strings}
FORMS = 500
FEW = 10


class Form(NamedTuple):
    """What a question looks like: each criterion's kind and its values' forms, the prefixes of dates.

    `shared` says that its type may be no client's.
    """

    shared: bool
    criteria: tuple[tuple[str, tuple[str, ...]], ...]
    updated: tuple[str, ...]
    ids: bool
    after: bool


def search(connection: Executor, scope: Scope, query: Query) -> Page:
    """Return one page, newest first, and the total of all that matches inside the scope."""
    page, counted = _statements(of_scope.form(scope), _form(query))
    values = {**of_scope.parameters(scope), **_values(query)}
    resources = [stored_of(row) for row in connection.execute(page, values)]
    shown = resources[: query.count]
    more = len(resources) > query.count and bool(shown)
    key = (shown[-1].last_updated.isoformat(), shown[-1].id) if more else None
    total = None
    if query.with_total:
        # a first page that holds all that matches has counted it
        all_shown = query.after is None and len(resources) <= query.count
        total = len(resources) if all_shown else connection.execute(counted, values).scalar_one()
    return Page(tuple(shown), total, key)


def _form(query: Query) -> Form:
    criteria = tuple(
        (condition.kind, tuple(_value_form(condition.kind, value) for value in condition.values))
        for condition in query.conditions
    )
    prefixes = tuple(prefix for prefix, _, _ in query.updated)
    return Form(query.type in SHARED, criteria, prefixes, bool(query.ids), query.after is not None)


def _value_form(kind: str, value: tuple[str | None, ...]) -> str:
    """A date's prefix, a string's modifier; of a token or reference whether its system or type is given."""
    if kind in {"date", "string"}:
        return str(value[0])
    anything = None if kind == "token" else ""
    return "any" if value[0] == anything else "given"


def _values(query: Query) -> dict[str, Any]:
    """What a question asks for, by the names its form's statement binds."""
    values: dict[str, Any] = {"type": query.type, "ids": query.ids, "rows": query.count + 1}
    for number, condition in enumerate(query.conditions):
        values[f"parameter_{number}"] = condition.parameter
        for place, value in enumerate(condition.values):
            first, second = value[-2:]
            if condition.kind == "string":
                second = _pattern(str(first), str(second))
            values[f"first_{number}_{place}"], values[f"second_{number}_{place}"] = first, second
    for number, (_, low, high) in enumerate(query.updated):
        values[f"low_{number}"], values[f"high_{number}"] = map(datetime.fromisoformat, (low, high))
    if query.after is not None:
        values["after_at"], values["after_id"] = datetime.fromisoformat(query.after[0]), query.after[1]
    return values


def _pattern(modifier: str, text: str) -> str:
    """What LIKE looks for; an exact search takes the text as it is."""
    if modifier == "exact":
        return text
    escaped = text.replace("/", "//").replace("%", "/%").replace("_", "/_")
    return f"%{escaped}%" if modifier == "contains" else f"{escaped}%"


@lru_cache(maxsize=FORMS)
def _statements(scope: of_scope.Form, form: Form) -> tuple[Select[Any], Select[Any]]:
    """Return the statement of a page, and that of the count of all pages."""
    c = t.resource.c
    inside = of_scope.of_resources if form.shared else of_scope.of_clients
    where = [inside(scope, t.resource), c.type == bindparam("type")]
    where += [_criterion(number, kind, forms) for number, (kind, forms) in enumerate(form.criteria)]
    where += [
        _between(prefix, c.last_updated, c.last_updated, bindparam(f"low_{n}"), bindparam(f"high_{n}"))
        for n, prefix in enumerate(form.updated)
    ]
    if form.ids:
        where.append(c.id.in_(bindparam("ids", expanding=True)))
    counted = select(func.count()).select_from(t.resource).where(*where)
    if form.after:
        at: Any = bindparam("after_at")
        where.append(or_(c.last_updated < at, and_(c.last_updated == at, c.id < bindparam("after_id"))))
    columns = select(c.type, c.id, c.version, c.last_updated, c.body, c.client)
    ordered = columns.where(*where).order_by(c.last_updated.desc(), c.id.desc())
    page = ordered.limit(bindparam("rows", type_=Integer))
    is_narrow = scope.everything or form.ids or any(kind == "reference" for kind, _ in form.criteria)
    if is_narrow and sum(len(forms) for _, forms in form.criteria) <= FEW:
        return page, counted
    # where nothing narrows it but the scope, how to search depends on how many clients are in that; and each
    # number of many values is another statement, whose plan would take a megabyte of the server's memory
    return page.execution_options(prepare=False), counted.execution_options(prepare=False)


def _criterion(number: int, kind: str, forms: tuple[str, ...]) -> ColumnElement[bool]:
    table = TABLES[kind]
    same = and_(
        table.c.view == t.resource.c.view,
        table.c.type == t.resource.c.type,
        table.c.id == t.resource.c.id,
        table.c.parameter == bindparam(f"parameter_{number}"),
    )
    values = [_value(kind, table, form, f"{number}_{place}") for place, form in enumerate(forms)]
    return exists().where(same, or_(*values))


def _value(kind: str, table: Table, form: str, name: str) -> ColumnElement[bool]:
    first: Any = bindparam(f"first_{name}")
    second: Any = bindparam(f"second_{name}")
    if kind == "token":
        code = table.c.code == second
        return code if form == "any" else and_(table.c.system == first, code)
    if kind == "reference":
        target = table.c.target_id == second
        return target if form == "any" else and_(table.c.target_type == first, target)
    if kind == "date":
        return _between(form, table.c.low, table.c.high, first, second)
    return table.c.value == second if form == "exact" else table.c.value.like(second, escape="/")


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
