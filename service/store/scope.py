"""A scope as SQL: the condition every query on resources and documents carries.

The condition is made of the scope's form and is the same for all scopes of that form, so that statements can
be kept; what the scope says is bound when a statement runs.
"""

from datetime import UTC, datetime
from typing import Any, Final, NamedTuple

from sqlalchemy import ColumnElement, and_, bindparam, exists, false, literal_column, or_, select, true
from sqlalchemy.sql import FromClause

from service.store.tables import document, link, membership, mention
from service.values.scope import Scope

SOURCES: Final[Any] = bindparam("scope_sources", expanding=True)
# so many members of a payer are looked at before those who refer to something
FEW: Final = 100


class Form(NamedTuple):
    """What a scope's condition looks like: whether it shows all, or what sources own; how many payers."""

    everything: bool
    source: bool
    payers: int


def form(scope: Scope) -> Form:
    """Return the form of a scope."""
    return Form(scope.everything, scope.source is not None, len(scope.payers))


def parameters(scope: Scope) -> dict[str, Any]:
    """Return what a scope says, for the parameters of its condition."""
    said: dict[str, Any] = {"scope_view": scope.view}
    said["scope_sources"] = [*([scope.source] if scope.source is not None else []), *scope.offered]
    said["scope_today"] = datetime.now(UTC).date().isoformat()
    for number, (system, value) in enumerate(scope.payers):
        said[f"scope_system_{number}"], said[f"scope_value_{number}"] = system, value
    return said


def of_resources(scope: Form, table: FromClause) -> ColumnElement[bool]:
    """Return the condition on `resource` or `resource_history` rows: the view, and whose they are.

    It is asked of each row by itself, so it suits rows that are found by their id.
    """
    mentioned = _is_mentioned(scope, table) if scope.payers else false()
    named = _is_named(table) if scope.source else false()
    shared = and_(table.c.client.is_(None), or_(mentioned, named))
    return and_(_view(table), or_(_is_owned(scope, table), _is_member(scope, table), shared))


def of_clients(scope: Form, table: FromClause) -> ColumnElement[bool]:
    """Return `of_resources` for types that are never `SHARED`.

    A search may start from it, where a payer has few members or a source few documents.
    """
    return and_(_view(table), or_(_is_owned(scope, table), _is_member(scope, table)))


def of_documents(scope: Form) -> ColumnElement[bool]:
    """Return the condition on `document` rows: only who owns documents sees any."""
    if scope.everything:
        return true()
    return document.c.source.in_(SOURCES) if scope.source else false()


def _view(table: FromClause) -> ColumnElement[bool]:
    return table.c.view == bindparam("scope_view")


def _is_owned(scope: Form, table: FromClause) -> ColumnElement[bool]:
    if scope.everything:
        return true()
    owner = document.alias()
    owned = exists().where(owner.c.uuid == table.c.owner, owner.c.source.in_(SOURCES))
    return owned if scope.source else false()


def _is_named(table: FromClause) -> ColumnElement[bool]:
    """Whether a document that a source owns leads to the one that a row is of, whoever put that."""
    by = document.alias()
    return exists().where(
        link.c.target == table.c.owner, by.c.uuid == link.c.document, by.c.source.in_(SOURCES)
    )


def _is_member(scope: Form, table: FromClause) -> ColumnElement[bool]:
    payers = [_is_covered(number) for number in range(scope.payers)]
    return exists().where(membership.c.client == table.c.client, or_(*payers)) if payers else false()


def _is_mentioned(scope: Form, table: FromClause) -> ColumnElement[bool]:
    """Whether a member's resource refers to this one.

    What many refer to is found by the first members of each payer, what few refer to by these few; either
    way one row after the other until the first that fits: OFFSET keeps PostgreSQL from reading all instead.
    """
    c, m = mention.c, membership.c
    here = (c.view == table.c.view, c.target_type == table.c.type, c.target_id == table.c.id)
    payers = [_is_covered(number) for number in range(scope.payers)]
    members = [select(m.client).where(payer).order_by(m.value, m.client) for payer in payers]
    first = [member.limit(literal_column(str(FEW))).subquery() for member in members]
    covered = select(m.client).where(m.client == c.client, or_(*payers)).offset(literal_column("0"))
    ways = [exists().where(*here, c.client == few.c.client) for few in first]
    return or_(*ways, exists().where(*here, covered.exists()))


def _is_covered(number: int) -> ColumnElement[bool]:
    """Whether a membership is one of the payer of that number, today."""
    c = membership.c
    today: Any = bindparam("scope_today")
    payer = (c.system == bindparam(f"scope_system_{number}"), c.value == bindparam(f"scope_value_{number}"))
    return and_(*payer, c.start <= today, c.end >= today)
