"""A scope as SQL: the condition every query on resources and documents carries.

The condition is made of the scope's form and is the same for all scopes of that form, so that statements can
be kept; what the scope says is bound when a statement runs.
"""

from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from typing import Any, Final, NamedTuple

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Select,
    and_,
    bindparam,
    exists,
    false,
    literal_column,
    or_,
    select,
    true,
)
from sqlalchemy.sql import FromClause

from service.store.scope import denials, narrowing
from service.store.scope.denials import Relation
from service.store.tables import consent, document, link, membership, mention, treatment
from service.values.access.scope import Scope

SOURCES: Final[Any] = bindparam("scope_sources", expanding=True)
OPENED: Final[Any] = bindparam("scope_opened", expanding=True)
# so many members of a payer are looked at before those who refer to something
FEW: Final = 100


Asked = Callable[[Select[Any]], ColumnElement[bool]]
"""How it is asked whether a statement has a row."""


class Form(NamedTuple):
    """What a scope's condition looks like: all, or what sources own, or what is related to so many names.

    With `opened` it is what is of the clients whose glass was broken, and the names are who asks.
    """

    everything: bool
    source: bool = False
    payers: int = 0
    hospitals: int = 0
    opened: bool = False
    narrowed: narrowing.Form = ()


def form(scope: Scope) -> Form:
    """Return the form of a scope."""
    names = (len(scope.payers), len(scope.hospitals))
    is_opened = bool(scope.opened)
    return Form(scope.everything, scope.source is not None, *names, is_opened, narrowing.form(scope.narrowed))


def parameters(scope: Scope) -> dict[str, Any]:
    """Return what a scope says, for the parameters of its condition."""
    said: dict[str, Any] = {"scope_view": scope.view}
    said["scope_sources"] = [*([scope.source] if scope.source is not None else []), *scope.offered]
    today = datetime.now(UTC).date()
    said |= {"scope_opened": scope.opened} if scope.opened else {}
    said["scope_today"] = today.isoformat()
    said["scope_purposes"], said["scope_withheld"] = scope.purposes, scope.withheld
    said["scope_since"] = (today - timedelta(days=scope.run_out_days)).isoformat()
    for kind, names in (("payer", scope.payers), ("hospital", scope.hospitals)):
        for number, (system, value) in enumerate(names):
            said[f"scope_{kind}_system_{number}"], said[f"scope_{kind}_value_{number}"] = system, value
    return said | narrowing.parameters(scope.narrowed, scope.view)


def by_row(rows: Select[Any]) -> ColumnElement[bool]:
    """Return whether there is such a row: OFFSET keeps PostgreSQL from reading all of a partner's instead."""
    return rows.offset(literal_column("0")).exists()


def of_resources(scope: Form, table: FromClause, asked: Asked = Select.exists) -> ColumnElement[bool]:
    """Return the condition on `resource` or `resource_history` rows: the view, and whose they are.

    It is asked of each row by itself, so it suits rows that are found by their id.
    """
    mentioned = _any(_is_mentioned(relation, table) for relation in _relations(scope))
    if scope.opened:
        mentioned = _is_mentioned_there(scope, table)
    named = _is_named(table) if scope.source else false()
    shared = and_(table.c.client.is_(None), or_(mentioned, named))
    inside = or_(_is_owned(scope, table), _is_related(scope, table, asked), shared)
    return and_(_view(table), narrowing.condition(scope.narrowed, table), inside)


def of_clients(scope: Form, table: FromClause, asked: Asked = Select.exists) -> ColumnElement[bool]:
    """Return `of_resources` for types that are never `SHARED`.

    A search may start from it, where few clients are in the scope, or few documents; but not `by_row`.
    """
    inside = or_(_is_owned(scope, table), _is_related(scope, table, asked))
    return and_(_view(table), narrowing.condition(scope.narrowed, table), inside)


def still_shows(scope: Form, members: FromClause, asked: Asked) -> ColumnElement[bool]:
    """Return whether a client is a member or patient of who asks, and denies no more than what is `refused`.

    `members` are rows of a client and of what they denied, as of `of_members`.
    """
    (relation,) = _relations(scope)
    labels = consent.c.labels
    is_more = or_(labels == 0, labels.op("|")(members.c.refused) != members.c.refused)
    denied = exists().where(
        *denials.denials(relation, members.c.client, denials.is_for_all_or_this()), is_more
    )
    return and_(asked(_related(relation, members)), ~denied)


