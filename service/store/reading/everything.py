"""All that is of a patient, or of an episode and its patient, as SQL, inside the scope.

https://hl7.org/fhir/R4/patient-operation-everything.html
"""

from functools import lru_cache
from typing import Any, Final, NamedTuple

from sqlalchemy import Integer, Select, String, and_, bindparam, case, select, tuple_

from service.store import tables as t
from service.store.rows.typed import stored_of
from service.store.scope import condition as of_scope
from service.store.sql.engine import Executor
from service.values.access.scope import Scope
from service.values.kept.resources import EverythingQuery, StoredResource

FORMS: Final = 100
PATIENT: Final = "Patient"


class Form(NamedTuple):
    """What is asked for: of a patient or of an episode, since an instant, after a resource."""

    of_patient: bool
    since: bool
    after: bool


def everything(connection: Executor, scope: Scope, asked: EverythingQuery) -> list[StoredResource]:
    """Return what is theirs: the patient or episode itself first, then by type and id, from `after` on.

    It is one resource more than are asked for, if there are so many.
    """
    form = Form(asked.type == PATIENT, asked.since is not None, asked.after is not None)
    values = {
        **of_scope.parameters(scope),
        "of_type": asked.type,
        "of_id": asked.id,
        "types": asked.types,
        "since": asked.since,
        "rows": asked.count + 1,
    }
    if asked.after is not None:
        values |= dict(zip(("after_place", "after_type", "after_id"), asked.after, strict=True))
    rows = connection.execute(_statement(of_scope.form(scope), form), values)
    return [stored_of(row) for row in rows]


@lru_cache(FORMS)
def _statement(scope: of_scope.Form, form: Form) -> Select[Any]:
    c, whole = t.resource.c, t.resource.alias()
    is_whole = and_(c.type == bindparam("of_type"), c.id == bindparam("of_id"))
    it = (
        whole.c.view == bindparam("scope_view"),
        whole.c.type == bindparam("of_type"),
        whole.c.id == bindparam("of_id"),
    )
    client = select(whole.c.client).where(*it).scalar_subquery()
    if form.of_patient:
        theirs = c.client == client
    else:
        # what its client's document says is of the patient alone: Patient, RelatedPerson, Coverage
        owners = select(whole.c.owner).where(*it).union_all(select(whole.c.client).where(*it))
        theirs = c.owner.in_(owners)
    place = case((is_whole, 0), else_=1)
    where = [of_scope.of_clients(scope, t.resource), theirs, c.type.in_(bindparam("types", expanding=True))]
    where += [c.last_updated >= bindparam("since", type_=c.last_updated.type)] if form.since else []
    if form.after:
        names: dict[str, Any] = {"after_place": Integer(), "after_type": String(), "after_id": String()}
        last = tuple_(*(bindparam(name, type_=of) for name, of in names.items()))
        where.append(tuple_(place, c.type, c.id) > last)
    columns = select(c.type, c.id, c.version, c.last_updated, c.body, c.client).where(*where)
    return columns.order_by(place, c.type, c.id).limit(bindparam("rows", type_=Integer))
