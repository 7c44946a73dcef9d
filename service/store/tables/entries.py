"""Tables of the inbox: entries, the keys they go by, whom they are about, and answers that are owed."""

from sqlalchemy import Boolean, Column, Date, DateTime, Index, Integer, LargeBinary, String, Table, Text
from sqlalchemy import text as sql

from service.store.tables.columns import metadata, partial_index, stamp

# What came in, word for word, and what became of it; partitioned by `arrived_on` as the others above.
inbox = Table(
    "inbox",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("arrived_on", Date, nullable=False),
    stamp("arrived"),
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
    partial_index("inbox_quarantined", "due", "state = 'quarantined'"),
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
# What an entry is about: uuids of documents, and digests of identifiers.
inbox_subject = Table(
    "inbox_subject",
    metadata,
    Column("entry", String(36), primary_key=True),
    Column("subject", String(64), primary_key=True),
    Index("inbox_subject_subject", "subject"),
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
    stamp("due"),
    partial_index("delivery_pending", "due", "state = 'pending'"),
)
