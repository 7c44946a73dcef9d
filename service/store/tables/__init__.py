"""The tables as queries name them; `migrations/` makes them, and a test holds the two together."""

from service.store.tables.audit import audit, audit_patient, audit_seal, audit_text
from service.store.tables.columns import metadata
from service.store.tables.credentials import partner, signing_key, used_assertion
from service.store.tables.documents import (
    consent,
    document,
    erased,
    identifier,
    link,
    membership,
    reprojection,
    revision,
    treatment,
)
from service.store.tables.entries import delivery, inbox, inbox_key, inbox_subject
from service.store.tables.exports import export, export_member, export_part
from service.store.tables.followed import followed_topic
from service.store.tables.matches import matched_member, member_match
from service.store.tables.messages import held_queue, outbox, owed, queued, stream, unpublished
from service.store.tables.resources import (
    TEXT,
    dates,
    history,
    mention,
    ranges,
    reference,
    resource,
    searched,
    strings,
    texts,
    token,
    tombstone,
)
from service.store.tables.shared import commit_count, counter, lease, numbering, position_run, secret, tick
from service.store.tables.subscriptions import subscription, subscription_event

__all__ = [
    "TEXT",
    "audit",
    "audit_patient",
    "audit_seal",
    "audit_text",
    "commit_count",
    "consent",
    "counter",
    "dates",
    "delivery",
    "document",
    "erased",
    "export",
    "export_member",
    "export_part",
    "followed_topic",
    "held_queue",
    "history",
    "identifier",
    "inbox",
    "inbox_key",
    "inbox_subject",
    "lease",
    "link",
    "matched_member",
    "member_match",
    "membership",
    "mention",
    "metadata",
    "numbering",
    "outbox",
    "owed",
    "partner",
    "position_run",
    "queued",
    "ranges",
    "reference",
    "reprojection",
    "resource",
    "revision",
    "searched",
    "secret",
    "signing_key",
    "stream",
    "strings",
    "subscription",
    "subscription_event",
    "texts",
    "tick",
    "token",
    "tombstone",
    "treatment",
    "unpublished",
    "used_assertion",
]