def of_documents(scope: Form) -> ColumnElement[bool]:
    """Return the condition on `document` rows: only who owns documents sees any."""
    if scope.everything:
        return true()
    return document.c.source.in_(SOURCES) if scope.source else false()


def of_members(scope: Form) -> Select[Any] | None:
    """Return the statement of the clients that are members or patients of who asks, whatever is theirs.

    `refused` is what they deny who asks of what is labelled, as bits; who denies all is not among them. None:
    the scope is not made of clients.
    """
    found = [
        select(
            relation.table.c.client,
            denials.refused_labels(relation, relation.table.c.client).label("refused"),
        )
        .where(or_(*_holding(relation)), ~denials.is_denied_all(relation, relation.table.c.client))
        .distinct()
        for relation in _relations(scope)
    ]
    if not found:
        return None
    (members,) = found
    return members


def is_clear(table: FromClause) -> ColumnElement[bool]:
    """Whether a row of a resource, or of what some refer to, bears no label that is withheld from who asks.

    Of how many rows have none at all PostgreSQL knows; of what bits come to it would expect few.
    """
    withheld: Any = bindparam("scope_withheld", type_=BigInteger)
    return or_(table.c.labels == 0, table.c.labels.op("&")(withheld) == 0)


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


def _any(ways: Iterable[ColumnElement[bool]]) -> ColumnElement[bool]:
    """Return an OR that is a plain `false`, which PostgreSQL does not plan around, where there are none."""
    every = list(ways)
    return or_(*every) if every else false()


def _relations(scope: Form) -> list[Relation]:
    """Return the relations by which a scope has clients."""
    if scope.opened:
        return []
    every = (Relation(membership, scope.payers, "payer"), Relation(treatment, scope.hospitals, "hospital"))
    return [relation for relation in every if relation.names]


def _is_related(scope: Form, table: FromClause, asked: Asked) -> ColumnElement[bool]:
    """Whether a row's client is a member or patient of who asks, or was opened to them."""
    if scope.opened:
        return _is_opened(scope, table)
    return _any(
        and_(asked(_related(relation, table)), is_clear(table), ~denials.is_refused(relation, table))
        for relation in _relations(scope)
    )


def _related(relation: Relation, table: FromClause) -> Select[Any]:
    """Return the statement of the relations of a row's client to who asks."""
    c = relation.table.c
    return select(c.client).where(c.client == table.c.client, or_(*_holding(relation))).correlate(table)


def _is_opened(scope: Form, table: FromClause) -> ColumnElement[bool]:
    """Whether the glass of a row's client was broken, who has not said that this is not to be.

    Labels keep nothing back then. A denial that names no purpose, or others, is of ordinary times.
    """
    asking = Relation(treatment, scope.hospitals, "hospital")
    return and_(table.c.client.in_(OPENED), ~denials.is_denied(asking, table, denials.is_for(consent)))


def _is_mentioned_there(scope: Form, table: FromClause) -> ColumnElement[bool]:
    """Whether something of a client whose glass was broken refers to a row."""
    c = mention.c
    here = (c.view == table.c.view, c.target_type == table.c.type, c.target_id == table.c.id)
    return exists().where(*here, _is_opened(scope, mention))


def _is_mentioned(relation: Relation, table: FromClause) -> ColumnElement[bool]:
    """Whether a member's or patient's resource refers to this one.

    What many refer to is found by the first clients of each name, what few refer to by these few; either
    way one row after the other until the first that fits: OFFSET keeps PostgreSQL from reading all instead.
    """
    c, r = mention.c, relation.table.c
    here = (c.view == table.c.view, c.target_type == table.c.type, c.target_id == table.c.id)
    holding = _holding(relation)
    clients = [select(r.client).where(held).order_by(r.value, r.client) for held in holding]
    first = [client.limit(literal_column(str(FEW))).subquery() for client in clients]
    is_shown = and_(is_clear(mention), ~denials.is_refused(relation, mention))
    ways = [exists().where(*here, c.client == few.c.client, is_shown) for few in first]
    return or_(*ways, exists().where(*here, by_row(_related(relation, mention)), is_shown))


def _holding(relation: Relation) -> list[ColumnElement[bool]]:
    """Whether a row is of the partner, by each of its names, and holds today or has not run out."""
    c = relation.table.c
    today: Any = bindparam("scope_today")
    since: Any = bindparam("scope_since")
    return [and_(name, c.start <= today, c.end >= since) for name in denials.names(relation, relation.table)]
