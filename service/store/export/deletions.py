"""What is no longer there for who asks: what left its scope since an earlier export, and what was erased.

What was never in the scope is not among it: that it ever was would be told.
"""

from datetime import timedelta
from functools import lru_cache
from typing import Any, Final

from sqlalchemy import ColumnElement, Select, Subquery, bindparam, exists, false, select, true

from service.store import tables as t
from service.store.export.members import SINCE, has_left, was_member
from service.store.export.versions import (
    FORMS,
    SINCE_ROW,
    TYPE,
    Form,
    at_once,
    first_of,
    of_listed,
    of_span,
    parts,
    same,
    shown,
)
from service.store.scope import condition as of_scope

# an erasure that was under way may be as old as a transaction can get; to tell it again does no harm
LATE: Final = timedelta(minutes=5)


@lru_cache(FORMS)
def listed(form: Form) -> Select[Any]:
    """Return the statement of a part: type, id and client of each."""
    rows = deletions(form)
    return at_once(select(rows).order_by(rows.c.id))


@lru_cache(FORMS)
def counted(form: Form) -> Select[Any]:
    """Return the statement of the next parts of a type."""
    return parts(deletions(form))


def deletions(form: Form) -> Subquery:
    """Return the rows of what is no longer there."""
    legs = [_erased(form)] if form.shared or not form.rostered else [_erased(form), _left(form)]
    return first_of(form.planned, legs)


def _left(form: Form) -> Select[Any]:
    table, before = t.resource, t.history.alias()
    return select(table.c.client, table.c.id).where(
        shown(form, table),
        table.c.type == TYPE,
        of_span(form.planned, table),
        *of_listed(form.listed, table),
        has_left(table),
        exists().where(same(before, table), before.c.row <= SINCE_ROW),
    )


def _erased(form: Form) -> Select[Any]:
    table = t.tombstone
    return select(table.c.client, table.c.id).where(
        table.c.view == bindparam("scope_view"),
        table.c.type == TYPE,
        of_span(form.planned, table),
        table.c.erased > bindparam("export_erased"),
        *of_listed(form.listed, table),
        _was_inside(form, table),
    )


def _was_inside(form: Form, table: Any) -> ColumnElement[bool]:
    if form.scope.everything:
        # what searches would have found of it nobody knows any more
        return false() if form.scope.narrowed else true()
    if form.rostered:
        return false() if form.scope.narrowed else (was_member(table, SINCE) & of_scope.is_clear(table))
    return table.c.source.in_(of_scope.SOURCES) if form.scope.source and not form.scope.narrowed else false()
