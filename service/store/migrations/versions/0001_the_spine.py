"""The first schema: documents, resources, search rows, outbox.

Frozen: what later releases need, later migrations add.
"""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

SERIAL = sa.BigInteger().with_variant(sa.Integer, "sqlite")
PARTITIONED = ("resource_history", "outbox")


def upgrade() -> None:
    on_postgresql = op.get_bind().dialect.name == "postgresql"
    _documents()
    _resources(on_postgresql)
    _search()
    _messages(on_postgresql)
    _services()
    if on_postgresql:
        for table in PARTITIONED:
            op.execute(f"CREATE TABLE {table}_default PARTITION OF {table} DEFAULT")


def _documents() -> None:
    op.create_table(
        "document",
        sa.Column("uuid", sa.String(36), primary_key=True),
        sa.Column("kind", sa.String(20), nullable=False),
        sa.Column("source", sa.String(100), nullable=False),
        sa.Column("source_id", sa.String(64), nullable=False),
        sa.Column("revision", sa.Integer, nullable=False),
        sa.Column("status", sa.String(30)),
        sa.Column("client", sa.String(36)),
        sa.Column("body", sa.LargeBinary, nullable=False),
        _stamp("created"),
        _stamp("updated"),
        sa.Column("projected", sa.String(64), nullable=False, server_default=""),
        sa.UniqueConstraint("kind", "source", "source_id"),
    )
    op.create_index("ix_document_client", "document", ["client"])
    op.create_table(
        "identifier",
        sa.Column("document", sa.String(36), primary_key=True),
        sa.Column("position", sa.Integer, primary_key=True),
        sa.Column("kind", sa.String(20), nullable=False),
        sa.Column("system", sa.String(1000), nullable=False),
        sa.Column("value", sa.String(200), nullable=False),
        sa.Column("digest", sa.String(64), nullable=False),
        sa.Column("identifying", sa.Boolean, nullable=False),
    )
    op.create_index("identifier_value", "identifier", ["kind", "value"])
    _where("identifier_identifying", "identifier", ["kind", "digest"], "identifying", unique=True)
    op.create_table(
        "revision",
        sa.Column("document", sa.String(36), primary_key=True),
        sa.Column("revision", sa.Integer, primary_key=True),
        sa.Column("cause", sa.String(30), nullable=False),
        sa.Column("partner", sa.String(100), nullable=False),
        sa.Column("body", sa.LargeBinary, nullable=False),
        _stamp("recorded"),
    )
    op.create_table(
        "link",
        sa.Column("document", sa.String(36), primary_key=True),
        sa.Column("target", sa.String(36), primary_key=True),
    )
    op.create_index("link_target", "link", ["target"])
    op.create_table(
        "reprojection",
        sa.Column("document", sa.String(36), primary_key=True),
        sa.Column("cause", sa.String(30), nullable=False),
        sa.Column("tries", sa.Integer, nullable=False, server_default="0"),
        sa.Column("reason", sa.String(400)),
        _stamp("due"),
    )
    op.create_index("reprojection_due", "reprojection", ["due"])
    op.create_table(
        "membership",
        sa.Column("client", sa.String(36), primary_key=True),
        sa.Column("position", sa.Integer, primary_key=True),
        sa.Column("system", sa.String(1000), nullable=False),
        sa.Column("value", sa.String(200), nullable=False),
        sa.Column("start", sa.String(10), nullable=False),
        sa.Column("end", sa.String(10), nullable=False),
    )
    op.create_index("membership_payer", "membership", ["value", "client"])


