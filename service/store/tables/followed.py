"""The table of our subscriptions to topics of partners' servers."""

from sqlalchemy import BigInteger, Column, DateTime, Integer, String, Table, UniqueConstraint

from service.store.tables.columns import metadata, stamp

# `secrets` are digests, the one that was agreed on last at the end, with a space between.
followed_topic = Table(
    "followed_topic",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("partner", String(60), nullable=False),
    Column("name", String(60), nullable=False),
    Column("secrets", String(200), nullable=False),
    Column("asked", String(64), nullable=False),
    stamp("due"),
    Column("remote", String(64), nullable=False),
    Column("heard", BigInteger, nullable=False),
    Column("taken", BigInteger, nullable=False),
    Column("renew", DateTime(timezone=True)),
    Column("tries", Integer, nullable=False),
    Column("reason", String(400)),
    UniqueConstraint("partner", "name", name="followed_topic_name"),
)
