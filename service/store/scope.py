"""A scope as SQL: the condition every query on resources and documents carries."""

from datetime import UTC, datetime

from sqlalchemy import ColumnElement, and_, exists, false, or_, select, true
from sqlalchemy.sql import FromClause

from service.store.tables import document, membership, reference
from service.values.scope import Scope


def of_resources(scope: Scope, table: FromClause) -> ColumnElement[bool]:
    """Return the condition on `resource` or `resource_history` rows: the view, and whose they are."""
    return and_(table.c.view == scope.view, _whose(scope, table))


def of_documents(scope: Scope) -> ColumnElement[bool]:
    """Return the condition on `document` rows: only who owns documents sees any."""
    if scope.everything:
        return true()
    return document.c.source.in_(_sources(scope)) if scope.source is not None else false()


def _sources(scope: Scope) -> list[str]:
    return [*([scope.source] if scope.source is not None else []), *scope.offered]


def _whose(scope: Scope, table: FromClause) -> ColumnElement[bool]:
    if scope.everything:
        return true()
    seen: list[ColumnElement[bool]] = []
    if scope.source is not None:
        owned = select(document.c.uuid).where(document.c.source.in_(_sources(scope)))
        seen.append(table.c.owner.in_(owned))
    if scope.payers:
        today = datetime.now(UTC).date().isoformat()
        payer = or_(*(and_(membership.c.system == s, membership.c.value == v) for s, v in scope.payers))
        clients = select(membership.c.client).where(
            payer, membership.c.start <= today, membership.c.end >= today
        )
        referred = exists().where(
            reference.c.view == table.c.view,
            reference.c.target_type == table.c.type,
            reference.c.target_id == table.c.id,
            reference.c.client.in_(clients),
        )
        seen.append(or_(table.c.client.in_(clients), and_(table.c.client.is_(None), referred)))
    return or_(*seen) if seen else false()
