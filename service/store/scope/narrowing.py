"""What the searches of a token's scopes narrow, as a condition of every query on resources.

https://hl7.org/fhir/smart-app-launch/STU2.2/scopes-and-launch-context.html#finer-grained-resource-constraints-using-search-parameters

A resource of such a type is there if its current version matches one of the searches. Nothing tells whether a
version before it did: only the current one is there.
"""

from collections.abc import Iterator
from typing import Any

from sqlalchemy import ColumnElement, and_, bindparam, exists, or_, true
from sqlalchemy.sql import FromClause

from service.store.scope import criteria
from service.store.scope.criteria import condition_of, form_of, values_of
from service.store.tables import history, resource
from service.values.access.scope import Narrowing
from service.values.criteria import Plain

Form = tuple[tuple[tuple[criteria.Form, ...], ...], ...]
"""Of each type that is narrowed the searches, of each of these the forms of its criteria."""


def form(narrowings: tuple[Narrowing, ...]) -> Form:
    """Return the form of what is narrowed."""
    return tuple(
        tuple(tuple(form_of(criterion) for criterion in search) for search in narrowing.searches)
        for narrowing in narrowings
    )


def parameters(narrowings: tuple[Narrowing, ...], view: str) -> dict[str, Any]:
    """Return what is narrowed, and by which values in a view, for the parameters of the condition."""
    said: dict[str, Any] = {}
    for number, narrowing in enumerate(narrowings):
        said[f"narrowed_{number}"] = narrowing.type
        for name, criterion in _named(number, narrowing.searches):
            said |= dict(values_of(criterion, name, view))
    return said


def condition(form_: Form, table: FromClause) -> ColumnElement[bool]:
    """Return the condition on rows of `resource` or `resource_history`."""
    return and_(true(), *(_of_type(number, searches, table) for number, searches in enumerate(form_)))


def _of_type(number: int, searches: tuple[tuple[criteria.Form, ...], ...], table: FromClause) -> Any:
    other = table.c.type != bindparam(f"narrowed_{number}")
    if table is not history:
        return or_(other, _matches(number, searches, table))
    now = resource.alias()
    same = (now.c.view == table.c.view, now.c.type == table.c.type, now.c.id == table.c.id)
    current = exists().where(*same, now.c.version == table.c.version, _matches(number, searches, now))
    return or_(other, current)


def _matches(
    number: int, searches: tuple[tuple[criteria.Form, ...], ...], rows: FromClause
) -> ColumnElement[bool]:
    return or_(
        *(
            and_(*(condition_of(form_, _name(number, place, at), rows) for at, form_ in enumerate(search)))
            for place, search in enumerate(searches)
        )
    )


def _named(number: int, searches: tuple[tuple[Plain, ...], ...]) -> Iterator[tuple[str, Plain]]:
    for place, search in enumerate(searches):
        for at, criterion in enumerate(search):
            yield _name(number, place, at), criterion


def _name(number: int, place: int, at: int) -> str:
    return f"narrowed_{number}_{place}_{at}"
