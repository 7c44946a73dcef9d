"""Who was in a scope when: a roster of clients, brought up to date by each export of that scope.

Memberships, treatments and consents say what holds today. What an export has to give besides what changed,
and to take back, is what came into the scope and left it since an earlier one, for whatever reason.
"""

from collections.abc import Sequence
from datetime import datetime
from hashlib import sha256
from typing import Any, Final

from sqlalchemy import (
    ColumnElement,
    Integer,
    and_,
    bindparam,
    exists,
    func,
    insert,
    not_,
    or_,
    select,
    text,
    update,
)

from service.store import tables as t
from service.store.scope import condition as of_scope
from service.store.sql.engine import Executor
from service.store.tables.exports import export_member
from service.values.access.scope import Scope

CALLING: Final = 0x0CA5EB23
ROSTER: Final[Any] = bindparam("export_roster")
AT: Final[Any] = bindparam("export_at", type_=export_member.c.joined.type)
SINCE: Final[Any] = bindparam("export_since", type_=export_member.c.joined.type)
_ALONE: Final = text("SELECT pg_advisory_xact_lock(:key)")


def roster_of(partner: str, scope: Scope) -> str:
    """Return the name of a scope's roster; empty where the scope is not made of clients.

    With other rights it is another one: what then comes into the scope is new to who asks.
    """
    if not (scope.payers or scope.hospitals):
        return ""
    rights = (partner, scope.view, scope.payers, scope.hospitals, scope.run_out_days)
    return sha256(repr((*rights, scope.purposes, scope.withheld, scope.narrowed)).encode()).hexdigest()


def call(connection: Executor, scope: Scope, named: dict[str, Any]) -> None:
    """Bring a roster up to date: who has joined, has left, or denies something else than before."""
    members = of_scope.of_members(of_scope.form(scope))
    if members is None:
        return
    if connection.dialect.name == "postgresql":
        connection.execute(_ALONE, {"key": CALLING})
    now, m = members.subquery(), t.export_member
    here = (m.c.roster == ROSTER, m.c.left.is_(None))
    stays = exists().where(now.c.client == m.c.client, now.c.refused == m.c.refused)
    connection.execute(update(m).where(*here, ~stays).values(left=AT), named)
    known = exists().where(*here, m.c.client == now.c.client)
    joining = select(ROSTER, now.c.client, AT, now.c.refused).where(~known)
    names = ["roster", "client", "joined", "refused"]
    connection.execute(insert(m).from_select(names, joining, include_defaults=False), named)


def dismiss(connection: Executor, roster: str, clients: Sequence[str], now: datetime) -> None:
    """Say that clients have left a roster: who is in the scope again at the next export is new then."""
    c = export_member.c
    theirs = (c.roster == bindparam("of"), c.client.in_(bindparam("clients", expanding=True)))
    leaving = update(export_member).where(*theirs, c.left.is_(None)).values(left=bindparam("now"))
    connection.execute(leaving, {"of": roster, "clients": clients, "now": now})


def was_member(table: Any, instant: ColumnElement[Any], *also: Any) -> ColumnElement[bool]:
    """Return whether a row's client was in the scope at an instant, with what the row is labelled.

    `also` are what more is asked of when that was, each made of the roster's columns.
    """
    m = t.export_member.alias()
    there = select(m.c.client).where(was_there(m, instant), *(condition(m) for condition in also))
    # who denies nothing is looked up in what was read once and hashed; within an OR, PostgreSQL does not join
    # with a roster that was just filled, of which it would expect one client
    some = there.where(m.c.client == table.c.client, m.c.refused != 0)
    shown = some.where(m.c.refused.op("&")(table.c.labels) == 0).correlate(table)
    return or_(table.c.client.in_(there.where(m.c.refused == 0)), shown.exists())


def was_there(member: Any, instant: ColumnElement[Any]) -> ColumnElement[bool]:
    """Return whether a row of the roster is of who was in the scope at an instant."""
    c = member.c
    return and_(c.roster == ROSTER, c.joined <= instant, or_(c.left.is_(None), c.left > instant))


def has_joined(table: Any, *also: Any) -> ColumnElement[bool]:
    """Return whether a row's client is in the scope, and came into it after the export to go on from."""
    return was_member(table, AT, lambda m: m.c.joined > SINCE, *also)


def next_members(connection: Executor, roster: str, after: str, count: int) -> tuple[str, str, int] | None:
    """Return the first and last client of so many of a roster behind another, and how many there are."""
    m = export_member.c
    behind = select(m.client).where(m.roster == bindparam("of"), m.client > bindparam("after")).distinct()
    some = behind.order_by(m.client).limit(bindparam("count", type_=Integer)).subquery().c.client
    chosen = select(func.min(some), func.max(some), func.count())
    first, last, found = connection.execute(chosen, {"of": roster, "after": after, "count": count}).one()
    return (first, last, found) if found else None


def has_left(table: Any) -> ColumnElement[bool]:
    """Return whether a row was in the scope at the export to go on from, and is no longer."""
    return and_(was_member(table, SINCE), not_(was_member(table, AT)))
