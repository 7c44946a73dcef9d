"""The versions of resources that an export consists of: the newest ones that were numbered at its position.

Of what has not changed since that is the current one, in `resource`; of what has, one of `resource_history`.
Both are looked at in one statement, and so at one instant: nothing slips from the one to the other.
"""

from functools import lru_cache
from typing import Any, Final, Literal, NamedTuple

from sqlalchemy import (
    JSON,
    BigInteger,
    ColumnElement,
    Integer,
    LargeBinary,
    Select,
    String,
    Subquery,
    Text,
    and_,
    bindparam,
    cast,
    exists,
    func,
    literal,
    literal_column,
    null,
    or_,
    select,
    union_all,
)
from sqlalchemy.sql import FromClause

from service.store import tables as t
from service.store.export.members import AT, has_joined, was_member, was_there
from service.store.scope import condition as of_scope
from service.store.scope import narrowing

FORMS: Final = 500
# what a part comes to; without it that is sorted on the disk
MEMORY: Final = ("work_mem", "64MB")
LENGTH: Final = "length"
"""Names how long a body is, among columns: to sort the bodies themselves takes the disk."""
ROW: Final = bindparam("export_row", type_=BigInteger)
SINCE_ROW: Final = bindparam("export_since_row", type_=BigInteger)
TYPE: Final[Any] = bindparam("export_type")
_GAP: Final = func.json_array_elements(cast(bindparam("export_gaps", type_=Text), JSON)).column_valued("gap")
_FIRST, _LAST = (cast(_GAP.op("->>")(literal_column(end)), BigInteger) for end in ("0", "1"))


Key = Literal["id", "client", "roster"]


class Form(NamedTuple):
    """What an export's statements look like: whose it is, and what is to be looked at of each row.

    `shared` says that the type is no client's, `rostered` that the scope is made of clients, `changes` that
    only what is new since another export is wanted, `listed` that it is of some clients alone, `gaps` that
    rows below its position were not there yet, `planned` that it is of one part.
    """

    dialect: str
    scope: of_scope.Form
    shared: bool
    rostered: bool
    changes: bool
    until: bool
    listed: bool
    gaps: bool
    planned: bool
    by: Key = "id"


@lru_cache(FORMS)
def lines(form: Form) -> Select[Any]:
    """Return the statement of a part: of each client the bodies as lines, and how each version is named.

    To join what is of one costs next to nothing, while to join some megabytes costs the server more than all
    else, and a row for each version those who read them.
    """
    chosen = versions(form, "body")
    rows = select(chosen).order_by(chosen.c.client, chosen.c.id).subquery()
    c, is_postgresql = rows.c, form.dialect == "postgresql"
    version = c.id + "/_history/" + cast(c.version, String)
    bodies = (
        func.string_agg(c.body, literal(b"\n", LargeBinary))
        if is_postgresql
        else cast(func.group_concat(cast(c.body, Text), literal_column("char(10)")), LargeBinary)
    )
    named = (func.string_agg if is_postgresql else func.group_concat)(version, literal_column("' '"))
    made: Any = select(c.client, bodies.label("bodies"), named.label("named")).group_by(c.client)
    if form.by == "client":
        made = union_all(made, _left(form))
    return at_once(made.order_by("client")).execution_options(setting=MEMORY)


def _left(form: Form) -> Select[Any]:
    """Return the statement of those of a part who have left the scope, or what of theirs has: no bodies."""
    m, nothing = t.export_member, null()
    is_left = (was_there(m, AT), _of_clients(m.c), ~of_scope.still_shows(form.scope, m, _asked_of_span))
    return select(m.c.client, nothing.cast(LargeBinary), nothing.cast(String)).where(*is_left)


@lru_cache(FORMS)
def owners(form: Form) -> Select[Any]:
    """Return the statement of a part: client, id and version of each."""
    return at_once(select(versions(form)))