def _resources(on_postgresql: bool) -> None:
    op.create_table(
        "resource",
        sa.Column("view", sa.String(50), primary_key=True),
        sa.Column("type", sa.String(40), primary_key=True),
        sa.Column("id", sa.String(64), primary_key=True),
        sa.Column("version", sa.Integer, nullable=False),
        *_body(),
    )
    op.create_index("resource_owner", "resource", ["owner", "view"])
    op.create_index("resource_client", "resource", ["client"])
    op.create_index("resource_updated", "resource", ["view", "type", "last_updated", "id"])
    op.create_table(
        "resource_history",
        sa.Column("row", SERIAL, primary_key=True, autoincrement=True),
        sa.Column("recorded_on", sa.Date, primary_key=on_postgresql, nullable=False),
        sa.Column("position", sa.BigInteger),
        sa.Column("view", sa.String(50), nullable=False),
        sa.Column("type", sa.String(40), nullable=False),
        sa.Column("id", sa.String(64), nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("withheld", sa.Boolean, nullable=False, server_default=sa.text("false")),
        *_body(),
        sa.UniqueConstraint("view", "type", "id", "version", "recorded_on"),
        postgresql_partition_by="RANGE (recorded_on)",
    )
    op.create_index("history_owner", "resource_history", ["owner"])
    op.create_index("history_client", "resource_history", ["client"])
    op.create_index("history_position", "resource_history", ["position"])
    _where("history_unnumbered", "resource_history", ["row"], "position is null")
    op.create_table(
        "tombstone",
        sa.Column("view", sa.String(50), primary_key=True),
        sa.Column("type", sa.String(40), primary_key=True),
        sa.Column("id", sa.String(64), primary_key=True),
        sa.Column("owner", sa.String(36), nullable=False),
        _stamp("erased"),
    )


def _search() -> None:
    _of_search(
        "search_token", ["code"], sa.Column("code", sa.String(200), nullable=False),
        sa.Column("system", sa.String(1000)),
    )  # fmt: skip
    _of_search(
        "search_reference", ["target_id", "target_type"],
        sa.Column("target_id", sa.String(64), nullable=False),
        sa.Column("target_type", sa.String(40), nullable=False),
    )  # fmt: skip
    op.create_index("search_reference_target", "search_reference", ["view", "target_type", "target_id"])
    _of_search(
        "search_date", ["low", "high"],
        sa.Column("low", sa.String(20), nullable=False), sa.Column("high", sa.String(20), nullable=False),
    )  # fmt: skip
    _of_search(
        "search_string", [sa.text("substr(value, 1, 60)")], sa.Column("value", sa.String(400), nullable=False)
    )


def _of_search(name: str, indexed: list[object], *values: "sa.Column[object]") -> None:
    op.create_table(
        name,
        sa.Column("row", SERIAL, primary_key=True, autoincrement=True),
        sa.Column("view", sa.String(50), nullable=False),
        sa.Column("type", sa.String(40), nullable=False),
        sa.Column("id", sa.String(64), nullable=False),
        sa.Column("client", sa.String(36)),
        sa.Column("parameter", sa.String(40), nullable=False),
        *values,
    )
    op.create_index(f"{name}_value", name, ["view", "type", "parameter", *indexed, "id"])  # type: ignore[list-item]
    op.create_index(f"{name}_resource", name, ["view", "type", "id"])


def _messages(on_postgresql: bool) -> None:
    op.create_table(
        "outbox",
        sa.Column("row", SERIAL, primary_key=True, autoincrement=True),
        sa.Column("recorded_on", sa.Date, primary_key=on_postgresql, nullable=False),
        sa.Column("position", sa.BigInteger),
        sa.Column("message", sa.String(36), nullable=False),
        sa.Column("view", sa.String(50), nullable=False),
        sa.Column("owner", sa.String(60), nullable=False),
        sa.Column("routing_key", sa.String(100), nullable=False),
        sa.Column("sequence", sa.BigInteger, nullable=False),
        sa.Column("body", sa.LargeBinary, nullable=False),
        sa.Column("full", sa.LargeBinary),
        sa.Column("state", sa.String(10), nullable=False, server_default="pending"),
        sa.Column("reason", sa.String(400)),
        _stamp("recorded"),
        postgresql_partition_by="RANGE (recorded_on)",
    )
    op.create_index("outbox_owner", "outbox", ["owner"])
    op.create_index("outbox_position", "outbox", ["position"])
    _where("outbox_unnumbered", "outbox", ["row"], "position is null")
    _where("outbox_pending", "outbox", ["position"], "state = 'pending'")
    op.create_table(
        "stream",
        sa.Column("owner", sa.String(36), primary_key=True),
        sa.Column("view", sa.String(50), primary_key=True),
        sa.Column("last", sa.BigInteger, nullable=False),
    )


def _services() -> None:
    op.create_table(
        "counter",
        sa.Column("name", sa.String(40), primary_key=True),
        sa.Column("last", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "tick",
        sa.Column("stream", sa.String(40), primary_key=True),
        sa.Column("position", sa.BigInteger, primary_key=True),
        _stamp("at"),
    )
    op.create_table(
        "secret",
        sa.Column("name", sa.String(40), primary_key=True),
        sa.Column("value", sa.LargeBinary, nullable=False),
    )


def _body() -> "list[sa.Column[object]]":
    return [
        sa.Column("owner", sa.String(36), nullable=False),
        sa.Column("client", sa.String(36)),
        sa.Column("body", sa.LargeBinary, nullable=False),
        sa.Column("digest", sa.String(64), nullable=False),
        sa.Column("mapping_version", sa.String(64), nullable=False),
        _stamp("last_updated"),
    ]


def _stamp(name: str) -> "sa.Column[object]":
    return sa.Column(name, sa.DateTime(timezone=True), nullable=False)


def _where(name: str, table: str, columns: list[str], condition: str, *, unique: bool = False) -> None:
    only = sa.text(condition)
    op.create_index(name, table, columns, unique=unique, sqlite_where=only, postgresql_where=only)
