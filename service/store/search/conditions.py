"""What a search asks of a resource and of those it refers to, or that refer to it, as SQL.

Those are looked for inside the scope, as all is: what it hides is not even told by what leads there.

https://hl7.org/fhir/R4/search.html#chaining
"""

from typing import Any, Final, NamedTuple

from sqlalchemy import (
    ARRAY,
    BigInteger,
    Column,
    ColumnElement,
    FromClause,
    MetaData,
    String,
    Subquery,
    Table,
    bindparam,
    exists,
    func,
    literal_column,
    select,
)
from sqlalchemy.dialects.postgresql import array

from service.store import tables as t
from service.store.scope import condition as of_scope
from service.store.scope import criteria
from service.store.scope.criteria import Form, Values
from service.store.sql.terms import hash_of
from service.values.access.scope import SHARED
from service.values.criteria import Criterion, ReferredToBy, RefersTo

# of SQLite alone: a trigger fills it
TERMS: Final = Table("search_term", MetaData(), Column("term", BigInteger), Column("id", String(64)))


PLANNED_ONCE: Final = ("plan_cache_mode", "force_generic_plan")
"""The setting of statements that take several times as long to plan as to run."""


class Place(NamedTuple):
    """Where conditions are written: inside which scope, of whose rows, on which database."""

    scope: of_scope.Form
    rows: FromClause
    postgresql: bool

    def at(self, rows: FromClause) -> "Place":
        """Return the same place, but of these rows."""
        return self._replace(rows=rows)


def inside(place: Place, shared: bool) -> ColumnElement[bool]:
    """Return the scope's condition on rows of types of which one may be no client's."""
    condition = of_scope.of_resources if shared else of_scope.of_clients
    return condition(place.scope, place.rows)


def inside_found(place: Place, shared: bool) -> ColumnElement[bool]:
    """Return `inside` for rows of which few are found by something else."""
    condition = of_scope.of_resources if shared else of_scope.of_clients
    return condition(place.scope, place.rows, of_scope.by_row)


def few(*conditions: ColumnElement[bool]) -> Subquery:
    """Return the rows of `resource` that meet conditions, on PostgreSQL.

    OFFSET keeps it, that does not know how few they are, from reading others as well: all in order until it
    finds some, or all of their type.
    """
    c = t.resource.c
    columns = (c.view, c.type, c.id, c.version, c.owner, c.client, c.last_updated, c.body, c.labels)
    rows = select(*columns, c.terms, c.present).where(*conditions).offset(literal_column("0"))
    return rows.subquery("few")


def form_of(criterion: Criterion) -> Form:
    """Return what of a criterion its condition depends on."""
    match criterion:
        case RefersTo():
            shared = not SHARED.isdisjoint(criterion.types)
            return RefersTo, len(criterion.paths), shared, criteria.form_of(criterion.criterion)
        case ReferredToBy():
            shared = criterion.type in SHARED
            return ReferredToBy, len(criterion.paths), shared, criteria.form_of(criterion.criterion)
        case _:
            return criteria.form_of(criterion)


def values_of(criterion: Criterion, name: str, view: str) -> Values:
    """Give the values of a condition by the names it binds, which `name` begins."""
    if not isinstance(criterion, RefersTo | ReferredToBy):
        yield from criteria.values_of(criterion, name, view)
        return
    types = criterion.types if isinstance(criterion, RefersTo) else (criterion.type,)
    yield f"{name}_types", types
    for number, path in enumerate(criterion.paths):
        yield f"{name}_path_{number}", f"{view} {path}>"
    yield from criteria.values_of(criterion.criterion, f"{name}_far", view)


def condition_of(form: Form, name: str, place: Place) -> ColumnElement[bool]:
    """Return the condition of a criterion's form; it binds names that begin with `name`."""
    kind, *rest = form
    if kind is RefersTo:
        return _refers(place, name, *rest)
    if kind is ReferredToBy:
        return _is_referred_to(place, name, *rest)
    return criteria.condition_of(form, name, place.rows)


def _overlaps(rows: FromClause, terms: Any) -> ColumnElement[bool]:
    return rows.c.terms.op("&&", is_comparison=True)(terms)


def _links(name: str, count: int, to: FromClause) -> list[ColumnElement[int]]:
    """Return the terms of references to a row at each of the paths bound by a name."""
    paths: list[Any] = [bindparam(f"{name}_path_{number}", type_=String) for number in range(count)]
    return [hash_of(path.concat(to.c.type).concat("/").concat(to.c.id)) for path in paths]


def _refers(place: Place, name: str, paths: int, shared: bool, form: Form) -> ColumnElement[bool]:
    """Those that it leads to are looked for first, and by them those that refer to them."""
    far = t.resource.alias()
    there = place.at(far)
    meets = (
        inside(there, shared),
        far.c.type.in_(bindparam(f"{name}_types", expanding=True)),
        criteria.condition_of(form, f"{name}_far", there.rows),
    )
    links = _links(name, paths, far)
    if place.postgresql:
        # one question by itself, whose answer is then looked up in the index of terms
        of_each: Any = links
        terms = select(func.unnest(array(of_each, type_=BigInteger))).where(*meets)
        return _overlaps(place.rows, func.array(terms.scalar_subquery(), type_=ARRAY(BigInteger)))
    return place.rows.c.id.in_(select(TERMS.c.id).where(*meets, TERMS.c.term.in_(links)))


def _is_referred_to(place: Place, name: str, paths: int, shared: bool, form: Form) -> ColumnElement[bool]:
    """Of each row it is asked by itself whether something refers to it: it suits what else narrows rows."""
    by = t.resource.alias()
    there = place.at(by)
    links = _links(name, paths, place.rows)
    if place.postgresql:
        refers = _overlaps(by, array(links, type_=BigInteger))
    else:
        # the rows are those of the outermost question
        ids = select(TERMS.c.id).where(TERMS.c.term.in_(links)).correlate(place.rows)
        refers = by.c.id.in_(ids)
    types = by.c.type.in_(bindparam(f"{name}_types", expanding=True))
    return exists().where(
        refers, inside(there, shared), types, criteria.condition_of(form, f"{name}_far", there.rows)
    )
