"""A Query as SQL: every criterion an EXISTS on an indexed table, the scope among the criteria.

A statement depends on the form of the question alone (which kinds of criteria, how many values), so that it
is built once for all questions of that form; their values are bound when it runs.

https://hl7.org/fhir/R4/search.html
"""

from datetime import datetime
from functools import lru_cache
from typing import Any, NamedTuple

from sqlalchemy import (
    Integer,
    Select,
    and_,
    bindparam,
    func,
    or_,
    select,
)

from service.store import criteria
from service.store import scope as of_scope
from service.store import tables as t
from service.store.rows import stored_of
from service.store.sql.engine import Executor
from service.values.resources import Page, Query
from service.values.scope import SHARED, Scope

FORMS = 500
FEW = 10


class Form(NamedTuple):
    """What a question looks like: each criterion's kind and its values' forms, the prefixes of dates.

    `shared` says that its type may be no client's.
    """

    shared: bool
    criteria: tuple[criteria.Form, ...]
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
    asked = tuple(criteria.form(condition) for condition in query.conditions)
    prefixes = tuple(prefix for prefix, _, _ in query.updated)
    return Form(query.type in SHARED, asked, prefixes, bool(query.ids), query.after is not None)


def _values(query: Query) -> dict[str, Any]:
    """What a question asks for, by the names its form's statement binds."""
    values: dict[str, Any] = {"type": query.type, "ids": query.ids, "rows": query.count + 1}
    for number, condition in enumerate(query.conditions):
        values |= criteria.parameters(str(number), condition)
    for number, (_, low, high) in enumerate(query.updated):
        values[f"low_{number}"], values[f"high_{number}"] = map(datetime.fromisoformat, (low, high))
    if query.after is not None:
        values["after_at"], values["after_id"] = datetime.fromisoformat(query.after[0]), query.after[1]
    return values


@lru_cache(maxsize=FORMS)
def _statements(scope: of_scope.Form, form: Form) -> tuple[Select[Any], Select[Any]]:
    """Return the statement of a page, and that of the count of all pages."""
    c = t.resource.c
    inside = of_scope.of_resources if form.shared else of_scope.of_clients
    where = [inside(scope, t.resource), c.type == bindparam("type")]
    where += [
        criteria.condition(str(number), asked, t.resource) for number, asked in enumerate(form.criteria)
    ]
    where += [
        criteria.between(
            prefix, c.last_updated, c.last_updated, bindparam(f"low_{n}"), bindparam(f"high_{n}")
        )
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
