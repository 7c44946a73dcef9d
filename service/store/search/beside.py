"""What comes with a page of results: one question for all of it, inside the scope."""

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any, Final

from sqlalchemy import CompoundSelect, Integer, Select, bindparam, literal_column, select, union_all

from service.store import scope as of_scope
from service.store import tables as t
from service.store.criteria import condition_of, form_of
from service.store.rows import stored_of
from service.store.search.conditions import Place, inside
from service.store.sql.engine import Executor
from service.store.sql.terms import hashed
from service.values.criteria import HasTerm
from service.values.resources import StoredResource
from service.values.scope import Scope

FORMS: Final = 100
_FIRST: Final = literal_column("0", Integer).label("place")
_THEN: Final = literal_column("1", Integer).label("place")
_COLUMNS: Final = (
    t.resource.c.type,
    t.resource.c.id,
    t.resource.c.version,
    t.resource.c.last_updated,
    t.resource.c.body,
    t.resource.c.client,
)


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
    statement = _statement(
        of_scope.form(scope), len(types), len(terms), connection.dialect.name == "postgresql"
    )
    values: dict[str, Any] = {**of_scope.parameters(scope), "most": most}
    for number, type_ in enumerate(types):
        values |= {f"type_{number}": type_, f"ids_{number}": [id_ for of, id_ in named if of == type_]}
    for number, (type_, of) in enumerate(terms.items()):
        values |= {f"by_{number}": type_, f"c{number}": [hashed(f"{scope.view} {term}") for term in of]}
    return [stored_of(row) for row in connection.execute(statement, values)]


@lru_cache(FORMS)
def _statement(
    scope: of_scope.Form, types: int, by: int, postgresql: bool
) -> Select[Any] | CompoundSelect[Any]:
    place = Place(scope, t.resource, postgresql)
    # of which type it is, is known only when it is asked for
    visible, c = inside(place, shared=True), t.resource.c
    has = form_of(HasTerm(()))
    parts = [
        select(*_COLUMNS, _FIRST).where(
            visible,
            c.type == bindparam(f"type_{number}"),
            c.id.in_(bindparam(f"ids_{number}", expanding=True)),
        )
        for number in range(types)
    ]
    parts += [
        select(*_COLUMNS, _THEN).where(
            visible, c.type == bindparam(f"by_{number}"), condition_of(has, f"c{number}", t.resource)
        )
        for number in range(by)
    ]
    whole = union_all(*parts) if len(parts) > 1 else parts[0]
    return whole.order_by("place", "type", "id").limit(bindparam("most", type_=Integer))
