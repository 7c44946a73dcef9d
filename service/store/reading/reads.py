"""The statements of reads inside a scope, each built once for the form of a scope and of what is asked."""

from functools import lru_cache
from typing import Any, Final, NamedTuple

from sqlalchemy import CompoundSelect, Integer, Select, Table, bindparam, exists, select

from service.store import tables as t
from service.store.relay.positions import MESSAGE
from service.store.scope.condition import Form, of_documents, of_resources

FORMS: Final = 500
_COUNT: Final = bindparam("count", type_=Integer)
STONE: Final = select(t.tombstone.c.id).where(
    t.tombstone.c.view == bindparam("view"),
    t.tombstone.c.type == bindparam("type"),
    t.tombstone.c.id == bindparam("id"),
)
EVENTS: Final = select(*MESSAGE).where(
    t.outbox.c.row.in_(bindparam("rows", expanding=True)), t.outbox.c.view == bindparam("view")
)


class Filters(NamedTuple):
    """By what documents are listed: the parts of a filter that are given."""

    scope: Form
    value: bool
    system: bool
    client: bool
    status: bool
    after: bool


@lru_cache(FORMS)
def documents(by: Filters) -> Select[Any]:
    """Return the statement of documents by uuid; a case has the identifiers of its stays and its client."""
    c = t.document.c
    where = [c.kind == bindparam("kind"), of_documents(by.scope)]
    where += [c.uuid.in_(_uuids_by_identifier(by.system))] if by.value else []
    where += [c.client == bindparam("client")] if by.client else []
    where += [c.status == bindparam("status")] if by.status else []
    where += [c.uuid > bindparam("after")] if by.after else []
    chosen = select(t.document).where(*where).order_by(c.uuid).limit(_COUNT)
    # how to find them depends on how many a source has
    return chosen.execution_options(prepare=False)


@lru_cache(FORMS)
def revisions(scope: Form) -> Select[Any]:
    """Return the statement of a document's revisions, newest first."""
    c = t.revision.c
    mine = exists().where(t.document.c.uuid == c.document, of_documents(scope))
    return select(t.revision).where(c.document == bindparam("of"), mine).order_by(c.revision.desc())


@lru_cache(FORMS)
def versions(scope: Form, table: Table, numbered: bool) -> Select[Any]:
    """Return the statement of a resource's versions in a table, newest first, or of one by its number."""
    c = table.c
    where = [of_resources(scope, table), c.type == bindparam("type"), c.id == bindparam("id")]
    where += [c.version == bindparam("version")] if numbered else []
    where += [t.history.c.withheld.is_(False)] if table is t.history else []
    columns = select(c.type, c.id, c.version, c.last_updated, c.body, c.client)
    return columns.where(*where).order_by(c.version.desc())


@lru_cache(FORMS)
def owner(scope: Form) -> Select[Any]:
    """Return the statement of the document that owns a resource, with the version of its mappings."""
    c, h = t.resource.c, t.history.c
    mine = (of_resources(scope, t.resource), c.type == bindparam("type"), c.id == bindparam("id"))
    same = (h.view == c.view, h.type == c.type, h.id == c.id, h.version == c.version)
    made = select(h.mapping_version).where(*same).scalar_subquery().label("mapping_version")
    return select(t.document, made).join(t.resource, c.owner == t.document.c.uuid).where(*mine)


@lru_cache(FORMS)
def owners(scope: Form) -> Select[Any]:
    """Return the statement of the documents that own resources of some types and ids, with type and id."""
    c = t.resource.c
    mine = [of_resources(scope, t.resource)]
    mine += [c.type.in_(bindparam("types", expanding=True)), c.id.in_(bindparam("ids", expanding=True))]
    return select(c.type, c.id, t.document).join(t.resource, c.owner == t.document.c.uuid).where(*mine)


def _uuids_by_identifier(system: bool) -> CompoundSelect[Any]:
    """Return the uuids of documents that have an identifier, or of whose client it is."""
    i, case = t.identifier.c, t.document.alias()
    kinds = i.kind.in_(bindparam("kinds", expanding=True))
    holding = select(i.document).where(kinds, i.value == bindparam("value"))
    holding = holding.where(i.system == bindparam("system")) if system else holding
    return holding.union_all(select(case.c.uuid).where(case.c.client.in_(holding)))
