"""Tables of documents: their revisions, identifiers and links, and what waits to be projected anew."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Index,
    Integer,
    LargeBinary,
    String,
    Table,
    UniqueConstraint,
)
from sqlalchemy import text as sql

from service.store.tables.columns import metadata, stamp

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
    stamp("created"),
    stamp("updated"),
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
    stamp("recorded"),
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
    stamp("due"),
    Column("traceparent", String(55)),
    Index("reprojection_due", "due"),
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
# What clients deny: to whom (nobody named: to all), for what and of what, as bits (none: all).
consent = Table(
    "consent",
    metadata,
    Column("client", String(36), primary_key=True),
    Column("position", Integer, primary_key=True),
    Column("system", String(1000), nullable=False),
    Column("value", String(200), nullable=False),
    Column("purposes", BigInteger, nullable=False),
    Column("labels", BigInteger, nullable=False),
    Column("start", String(10), nullable=False),
    Column("end", String(10), nullable=False),
)
# Which hospitals treat or have treated a client. Where `sent`, it is a partner by its name, who sent a stay
# of the document; else an organisation by an identifier, in a stay or the team of its own that it names.
treatment = Table(
    "treatment",
    metadata,
    Column("document", String(36), primary_key=True),
    Column("sent", Boolean, primary_key=True),
    Column("position", Integer, primary_key=True),
    Column("client", String(36), nullable=False, index=True),
    Column("system", String(1000), nullable=False),
    Column("value", String(200), nullable=False),
    Column("start", String(10), nullable=False),
    Column("end", String(10), nullable=False),
    Index("treatment_hospital", "value", "client", "end"),
)
# Entries of the directory that were erased: links may still lead to them. `name` digests kind, source and id.
erased = Table(
    "erased",
    metadata,
    Column("uuid", String(36), primary_key=True),
    Column("name", String(64), nullable=False),
    Index("erased_name", "name"),
)
