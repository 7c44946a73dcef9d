"""A scope as SQL: the condition every query on resources and documents carries.

The condition is made of the scope's form and is the same for all scopes of that form, so that statements can
be kept; what the scope says is bound when a statement runs.
"""

from datetime import UTC, datetime
from typing import Any, Final, NamedTuple

from sqlalchemy import ColumnElement, and_, bindparam, exists, false, or_, select, true
from sqlalchemy.sql import FromClause

from service.store.tables import document, membership, reference
from service.values.scope import Scope

SOURCES: Final[Any] = bindparam("scope_sources", expanding=True)


class Form(NamedTuple):
    """What a scope's condition looks like: whether it shows all, or what sources own; how many payers."""

    everything: bool
    source: bool
    payers: int


def form(scope: Scope) -> Form:
    """Return the form of a scope."""
    return Form(scope.everything, scope.source is not None, len(scope.payers))


def bound(scope: Scope) -> dict[str, Any]:
    """Return what a scope says, for the parameters of its condition."""
    said: dict[str, Any] = {"scope_view": scope.view}
    said["scope_sources"] = [*([scope.source] if scope.source is not None else []), *scope.offered]
    said["scope_today"] = datetime.now(UTC).date().isoformat()
    for number, (system, value) in enumerate(scope.payers):
        said[f"scope_system_{number}"], said[f"scope_value_{number}"] = system, value
    return said


def of_resources(scope: Form, table: FromClause) -> ColumnElement[bool]:
    """Return the condition on `resource` or `resource_history` rows: the view, and whose they are."""
    return and_(table.c.view == bindparam("scope_view"), _whose(scope, table))


def of_documents(scope: Form) -> ColumnElement[bool]:
    """Return the condition on `document` rows: only who owns documents sees any."""
    if scope.everything:
        return true()
    return document.c.source.in_(SOURCES) if scope.source else false()


def _whose(scope: Form, table: FromClause) -> ColumnElement[bool]:
    if scope.everything:
        return true()
    seen: list[ColumnElement[bool]] = []
    if scope.source:
        owned = select(document.c.uuid).where(document.c.source.in_(SOURCES))
        seen.append(table.c.owner.in_(owned))
    if scope.payers:
        today: Any = bindparam("scope_today")
        payers = (
            and_(
                membership.c.system == bindparam(f"scope_system_{number}"),
                membership.c.value == bindparam(f"scope_value_{number}"),
            )
            for number in range(scope.payers)
        )
        clients = select(membership.c.client).where(
            or_(*payers), membership.c.start <= today, membership.c.end >= today
        )
        referred = exists().where(
            reference.c.view == table.c.view,
            reference.c.target_type == table.c.type,
            reference.c.target_id == table.c.id,
            reference.c.client.in_(clients),
        )
        seen.append(or_(table.c.client.in_(clients), and_(table.c.client.is_(None), referred)))
    return or_(*seen) if seen else false()
