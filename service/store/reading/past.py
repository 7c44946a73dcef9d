"""Histories as SQL: the versions of a resource, of a type, of all types, newest first, inside the scope.

Erased versions are nowhere; that a resource was erased is told to who sees everything.

https://hl7.org/fhir/R4/http.html#history
"""

from datetime import datetime
from functools import lru_cache
from typing import Any, Final, NamedTuple

from sqlalchemy import (
    ColumnElement,
    CompoundSelect,
    FromClause,
    Integer,
    LargeBinary,
    Select,
    String,
    bindparam,
    exists,
    func,
    literal,
    null,
    select,
    tuple_,
    union_all,
)

from service.store import tables as t
from service.store.rows.typed import aware, stored_of
from service.store.scope import condition as of_scope
from service.store.sql.engine import Executor
from service.values.access.scope import SHARED, Scope
from service.values.kept.resources import HistoryQuery, Page, StoredResource

FORMS: Final = 200
LAST: Final = 2**31 - 1
"""Stands for the version of what was erased: later than all there were."""
_AT: Final = t.history.c.last_updated.type
_SEEN: Final[dict[str, Any]] = {
    "after_at": _AT,
    "after_type": String(),
    "after_id": String(),
    "after_version": Integer(),
}


class Form(NamedTuple):
    """What a history looks like: of each of its types whether it may be no client's, and which bounds it has.

    `one` says that it is of one resource, `stones` that what was erased is told.
    """

    shared: tuple[bool, ...]
    one: bool
    since: bool
    at: bool
    after: bool
    stones: bool


def history(connection: Executor, scope: Scope, past: HistoryQuery) -> Page:
    """Return one page, and how many versions there are in all where it is of one resource."""
    form = Form(
        shared=tuple(type_ in SHARED for type_ in past.types),
        one=past.id is not None,
        since=past.since is not None,
        at=past.at is not None,
        after=past.after is not None,
        stones=scope.everything and not scope.narrowed,
    )
    page, counted = _statements(of_scope.form(scope), form)
    values = {**of_scope.parameters(scope), **_values(past)}
    rows = connection.execute(page, values).all()
    total = connection.execute(counted, values).scalar_one() if form.one else None
    shown = [_stored(row) for row in rows[: past.count]]
    more = len(rows) > past.count and bool(shown)
    return Page(tuple(shown), total, _key(shown[-1], form) if more else None)


def _key(last: StoredResource, form: Form) -> tuple[str | float, ...]:
    if form.one:
        return (last.version,)
    return last.last_updated.isoformat(), last.type, last.id, last.version


def _values(past: HistoryQuery) -> dict[str, Any]:
    values: dict[str, Any] = {"id": past.id, "since": past.since, "rows": past.count + 1}
    values |= {f"type_{number}": type_ for number, type_ in enumerate(past.types)}
    if past.at is not None:
        values["first"], values["last"] = past.at
    if past.after is not None:
        *place, values["after_version"] = past.after
        if place:
            values["after_type"], values["after_id"] = place[1:]
            values["after_at"] = datetime.fromisoformat(str(place[0]))
    return values


def _stored(row: Any) -> StoredResource:
    if row.version == LAST:
        return StoredResource(row.type, row.id, row.version, aware(row.last_updated), b"", None)
    return stored_of(row)


@lru_cache(FORMS)
def _statements(scope: of_scope.Form, form: Form) -> tuple[Select[Any], Select[Any]]:
    """Return the statement of a page, and that of how many versions there are.

    Each type is asked for by itself, so that the index has its versions in their order.
    """
    versions = [_versions(scope, form, number) for number in range(len(form.shared))]
    stones = [_stones(form, number) for number in range(len(form.shared))] if form.stones else []
    every = [*versions, *stones]
    first = _together([_first(part, form) for part in every])
    c = first.c
    order = [column.desc() for column in _sorted_by(first.c, form)]
    page = select(c.type, c.id, c.version, c.last_updated, c.body, c.client).order_by(*order)
    counted = select(func.count()).select_from(_together(every))
    page = page.limit(bindparam("rows", type_=Integer))
    # how to find them depends on how many clients are in the scope
    return page if form.one else page.execution_options(prepare=False), counted


def _together(parts: list[Select[Any]]) -> FromClause:
    # SQLite takes no LIMIT within a union but in a query of its own
    every: list[Select[Any]] = [select(part.subquery()) for part in parts]
    whole: Select[Any] | CompoundSelect[Any] = union_all(*every) if len(every) > 1 else every[0]
    return whole.subquery()


def _first(part: Select[Any], form: Form) -> Select[Any]:
    """Return the first page of a part, behind the last version that was seen."""
    key = _sorted_by(part.selected_columns, form)
    if form.after and form.one:
        part = part.where(key[0] < bindparam("after_version", type_=Integer))
    elif form.after:
        seen: list[Any] = [bindparam(name, type_=of) for name, of in _SEEN.items()]
        # the index is read from there on by what is said of its own column
        part = part.where(tuple_(*key) < tuple_(*seen), key[0] <= seen[0])
    return part.order_by(*(column.desc() for column in key)).limit(bindparam("rows", type_=Integer))


def _sorted_by(columns: Any, form: Form) -> list[ColumnElement[Any]]:
    """Return what versions are sorted by, downwards: of one resource its numbers, whatever a clock said."""
    c = columns
    return [c.version] if form.one else [c.last_updated, c.type, c.id, c.version]


def _versions(scope: of_scope.Form, form: Form, number: int) -> Select[Any]:
    c = t.history.c
    inside = of_scope.of_resources if form.one or form.shared[number] else of_scope.of_clients
    where = [inside(scope, t.history), c.type == bindparam(f"type_{number}"), c.withheld.is_(False)]
    where += [c.id == bindparam("id")] if form.one else []
    where += [c.last_updated >= bindparam("since", type_=_AT)] if form.since else []
    if form.at:
        later = t.history.alias()
        same = (later.c.view == c.view, later.c.type == c.type, later.c.id == c.id)
        replaced = exists().where(
            *same, later.c.version > c.version, later.c.last_updated <= bindparam("first", type_=_AT)
        )
        where += [c.last_updated <= bindparam("last", type_=_AT), ~replaced]
    return select(c.type, c.id, c.version, c.last_updated, c.body, c.client).where(*where)


def _stones(form: Form, number: int) -> Select[Any]:
    c = t.tombstone.c
    where = [c.view == bindparam("scope_view"), c.type == bindparam(f"type_{number}")]
    where += [c.id == bindparam("id")] if form.one else []
    where += [c.erased >= bindparam("since", type_=_AT)] if form.since else []
    where += [c.erased <= bindparam("last", type_=_AT)] if form.at else []
    nothing: Any = null()
    return select(
        c.type,
        c.id,
        literal(LAST, Integer).label("version"),
        c.erased.label("last_updated"),
        nothing.cast(LargeBinary).label("body"),
        nothing.cast(String).label("client"),
    ).where(*where)
