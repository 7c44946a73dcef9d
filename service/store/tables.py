"""The tables: documents and revisions, resources and history, search rows, memberships, outbox."""

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
    UniqueConstraint,
)
from sqlalchemy import text as sql

metadata = MetaData()
SERIAL = BigInteger().with_variant(Integer, "sqlite")


def _stamp(name: str) -> "Column[object]":
    return Column(name, DateTime(timezone=True), nullable=False)


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
    Column("identifying", Boolean, nullable=False),
    Index("identifier_value", "kind", "value"),
    Index(
        "identifier_identifying",
        "kind",
        "system",
        "value",
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
# recorded_on is the partition key: PostgreSQL wants it in every unique key of a partitioned table.
history = Table(
    "resource_history",
    metadata,
    Column("view", String(50), primary_key=True),
    Column("type", String(40), primary_key=True),
    Column("id", String(64), primary_key=True),
    Column("version", Integer, primary_key=True),
    Column("recorded_on", Date, primary_key=True),
    Column("position", BigInteger),
    *_resource_columns(),
    Index("history_owner", "owner"),
    postgresql_partition_by="RANGE (recorded_on)",
)


def _search(name: str, *values: "Column[object]", bounded: str | None = None) -> Table:
    names = [sql(bounded) if bounded and c.name == "value" else c.name for c in values]
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
        Index(f"{name}_value", "view", "type", "parameter", *names, "id"),
        Index(f"{name}_resource", "view", "type", "id"),
    )


token = _search("search_token", Column("code", String(200), nullable=False), Column("system", String(1000)))
reference = _search(
    "search_reference",
    Column("target_id", String(64), nullable=False),
    Column("target_type", String(40), nullable=False),
)
dates = _search(
    "search_date", Column("low", String(20), nullable=False), Column("high", String(20), nullable=False)
)
strings = _search(
    "search_string", Column("value", String(400), nullable=False), bounded="substr(value, 1, 60)"
)
Index("search_reference_target", reference.c.view, reference.c.target_type, reference.c.target_id)

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
    Column("position", BigInteger, index=True),
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
    Index("outbox_owner", "owner"),
    Index(
        "outbox_unnumbered",
        "row",
        sqlite_where=sql("position is null"),
        postgresql_where=sql("position is null"),
    ),
    Index(
        "outbox_pending",
        "position",
        sqlite_where=sql("state = 'pending'"),
        postgresql_where=sql("state = 'pending'"),
    ),
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
