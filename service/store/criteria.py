"""A criterion as SQL: an EXISTS on the indexed table of its kind, beside the row that it is asked of.

https://hl7.org/fhir/R4/search.html
"""

from typing import Any, Final

from sqlalchemy import ColumnElement, Table, and_, bindparam, exists, not_, or_
from sqlalchemy.sql import FromClause

from service.store import tables as t
from service.values.resources import Criterion

TABLES: Final = {"token": t.token, "reference": t.reference, "date": t.dates, "string": t.strings}
Form = tuple[str, tuple[str, ...]]
"""What a criterion looks like: its kind, and its values' forms."""


def form(criterion: Criterion) -> Form:
    """Return the form of a criterion."""
    return criterion.kind, tuple(_value_form(criterion.kind, value) for value in criterion.values)


def parameters(name: str, criterion: Criterion) -> dict[str, Any]:
    """Return what a criterion asks for, by the names that its condition binds; `name` is the criterion's."""
    values: dict[str, Any] = {f"parameter_{name}": criterion.parameter}
    for place, value in enumerate(criterion.values):
        first, second = value[-2:]
        if criterion.kind == "string":
            second = _pattern(str(first), str(second))
        values[f"first_{name}_{place}"], values[f"second_{name}_{place}"] = first, second
    return values


def condition(name: str, form_: Form, of: FromClause) -> ColumnElement[bool]:
    """Return the condition of a criterion of a form on rows that have a view, a type and an id."""
    kind, forms = form_
    table = TABLES[kind]
    same = and_(
        table.c.view == of.c.view,
        table.c.type == of.c.type,
        table.c.id == of.c.id,
        table.c.parameter == bindparam(f"parameter_{name}"),
    )
    values = [_value(kind, table, value, f"{name}_{place}") for place, value in enumerate(forms)]
    return exists().where(same, or_(*values))


def between(prefix: str, low: Any, high: Any, first: Any, last: Any) -> ColumnElement[bool]:
    """R4 search section 3.1.1.4.6: how a prefix compares the range [low, high] with [first, last]."""
    inside: ColumnElement[bool] = and_(low >= first, high <= last)
    comparisons: dict[str, ColumnElement[bool]] = {
        "eq": inside,
        "ne": not_(inside),
        "gt": high > last,
        "lt": low < first,
        "ge": or_(high > last, inside),
        "le": or_(low < first, inside),
        "sa": low > last,
        "eb": high < first,
        "ap": and_(low <= last, high >= first),
    }
    return comparisons[prefix]


def _value_form(kind: str, value: tuple[str | None, ...]) -> str:
    """A date's prefix, a string's modifier; of a token or reference whether its system or type is given."""
    if kind in {"date", "string"}:
        return str(value[0])
    anything = None if kind == "token" else ""
    return "any" if value[0] == anything else "given"


def _pattern(modifier: str, text: str) -> str:
    """What LIKE looks for; an exact search takes the text as it is."""
    if modifier == "exact":
        return text
    escaped = text.replace("/", "//").replace("%", "/%").replace("_", "/_")
    return f"%{escaped}%" if modifier == "contains" else f"{escaped}%"


def _value(kind: str, table: Table, form_: str, name: str) -> ColumnElement[bool]:
    first: Any = bindparam(f"first_{name}")
    second: Any = bindparam(f"second_{name}")
    if kind == "token":
        code = table.c.code == second
        return code if form_ == "any" else and_(table.c.system == first, code)
    if kind == "reference":
        target = table.c.target_id == second
        return target if form_ == "any" else and_(table.c.target_type == first, target)
    if kind == "date":
        return between(form_, table.c.low, table.c.high, first, second)
    return table.c.value == second if form_ == "exact" else table.c.value.like(second, escape="/")
