"""What a search asks of a resource's own row, as SQL: what it refers to is asked in `search.conditions`.

A condition depends on the criterion's form alone; its values are bound by name. Every condition is one that
an index answers: terms by GIN (SQLite: by their rows), ranges and texts by btree.

https://hl7.org/fhir/R4/search.html
"""

from collections.abc import Iterator
from typing import Any, Final

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    FromClause,
    Table,
    and_,
    bindparam,
    literal,
    not_,
    or_,
    select,
)

from service.store import tables as t
from service.store.sql.terms import AnyOf, has_any, hashed
from service.values.criteria import HasNoTerm, HasTerm, HasText, InRange, Plain, Says

# the highest character there is: what begins with a text stands before the text followed by it
HIGHEST: Final = "\U0010ffff"
Values = Iterator[tuple[str, Any]]
Form = tuple[Any, ...]
"""What of a criterion its condition depends on: its class, and the forms of its values."""


def form_of(criterion: Plain) -> Form:
    """Return what of a criterion its condition depends on."""
    match criterion:
        case InRange(alternatives) | HasText(alternatives):
            return type(criterion), tuple(alternative[1] for alternative in alternatives)
        case Says():
            return Says, criterion.something
        case _:
            return (type(criterion),)


def values_of(criterion: Plain, name: str, view: str) -> Values:
    """Give the values of a condition by the names it binds, which `name` begins."""
    match criterion:
        case HasTerm() | HasNoTerm():
            yield name, [hashed(f"{view} {term}") for term in criterion.terms]
        case InRange(alternatives):
            for number, (path, _, first, last) in enumerate(alternatives):
                yield f"{name}_key_{number}", hashed(f"{view} {path}")
                yield f"{name}_first_{number}", first
                yield f"{name}_last_{number}", last
        case HasText(alternatives):
            for number, (path, modifier, text) in enumerate(alternatives):
                yield f"{name}_key_{number}", hashed(f"{view} {path}")
                yield f"{name}_first_{number}", _contained(text) if modifier else text
                yield f"{name}_last_{number}", text + HIGHEST
        case Says():
            yield name, criterion.bits


def condition_of(form: Form, name: str, rows: FromClause) -> ColumnElement[bool]:
    """Return the condition of a criterion's form on rows of `resource`; its names begin with `name`."""
    kind, *rest = form
    if kind in {HasTerm, HasNoTerm}:
        has = has_any(rows.c.terms, rows.c.id, bindparam(name, type_=AnyOf()))
        return has if kind is HasTerm else not_(has)
    if kind is Says:
        said = rows.c.present.op("&")(bindparam(name, type_=BigInteger))
        return said != literal(0, BigInteger) if rest[0] else said == literal(0, BigInteger)
    table, value = (t.ranges, _range) if kind is InRange else (t.texts, _text)
    alternatives = [
        and_(
            table.c.key == bindparam(f"{name}_key_{number}", type_=BigInteger),
            value(table, form_, bindparam(f"{name}_first_{number}"), bindparam(f"{name}_last_{number}")),
        )
        for number, form_ in enumerate(rest[0])
    ]
    return rows.c.id.in_(select(table.c.id).where(or_(*alternatives)))


def between(prefix: str, low: Any, high: Any, first: Any, last: Any) -> ColumnElement[bool]:
    """R4 search section 3.1.1.4.6: how a prefix compares the range [low, high] with [first, last]."""
    # that low is at most last follows of the others, and bounds what is read of an index by low
    contained: ColumnElement[bool] = and_(low >= first, low <= last, high <= last)
    comparisons: dict[str, ColumnElement[bool]] = {
        "eq": contained,
        "ne": not_(contained),
        "gt": high > last,
        "lt": low < first,
        "ge": or_(high > last, contained),
        "le": or_(low < first, contained),
        "sa": low > last,
        "eb": high < first,
        "ap": and_(low <= last, high >= first),
    }
    return comparisons[prefix]


def _range(table: Table, prefix: str, first: Any, last: Any) -> ColumnElement[bool]:
    return between(prefix, table.c.low, table.c.high, first, last)


def _text(table: Table, modifier: str, first: Any, last: Any) -> ColumnElement[bool]:
    if modifier:
        return table.c.value.like(first, escape="/")
    return and_(table.c.value >= first, table.c.value < last)


def _contained(text: str) -> str:
    return "%" + text.replace("/", "//").replace("%", "/%").replace("_", "/_") + "%"
