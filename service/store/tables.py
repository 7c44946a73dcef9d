"""The tables as queries name them; `migrations/` makes them, and a test holds the two together.

`resource_history` and `outbox` are partitioned by `recorded_on` on PostgreSQL, which wants the partition
key in every unique key; so their primary key there is (row, recorded_on).
"""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Date,
    DateTime,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
)
from sqlalchemy import text as sql

metadata = MetaData()
SERIAL = BigInteger().with_variant(Integer, "sqlite")


def _stamp(name: str) -> "Column[object]":
    return Column(name, DateTime(timezone=True), nullable=False)


def _where(name: str, column: str, condition: str) -> Index:
    return Index(name, column, sqlite_where=sql(condition), postgresql_where=sql(condition))


document = Table(
    "document",
    metadata,
    Column("uuid", String(36), primary_key=True),
    Column("kind", String(20), nullable=False),
    Column("source", String(100), nullable=False),
    Column("source_id", String(64), nullable=False),
    Column("revision", Integer, nullable=False),
    Column("status", String(30)),
    Column("client", String(36), index=True),
    Column("body", LargeBinary, nullable=False),
    _stamp("created"),
    _stamp("updated"),
    Column("projected", String(64), nullable=False, server_default=""),
    UniqueConstraint("kind", "source", "source_id"),
)
identifier = Table(
    "identifier",
    metadata,
    Column("document", String(36), primary_key=True),
    Column("position", Integer, primary_key=True),
    Column("kind", String(20), nullable=False),
    Column("system", String(1000), nullable=False),
    Column("value", String(200), nullable=False),
    # of system and value: a btree row of PostgreSQL holds 2,704 bytes, and these two may be longer
    Column("digest", String(64), nullable=False),
    Column("identifying", Boolean, nullable=False),
    Index("identifier_value", "kind", "value"),
    Index(
        "identifier_identifying",
        "kind",
        "digest",
        unique=True,
        sqlite_where=sql("identifying"),
        postgresql_where=sql("identifying"),
    ),
)
revision = Table(
    "revision",
    metadata,
    Column("document", String(36), primary_key=True),
    Column("revision", Integer, primary_key=True),
    Column("cause", String(30), nullable=False),
    Column("partner", String(100), nullable=False),
    Column("body", LargeBinary, nullable=False),
    _stamp("recorded"),
)

# Which documents a document's projection reads, its own links' links too.
link = Table(
    "link",
    metadata,
    Column("document", String(36), primary_key=True),
    Column("target", String(36), primary_key=True),
    Index("link_target", "target"),
)
# Documents to project anew, because something they read has changed.
reprojection = Table(
    "reprojection",
    metadata,
    Column("document", String(36), primary_key=True),
    Column("cause", String(30), nullable=False),
    Column("tries", Integer, nullable=False, server_default="0"),
    Column("reason", String(400)),
    _stamp("due"),
    Index("reprojection_due", "due"),
)


def _resource_columns() -> "list[Column[object]]":
    return [
        Column("owner", String(36), nullable=False),
        Column("client", String(36)),
        Column("body", LargeBinary, nullable=False),
        Column("digest", String(64), nullable=False),
        Column("mapping_version", String(64), nullable=False),
        _stamp("last_updated"),
    ]


resource = Table(
    "resource",
    metadata,
    Column("view", String(50), primary_key=True),
    Column("type", String(40), primary_key=True),
    Column("id", String(64), primary_key=True),
    Column("version", Integer, nullable=False),
    *_resource_columns(),
    Index("resource_owner", "owner", "view"),
    Index("resource_client", "client"),
    Index("resource_updated", "view", "type", "last_updated", "id"),
)
history = Table(
    "resource_history",
    metadata,
    Column("row", SERIAL, primary_key=True, autoincrement=True),
    Column("recorded_on", Date, nullable=False),
    Column("position", BigInteger),
    Column("view", String(50), nullable=False),
    Column("type", String(40), nullable=False),
    Column("id", String(64), nullable=False),
    Column("version", Integer, nullable=False),
    # an older version tells where somebody was whose identity is protected now
    Column("withheld", Boolean, nullable=False, server_default=sql("false")),
    *_resource_columns(),
    UniqueConstraint("view", "type", "id", "version", "recorded_on"),
    Index("history_owner", "owner"),
    Index("history_client", "client"),
    Index("history_position", "position"),
    _where("history_unnumbered", "row", "position is null"),
)


def _search(name: str, indexed: Sequence[Any], *values: "Column[object]") -> Table:
    """A search table, found by `indexed`: a btree row of PostgreSQL holds 2,704 bytes, so not by all."""
    return Table(
        name,
        metadata,
        Column("row", SERIAL, primary_key=True, autoincrement=True),
        Column("view", String(50), nullable=False),
        Column("type", String(40), nullable=False),
        Column("id", String(64), nullable=False),
        Column("client", String(36)),
        Column("parameter", String(40), nullable=False),
        *values,
        Index(f"{name}_value", "view", "type", "parameter", *indexed, "id"),
        Index(f"{name}_resource", "view", "type", "id"),
    )


token = _search(
    "search_token", ["code"], Column("code", String(200), nullable=False), Column("system", String(1000))
)
reference = _search(
    "search_reference",
    ["target_id", "target_type"],
    Column("target_id", String(64), nullable=False),
    Column("target_type", String(40), nullable=False),
)
dates = _search(
    "search_date",
    ["low", "high"],
    Column("low", String(20), nullable=False),
    Column("high", String(20), nullable=False),
)
strings = _search(
    "search_string", [sql("substr(value, 1, 60)")], Column("value", String(400), nullable=False)
)
# by this one the release before 0006 finds what is referred to
Index("search_reference_target", reference.c.view, reference.c.target_type, reference.c.target_id)
# What an owner's resources refer to that is another's; by it what is no client's is in a payer's scope.
mention = Table(
    "mention",
    metadata,
    Column("owner", String(36), primary_key=True),
    Column("view", String(50), primary_key=True),
    Column("target_type", String(40), primary_key=True),
    Column("target_id", String(64), primary_key=True),
    Column("client", String(36)),
    Index("mention_target", "target_id", "target_type", "view", "client"),
)

