"""The statements of a write transaction, each built once: a kept one costs no building and no looking up."""

from functools import lru_cache
from typing import Any, Final

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Delete,
    Insert,
    Select,
    Table,
    and_,
    bindparam,
    delete,
    insert,
    or_,
    select,
    text,
    update,
)

from service.store import tables as t
from service.store.scope.condition import Form, of_documents

# the release before finds by the first ones
SEARCH_BEFORE: Final = (t.token, t.reference, t.dates, t.strings)
SEARCH: Final = (t.ranges, t.texts)
# inline: nobody asks for the serial numbers
INSERT: Final[dict[Table, Insert]] = {
    table: insert(table).inline().execution_options(at_once=True) for table in t.metadata.sorted_tables
}
# an id of the partner's own comes before a uuid that reads the same
FIND: Final = (
    select(t.document)
    .where(
        t.document.c.kind == bindparam("kind"),
        or_(
            and_(t.document.c.source == bindparam("source"), t.document.c.source_id == bindparam("ref")),
            t.document.c.uuid == bindparam("ref"),
        ),
    )
    .order_by(t.document.c.uuid == bindparam("ref"))
)
# what each of several links names is among these
FIND_MANY: Final = select(t.document).where(
    or_(
        and_(
            t.document.c.kind.in_(bindparam("kinds", expanding=True)),
            t.document.c.source.in_(bindparam("sources", expanding=True)),
            t.document.c.source_id.in_(bindparam("refs", expanding=True)),
        ),
        t.document.c.uuid.in_(bindparam("refs", expanding=True)),
    )
)
CASES: Final = (
    select(t.document)
    .where(t.document.c.client == bindparam("of"))
    .order_by(t.document.c.uuid)
    .with_for_update()
)
UPDATE: Final = update(t.document).where(t.document.c.uuid == bindparam("of"))
OWNED: Final = (t.resource.c.owner == bindparam("owner"), t.resource.c.view == bindparam("view"))
_STREAM: Final = (t.stream.c.owner == bindparam("owner"), t.stream.c.view == bindparam("view"))
# with the last number of the owner's messages, and what its resources were made of
CURRENT: Final = select(
    t.resource.c.type,
    t.resource.c.id,
    t.resource.c.version,
    t.resource.c.digest,
    t.resource.c.last_updated,
    t.resource.c.searched,
    select(t.stream.c.last).where(*_STREAM).scalar_subquery().label("last"),
    select(t.stream.c.basis).where(*_STREAM).scalar_subquery().label("basis"),
).where(*OWNED)
VERSION: Final = select(t.resource.c.version).where(
    t.resource.c.view == bindparam("view"),
    t.resource.c.type == bindparam("type"),
    t.resource.c.id == bindparam("id"),
)
BODIES: Final = select(t.resource.c.type, t.resource.c.id, t.resource.c.body).where(
    *OWNED, t.resource.c.id.in_(bindparam("ids", expanding=True))
)
REPLACE: Final = update(t.resource).where(
    t.resource.c.view == bindparam("of_view"),
    t.resource.c.type == bindparam("of_type"),
    t.resource.c.id == bindparam("of_id"),
)
NUMBERED: Final = update(t.stream).where(
    t.stream.c.owner == bindparam("of"), t.stream.c.view == bindparam("of_view")
)
TAKE: Final = text(
    "INSERT INTO stream (owner, view, last, basis) VALUES (:owner, :view, :count, :basis)"
    " ON CONFLICT (owner, view) DO UPDATE SET last = stream.last + excluded.last, basis = excluded.basis"
    " RETURNING last"
)
_MENTIONED: Final = (
    t.mention.c.owner == bindparam("owner"),
    t.mention.c.view == bindparam("view"),
    t.mention.c.target_type == bindparam("type"),
    t.mention.c.target_id == bindparam("id"),
)
UNMENTION: Final = delete(t.mention).where(*_MENTIONED)
# one that is there has other labels now, or was recorded while the previous release ran, too
MENTION: Final = text(
    "INSERT INTO mention (owner, view, target_type, target_id, client, labels)"
    " VALUES (:owner, :view, :type, :id, :client, :labels)"
    " ON CONFLICT (owner, view, target_type, target_id) DO UPDATE SET labels = excluded.labels"
).bindparams(bindparam("labels", type_=BigInteger))


def _holding(*more: ColumnElement[bool]) -> Select[Any]:
    c = t.identifier.c
    # the value leads to the index, the digest to the system too
    same = (
        c.kind == bindparam("kind"),
        c.value.in_(bindparam("values", expanding=True)),
        c.digest.in_(bindparam("digests", expanding=True)),
    )
    holding = select(c.document).where(*same, *more)
    return select(t.document).where(t.document.c.uuid.in_(holding)).order_by(t.document.c.uuid)


NAMED: Final = _holding()
HOLDERS: Final = _holding(t.identifier.c.identifying)
VALUED: Final = (
    select(t.document)
    .where(
        t.document.c.uuid.in_(
            select(t.identifier.c.document).where(
                t.identifier.c.kind == bindparam("kind"),
                t.identifier.c.value.in_(bindparam("values", expanding=True)),
            )
        )
    )
    .order_by(t.document.c.uuid)
)
TAKEN: Final = select(t.identifier.c.digest).where(
    t.identifier.c.kind == bindparam("kind"),
    t.identifier.c.digest.in_(bindparam("digests", expanding=True)),
    t.identifier.c.identifying,
)
_KEY: Final = (
    t.inbox_key.c.partner == bindparam("partner"),
    t.inbox_key.c.key.in_(bindparam("keys", expanding=True)),
)
SEEN: Final = select(*(column for column in t.inbox.c if column.name not in {"raw", "edited"})).where(
    t.inbox.c.id
    == select(t.inbox_key.c.entry)
    .where(*_KEY, t.inbox_key.c.content == bindparam("same"))
    .limit(1)
    .scalar_subquery()
)
REUSED: Final = select(t.inbox_key.c.entry).where(*_KEY, t.inbox_key.c.content != bindparam("same")).limit(1)

HASTEN: Final = update(t.inbox).where(
    t.inbox.c.state == "quarantined",
    t.inbox.c.due.is_not(None),
    t.inbox.c.id.in_(
        select(t.inbox_subject.c.entry).where(
            t.inbox_subject.c.subject.in_(bindparam("subjects", expanding=True))
        )
    ),
)
UNLINK: Final = delete(t.link).where(
    t.link.c.document == bindparam("of"), t.link.c.target.in_(bindparam("targets", expanding=True))
)
UNNAME: Final = delete(t.identifier).where(t.identifier.c.document == bindparam("of"))
UNREFUSE: Final = delete(t.consent).where(t.consent.c.client == bindparam("of"))
# another value of the parameter than where it is compared: PostgreSQL wants the type of each
LABEL: Final = (
    update(t.history)
    .where(
        t.history.c.view == bindparam("of_view"),
        t.history.c.type == bindparam("of_type"),
        t.history.c.id == bindparam("of_id"),
    )
    .values(labels=t.history.c.labels.op("|")(bindparam("more", type_=BigInteger)))
)
UNMEMBER: Final = delete(t.membership).where(t.membership.c.client == bindparam("of"))


FORGET: Final[dict[Table, Delete]] = {
    table: delete(table).where(table.c.resource.in_(bindparam("resources", expanding=True)))
    for table in SEARCH
}


@lru_cache(maxsize=500)
def lock(scope: Form) -> Select[Any]:
    """Return FIND inside a scope, with a lock."""
    return FIND.where(of_documents(scope)).with_for_update()