@lru_cache(FORMS)
def counted(form: Form) -> Select[Any]:
    """Return the statement of the next parts of a type."""
    return parts(versions(form))


@lru_cache(FORMS)
def counted_by_client(form: Form) -> Select[Any]:
    """Return the statement of the parts that what is of some clients comes in.

    One begins where so many are before it as are in `export_size`, or that many bytes; a client is in one.
    """
    whole = union_all(*_legs(form, "client", LENGTH)).subquery().c
    count, bytes_ = func.count().label("count"), func.sum(whole[LENGTH]).label("bytes")
    c = select(whole.client, count, bytes_).group_by(whole.client).subquery().c
    size, most = (bindparam(name, type_=BigInteger) for name in ("export_size", "export_bytes"))
    number = _before(c.count, c.client) // size + _before(c.bytes, c.client) // most
    rows = select(c.client, c.count, number.label("number")).subquery().c
    first, last = func.min(rows.client).label("first"), func.max(rows.client).label("last")
    total = cast(func.sum(rows.count), BigInteger).label("count")
    grouped: Any = select(first, last, total).group_by(rows.number).order_by(rows.number)
    return at_once(grouped).execution_options(setting=MEMORY)


def _before(amount: ColumnElement[Any], key: ColumnElement[Any]) -> ColumnElement[int]:
    """Return how much there is before each row in the order of a key."""
    return cast(func.sum(amount).over(order_by=key) - amount, BigInteger)


