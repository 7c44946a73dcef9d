"""Tables that all processes share: positions given so far, when, and keys."""

from sqlalchemy import BigInteger, Column, LargeBinary, String, Table

from service.store.tables.columns import metadata, stamp

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
    stamp("at"),
)
# Keys that all processes share.
secret = Table(
    "secret",
    metadata,
    Column("name", String(40), primary_key=True),
    Column("value", LargeBinary, nullable=False),
)
