"""Tables that all processes share: positions given so far, when, and keys."""

from sqlalchemy import BigInteger, Column, Double, Index, LargeBinary, SmallInteger, String, Table, Text

from service.store.tables.columns import metadata, stamp

# How far a stream of committed rows ("outbox", "history") is numbered: the last position given, the last row
# that was seen, and which rows before it were not there yet, as JSON: [[first, last], …].
numbering = Table(
    "numbering",
    metadata,
    Column("stream", String(40), primary_key=True),
    Column("last", BigInteger, nullable=False),
    Column("row", BigInteger, nullable=False),
    Column("gaps", Text, nullable=False),
)
# From this position and row on, `length` rows of a stream have positions that follow each other as they do.
position_run = Table(
    "position_run",
    metadata,
    Column("stream", String(40), primary_key=True),
    Column("position", BigInteger, primary_key=True),
    Column("row", BigInteger, nullable=False),
    Column("length", BigInteger, nullable=False),
)
# Who does what only one may do, and until when, in seconds since 1970 on the database's clock; `fence` counts
# who has done it, one after the other.
lease = Table(
    "lease",
    metadata,
    Column("name", String(40), primary_key=True),
    Column("holder", String(300), nullable=False),
    Column("fence", BigInteger, nullable=False),
    Column("expires", Double, nullable=False),
)
# How far the outbox is listed in `unpublished`, and how far the audit is sent on; and, from before 0014, the
# last positions given.
counter = Table(
    "counter",
    metadata,
    Column("name", String(40), primary_key=True),
    Column("last", BigInteger, nullable=False),
)
# How many transactions on PostgreSQL have changed what partners read, each counted in one of a few slots: a
# replica that shows these counts has replayed them.
commit_count = Table(
    "commit_count",
    metadata,
    Column("slot", SmallInteger, primary_key=True, autoincrement=False),
    Column("count", BigInteger, nullable=False),
)
# At this instant everything up to this position of a stream had been numbered.
tick = Table(
    "tick",
    metadata,
    Column("stream", String(40), primary_key=True),
    Column("position", BigInteger, primary_key=True),
    stamp("at"),
    Index("tick_at", "stream", "at"),
)
# Keys that all processes share.
secret = Table(
    "secret",
    metadata,
    Column("name", String(40), primary_key=True),
    Column("value", LargeBinary, nullable=False),
)