def parts(chosen: Subquery) -> Select[Any]:
    """Return the statement of the parts that rows, each with an id, come in: of `export_size` each."""
    place = func.row_number().over(order_by=chosen.c.id) - 1
    number = (place // bindparam("export_size", type_=Integer)).label("number")
    rows = select(chosen.c.id, number).subquery()
    first, last = func.min(rows.c.id).label("first"), func.max(rows.c.id).label("last")
    grouped = select(first, last, func.count().label("count")).group_by(rows.c.number)
    ordered: Any = grouped.order_by(rows.c.number)
    return at_once(ordered)


def at_once(chosen: Select[Any]) -> Select[Any]:
    """Return a statement that is planned for its values: how far back the position is, how many clients."""
    return chosen.execution_options(prepare=False)


def of_span(planned: bool, table: FromClause, by: str = "id") -> ColumnElement[bool]:
    """Return whether a row is of a part, or behind all that is planned."""
    if planned:
        key = table.c.id if by == "id" else table.c.client
        return key.between(bindparam("export_first"), bindparam("export_last"))
    return table.c.id > bindparam("export_after")


def first_of(planned: bool, legs: list[Select[Any]]) -> Subquery:
    """Return the rows of several selects: all, or as many as are planned at once, by their ids."""
    most = bindparam("export_step", type_=Integer)
    if planned:
        return union_all(*legs).subquery()
    some = [leg.order_by(leg.selected_columns.id).limit(most).subquery() for leg in legs]
    rows = union_all(*map(select, some)).subquery()
    return select(rows).order_by(rows.c.id).limit(most).subquery()


def of_listed(listed: bool, table: FromClause) -> list[ColumnElement[bool]]:
    """Return whether a row is of one of the clients that are asked for, where these are named."""
    return [table.c.client.in_(bindparam("export_clients", expanding=True))] if listed else []


def same(table: FromClause, other: FromClause) -> ColumnElement[bool]:
    """Return whether a row is of the same resource as another."""
    return and_(table.c.view == other.c.view, table.c.type == other.c.type, table.c.id == other.c.id)


def versions(form: Form, *more: str) -> Subquery:
    """Return the rows of the versions: client, id, version and more columns."""
    legs = _legs(form, "client", "id", "version", *more)
    return first_of(form.planned, legs)


def _legs(form: Form, *names: str) -> list[Select[Any]]:
    """Return the statements of columns of the versions: of those that are current, and of older ones."""
    return [
        *(
            select(*(_column(t.resource, name) for name in names)).where(*_current(form), wanted)
            for wanted in _wanted(form, t.resource, _has_changed(t.resource))
        ),
        *(
            select(*(_column(t.history, name) for name in names)).where(*_older(form), wanted)
            for wanted in _wanted(form, t.history, t.history.c.row > SINCE_ROW)
        ),
    ]


def _column(table: Any, name: str) -> ColumnElement[Any]:
    column: ColumnElement[Any] = func.length(table.c.body).label(name) if name == LENGTH else table.c[name]
    return column


def _current(form: Form) -> list[ColumnElement[bool]]:
    """What is now as it was then."""
    newer = t.history.alias()
    is_newer = exists().where(same(newer, t.resource), _is_later(form, newer))
    return [*_inside(form, t.resource), ~is_newer]


def _older(form: Form) -> list[ColumnElement[bool]]:
    """What has changed since, as it was then."""
    table, newer, between = t.history, t.history.alias(), t.history.alias()
    return [
        *_inside(form, table),
        table.c.withheld.is_(False),
        ~_is_later(form, table),
        exists().where(same(newer, table), _is_later(form, newer)),
        ~exists().where(same(between, table), between.c.version > table.c.version, ~_is_later(form, between)),
    ]


def _inside(form: Form, table: Any) -> list[ColumnElement[bool]]:
    if form.by == "roster":
        inside = shown(form, table)
    elif form.by == "client":
        inside = of_scope.of_clients(form.scope, table, _asked_of_span)
    else:
        inside = (of_scope.of_resources if form.shared else of_scope.of_clients)(form.scope, table)
    where = [inside, table.c.type == TYPE, of_span(form.planned, table, form.by)]
    where += of_listed(form.listed, table)
    return where + ([table.c.last_updated <= bindparam("export_until")] if form.until else [])


def shown(form: Form, table: Any) -> ColumnElement[bool]:
    """Return what the scope says of a row, whosever it is: view, labels, and what is narrowed."""
    is_wanted = narrowing.condition(form.scope.narrowed, table)
    return and_(table.c.view == bindparam("scope_view"), is_wanted, of_scope.is_clear(table))


def _asked_of_span(rows: Select[Any]) -> ColumnElement[bool]:
    """Return whether a statement has a row of a part's clients: of no others are any read."""
    return rows.where(_of_clients(rows.selected_columns)).exists()


def _of_clients(columns: Any) -> ColumnElement[bool]:
    is_of_part: ColumnElement[bool] = columns.client.between(
        bindparam("export_first"), bindparam("export_last")
    )
    return is_of_part


def _wanted(form: Form, table: Any, changed: ColumnElement[bool]) -> list[ColumnElement[bool]]:
    """What is new to who asks: one condition, or two for what is found in different ways."""
    everything = literal_column("1") == literal_column("1")
    if form.shared:
        # an entry that somebody new refers to is new as well, and nothing tells which these are
        return [changed if form.changes and form.scope.everything else everything]
    if not form.rostered:
        return [changed if form.changes else everything]
    of_part = [] if form.by == "id" else [lambda member: _of_clients(member.c)]
    if not form.changes:
        return [was_member(table, AT, *of_part)]
    return [and_(was_member(table, AT, *of_part), changed), and_(has_joined(table, *of_part), ~changed)]


def _has_changed(table: Any) -> ColumnElement[bool]:
    own = t.history.alias()
    return exists().where(same(own, table), own.c.version == table.c.version, own.c.row > SINCE_ROW)


def _is_later(form: Form, table: Any) -> ColumnElement[bool]:
    """Whether a version was not numbered yet."""
    beyond: ColumnElement[bool] = table.c.row > ROW
    if not form.gaps:
        return beyond
    return or_(beyond, select(_FIRST).where(table.c.row.between(_FIRST, _LAST)).exists())
