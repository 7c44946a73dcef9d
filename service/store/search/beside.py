"""What comes with a page of results: one question for all of it, inside the scope."""

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any, Final

from sqlalchemy import Executable, Integer, Label, Select, bindparam, literal_column, select, union_all

from service.store import tables as t
from service.store.rows.typed import stored_of
from service.store.scope import condition as of_scope
from service.store.scope.criteria import condition_of, form_of
from service.store.search.conditions import PLANNED_ONCE, Place, few, inside_found
from service.store.sql.engine import Executor
from service.store.sql.terms import hashed
from service.values.access.scope import SHARED, Scope
from service.values.criteria import HasTerm
from service.values.kept.resources import StoredResource

FORMS: Final = 100
_FIRST: Final = literal_column("0", Integer).label("place")
_THEN: Final = literal_column("1", Integer).label("place")
_COLUMNS: Final = ("type", "id", "version", "last_updated", "body", "client")


def beside(
    connection: Executor,
    scope: Scope,
    named: Sequence[tuple[str, str]],
    terms: Mapping[str, Sequence[str]],
    most: int,
) -> list[StoredResource]:
    """Return the resources of these (type, id), then those of types that have one of these terms.

    Each of the two by type and id; not more than `most`, among which one may be twice.
    """
    types = tuple(sorted({type_ for type_, _ in named}))
    shared = tuple(tuple(type_ in SHARED for type_ in some) for some in (types, terms))
    statement = _statement(of_scope.form(scope), *shared, connection.dialect.name == "postgresql")
    values: dict[str, Any] = {**of_scope.parameters(scope), "most": most}
    for number, type_ in enumerate(types):
        values |= {f"type_{number}": type_, f"ids_{number}": [id_ for of, id_ in named if of == type_]}
    for number, (type_, of) in enumerate(terms.items()):
        values |= {f"by_{number}": type_, f"c{number}": [hashed(f"{scope.view} {term}") for term in of]}
    return [stored_of(row) for row in connection.execute(statement, values)]


@lru_cache(FORMS)
def _statement(
    scope: of_scope.Form, named: tuple[bool, ...], by: tuple[bool, ...], postgresql: bool
) -> Executable:
    """Return the statement of so many types: of each whether it is one of those that are no client's."""
    place = Place(scope, t.resource, postgresql)
    parts = [_named(place, number, shared) for number, shared in enumerate(named)]
    parts += [_by_term(place, number, shared) for number, shared in enumerate(by)]
    whole = union_all(*parts) if len(parts) > 1 else parts[0]
    ordered = whole.order_by("place", "type", "by_id").limit(bindparam("most", type_=Integer))
    return ordered.execution_options(setting=PLANNED_ONCE)


def _named(place: Place, number: int, shared: bool) -> Select[Any]:
    c = place.rows.c
    mine = (c.type == bindparam(f"type_{number}"), c.id.in_(bindparam(f"ids_{number}", expanding=True)))
    return _chosen(place, shared, _FIRST).where(*mine)


def _by_term(place: Place, number: int, shared: bool) -> Select[Any]:
    """Return what has a term: few are expected to, and so they are found before anything is asked of them."""
    has = condition_of(form_of(HasTerm(())), f"c{number}", place.rows)
    rows = few(has) if place.postgresql else place.rows
    chosen = _chosen(place.at(rows), shared, _THEN).where(rows.c.type == bindparam(f"by_{number}"))
    return chosen if place.postgresql else chosen.where(has)


def _chosen(place: Place, shared: bool, first: Label[int]) -> Select[Any]:
    columns = (place.rows.c[name] for name in _COLUMNS)
    # no index is in this order: PostgreSQL is to look up what is asked for, not to go through all by id
    by_id = place.rows.c.id.concat(literal_column("''")).label("by_id")
    return select(*columns, by_id, first).where(inside_found(place, shared))
