"""Tables of subscriptions: what partners subscribed to and how far it is told, and the events of each."""

from sqlalchemy import BigInteger, Column, DateTime, Index, Integer, LargeBinary, String, Table, Text

from service.store.tables.columns import metadata, stamp

# `headers` are sealed. The feed is looked through up to the position `seen`; of so many `events` the receiver
# has taken those up to the number `sent`.
subscription = Table(
    "subscription",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("partner", String(100), nullable=False),
    Column("version", Integer, nullable=False),
    stamp("updated"),
    Column("status", String(10), nullable=False),
    Column("body", Text, nullable=False),
    Column("headers", LargeBinary),
    Column("scopes", Text, nullable=False),
    Column("purposes", Text, nullable=False),
    Column("reason", String(400)),
    Column("seen", BigInteger, nullable=False),
    Column("events", BigInteger, nullable=False),
    Column("sent", BigInteger, nullable=False),
    stamp("due"),
    Column("told", DateTime(timezone=True)),
    Column("tries", Integer, nullable=False),
    Column("failing", DateTime(timezone=True)),
    Index("subscription_partner", "partner"),
)
# Something a subscription is told of: when it happened, and to which resource.
subscription_event = Table(
    "subscription_event",
    metadata,
    Column("subscription", String(36), primary_key=True),
    Column("number", BigInteger, primary_key=True, autoincrement=False),
    stamp("at"),
    Column("type", String(40), nullable=False),
    Column("id", String(64), nullable=False),
    Column("trigger", String(60), nullable=False),
    Index("subscription_event_at", "at"),
)
