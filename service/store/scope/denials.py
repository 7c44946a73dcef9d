"""What clients deny, as SQL: who is denied what, for what it is wanted.

A client is related to who asks by a row of `membership` or `treatment`, and denies by rows of `consent`.
"""

from typing import Any, NamedTuple

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Table,
    and_,
    bindparam,
    exists,
    func,
    literal_column,
    or_,
    select,
)
from sqlalchemy.sql import FromClause

from service.store.tables import consent
from service.values.access.labels import EVERY


class Relation(NamedTuple):
    """A table that relates clients to partners; how many names a scope has in it, and how these are bound."""

    table: Table
    names: int
    name: str


def is_refused(relation: Relation, table: FromClause) -> ColumnElement[bool]:
    """Whether a row's client denies who asks what bears its labels, for what they want it for, or for all."""
    return is_denied(relation, table, is_for_all_or_this())


def is_denied(relation: Relation, table: FromClause, what_for: ColumnElement[bool]) -> ColumnElement[bool]:
    """Whether a row's client denies what bears its labels to one of these names, or to all."""
    labels = consent.c.labels
    of_it = or_(labels == 0, labels.op("&")(table.c.labels) != 0)
    return exists().where(*denials(relation, table.c.client, what_for), of_it)


def is_denied_all(relation: Relation, client: ColumnElement[Any]) -> ColumnElement[bool]:
    """Whether a client denies who asks all there is."""
    return exists().where(*denials(relation, client, is_for_all_or_this()), consent.c.labels == 0)


def refused_labels(relation: Relation, client: ColumnElement[Any]) -> ColumnElement[int]:
    """Which labels a client denies who asks, as bits: SQLite has no aggregate of bits."""
    bits = (1 << place for place in range(EVERY.bit_length()))
    highest = (func.max(consent.c.labels.op("&")(literal_column(str(bit)))) for bit in bits)
    rows = denials(relation, client, is_for_all_or_this())
    total = select(sum(highest, literal_column("0"))).where(*rows)
    return func.coalesce(total.scalar_subquery(), 0)


def is_for_all_or_this() -> ColumnElement[bool]:
    """Whether a denial names no purpose, or what data is wanted for."""
    return or_(consent.c.purposes == 0, is_for(consent))


def is_for(table: FromClause) -> ColumnElement[bool]:
    """Whether a denial names what data is wanted for."""
    purposes: Any = bindparam("scope_purposes", type_=BigInteger)
    return table.c.purposes.op("&")(purposes) != 0


def denials(
    relation: Relation, client: ColumnElement[Any], what_for: ColumnElement[bool]
) -> list[ColumnElement[bool]]:
    """Which rows of `consent` deny one of these names, or all, something of a client today."""
    c = consent.c
    today: Any = bindparam("scope_today")
    nobody = and_(c.system == "", c.value == "")
    return [
        c.client == client,
        or_(nobody, *names(relation, consent)),
        what_for,
        c.start <= today,
        c.end >= today,
    ]


def names(relation: Relation, table: FromClause) -> list[ColumnElement[bool]]:
    """Whether a row is of the partner, by each of its names."""
    return [
        and_(
            table.c.system == bindparam(f"scope_{relation.name}_system_{number}"),
            table.c.value == bindparam(f"scope_{relation.name}_value_{number}"),
        )
        for number in range(relation.names)
    ]