membership = Table(
    "membership",
    metadata,
    Column("client", String(36), primary_key=True),
    Column("position", Integer, primary_key=True),
    Column("system", String(1000), nullable=False),
    Column("value", String(200), nullable=False),
    Column("start", String(10), nullable=False),
    Column("end", String(10), nullable=False),
    Index("membership_payer", "value", "client"),
)
outbox = Table(
    "outbox",
    metadata,
    Column("row", SERIAL, primary_key=True, autoincrement=True),
    Column("recorded_on", Date, nullable=False),
    Column("position", BigInteger),
    Column("message", String(36), nullable=False),
    Column("view", String(50), nullable=False),
    Column("owner", String(60), nullable=False),
    Column("routing_key", String(100), nullable=False),
    Column("sequence", BigInteger, nullable=False),
    Column("body", LargeBinary, nullable=False),
    Column("full", LargeBinary),
    Column("state", String(10), nullable=False, server_default="pending"),
    Column("reason", String(400)),
    _stamp("recorded"),
    Index("outbox_owner", "owner", postgresql_with={"deduplicate_items": "off"}),
    Index("outbox_position", "position"),
    _where("outbox_unnumbered", "row", "position is null"),
    _where("outbox_pending", "position", "state = 'pending'"),
    _where("outbox_parked", "position", "state = 'parked'"),
)
# Messages that a queue did not take when the others did, by their positions.
owed = Table(
    "owed",
    metadata,
    Column("queue", String(255), primary_key=True),
    Column("position", BigInteger, primary_key=True),
    Index("owed_position", "position"),
)
stream = Table(
    "stream",
    metadata,
    Column("owner", String(36), primary_key=True),
    Column("view", String(50), primary_key=True),
    Column("last", BigInteger, nullable=False),
)
tombstone = Table(
    "tombstone",
    metadata,
    Column("view", String(50), primary_key=True),
    Column("type", String(40), primary_key=True),
    Column("id", String(64), primary_key=True),
    Column("owner", String(36), nullable=False),
    _stamp("erased"),
)
# Entries of the directory that were erased: links may still lead to them. `name` digests kind, source and id.
erased = Table(
    "erased",
    metadata,
    Column("uuid", String(36), primary_key=True),
    Column("name", String(64), nullable=False),
    Index("erased_name", "name"),
)
# The last position given in a stream of committed rows ("outbox", "history"); it outlives the rows.
counter = Table(
    "counter",
    metadata,
    Column("name", String(40), primary_key=True),
    Column("last", BigInteger, nullable=False),
)
# At this instant everything up to this position of a stream had been numbered.
tick = Table(
    "tick",
    metadata,
    Column("stream", String(40), primary_key=True),
    Column("position", BigInteger, primary_key=True),
    _stamp("at"),
)
# Keys that all processes share.
secret = Table(
    "secret",
    metadata,
    Column("name", String(40), primary_key=True),
    Column("value", LargeBinary, nullable=False),
)
# What came in, word for word, and what became of it; partitioned by `arrived_on` as the others above.
inbox = Table(
    "inbox",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("arrived_on", Date, nullable=False),
    _stamp("arrived"),
    Column("partner", String(100), nullable=False),
    Column("form", String(20), nullable=False),
    Column("way", String(20), nullable=False),
    Column("media_type", String(200), nullable=False),
    Column("content", String(64), nullable=False),
    Column("if_none_exist", Text),
    Column("if_match", Text),
    Column("raw", LargeBinary),
    Column("edited", LargeBinary),
    Column("state", String(12), nullable=False),
    Column("reason", String(40), nullable=False, server_default=""),
    Column("issues", LargeBinary),
    Column("flagged", Boolean, nullable=False, server_default=sql("false")),
    Column("answer_status", Integer),
    Column("answer_type", String(200)),
    Column("answer", LargeBinary),
    Column("replay_of", String(36)),
    Column("tries", Integer, nullable=False, server_default="0"),
    Column("due", DateTime(timezone=True)),
    Index("inbox_arrived", "arrived"),
    Index("inbox_replay_of", "replay_of"),
    _where("inbox_quarantined", "due", "state = 'quarantined'"),
)
# A sender's name for a message with what the message says, as digests; being unique, who comes second waits.
inbox_key = Table(
    "inbox_key",
    metadata,
    Column("partner", String(100), primary_key=True),
    Column("key", String(64), primary_key=True),
    Column("content", String(64), primary_key=True),
    Column("entry", String(36), nullable=False),
    Index("inbox_key_entry", "entry"),
)
# The answer of an entry, which holds it, is owed to an address.
delivery = Table(
    "delivery",
    metadata,
    Column("entry", String(36), primary_key=True),
    Column("partner", String(100), nullable=False),
    Column("url", String(1000), nullable=False),
    Column("state", String(10), nullable=False, server_default="pending"),
    Column("tries", Integer, nullable=False, server_default="0"),
    Column("reason", String(400)),
    _stamp("due"),
    _where("delivery_pending", "due", "state = 'pending'"),
)
# What an entry is about: uuids of documents, and digests of identifiers.
inbox_subject = Table(
    "inbox_subject",
    metadata,
    Column("entry", String(36), primary_key=True),
    Column("subject", String(64), primary_key=True),
    Index("inbox_subject_subject", "subject"),
)
