"""Tables of resources: the current versions, all versions, and what search finds them by.

`resource_history` is partitioned by `recorded_on` on PostgreSQL, which wants the partition key in every
unique key; so its primary key there is (row, recorded_on).
"""

from collections.abc import Sequence
from typing import Any, Final

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Date,
    Double,
    Index,
    Integer,
    LargeBinary,
    String,
    Table,
    UniqueConstraint,
)
from sqlalchemy import text as sql

from service.store.sql.terms import Terms
from service.store.tables.columns import SERIAL, metadata, partial_index, stamp


def _resource_columns() -> "list[Column[object]]":
    return [
        Column("owner", String(36), nullable=False),
        Column("client", String(36)),
        Column("body", LargeBinary, nullable=False),
        Column("digest", String(64), nullable=False),
        Column("mapping_version", String(64), nullable=False),
        # security labels, as bits of `values.labels`
        Column("labels", BigInteger, nullable=False, server_default="0"),
        stamp("last_updated"),
    ]


resource = Table(
    "resource",
    metadata,
    Column("view", String(50), primary_key=True),
    Column("type", String(40), primary_key=True),
    Column("id", String(64), primary_key=True),
    Column("version", Integer, nullable=False),
    *_resource_columns(),
    # what search finds it by, with a GIN index on PostgreSQL; `searched` says which version of it, and how
    Column("terms", Terms),
    Column("present", BigInteger),
    Column("searched", String(24)),
    Index("resource_owner", "owner", "view"),
    Index("resource_of_client", "view", "type", "client"),
    Index("resource_changed", "view", "type", "last_updated"),
)
history = Table(
    "resource_history",
    metadata,
    Column("row", SERIAL, primary_key=True, autoincrement=True),
    Column("recorded_on", Date, nullable=False),
    # as in the outbox
    Column("position", BigInteger, server_default=sql("0")),
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
    Index("history_updated", "view", "type", "last_updated"),
    partial_index("history_unnumbered", "row", "position is null"),
    sqlite_autoincrement=True,
)


def _values(name: str, *values: "Column[object]") -> Table:
    """A table of what is compared by more than equality; `key` is hashed of view, type and path.

    `resource` is hashed of what names the resource: by it rows are replaced, under a lock on its row. No key
    keeps two from being alike, for one takes as much as the rows; but on SQLite, which lets none go.
    """
    return Table(
        name,
        metadata,
        Column("resource", BigInteger, nullable=False),
        Column("key", BigInteger, nullable=False),
        *values,
        Column("id", String(64), nullable=False),
        Index(f"{name}_resource", "resource"),
        Index(f"{name}_value", "key", *(value.name for value in values)),
    )


ranges = _values(
    "search_range", Column("low", Double, nullable=False), Column("high", Double, nullable=False)
)
# a btree row of PostgreSQL holds 2,704 bytes; in the order of bytes it finds what begins with a text
TEXT: Final = 400
_TEXT = String(TEXT, collation="C").with_variant(String(TEXT), "sqlite")
texts = _values("search_text", Column("value", _TEXT, nullable=False))
# by which parameters all that was stored then can be searched
searched = Table("searched", metadata, Column("name", String(24), primary_key=True), stamp("at"))


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


# the release before writes and searches these
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
    # those that all that refers to it bears, none where one bears none
    Column("labels", BigInteger, nullable=False, server_default="0"),
    Index("mention_target", "target_id", "target_type", "view", "client"),
)
tombstone = Table(
    "tombstone",
    metadata,
    Column("view", String(50), primary_key=True),
    Column("type", String(40), primary_key=True),
    Column("id", String(64), primary_key=True),
    Column("owner", String(36), nullable=False),
    # whose and of what sensitivity it was; not known of what was erased before 0024
    Column("client", String(36)),
    Column("source", String(100)),
    Column("labels", BigInteger, nullable=False, server_default="0"),
    stamp("erased"),
    Index("tombstone_erased", "view", "type", "erased"),
)
