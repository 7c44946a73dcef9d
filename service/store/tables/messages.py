"""Tables of the outbox: messages, those still to publish, what queues are owed, the last sequence of owners.

`outbox` is partitioned by `recorded_on` on PostgreSQL, as `resource_history` is.
"""

from sqlalchemy import BigInteger, Column, Date, Index, LargeBinary, String, Table
from sqlalchemy import text as sql

from service.store.tables.columns import SERIAL, metadata, partial_index, stamp

outbox = Table(
    "outbox",
    metadata,
    Column("row", SERIAL, primary_key=True, autoincrement=True),
    Column("recorded_on", Date, nullable=False),
    # of a parked message; a row that a release before 0014 numbered has it, too
    Column("position", BigInteger, server_default=sql("0")),
    Column("message", String(36), nullable=False),
    Column("view", String(50), nullable=False),
    Column("owner", String(60), nullable=False),
    Column("routing_key", String(100), nullable=False),
    Column("sequence", BigInteger, nullable=False),
    Column("body", LargeBinary, nullable=False),
    # the message with the resource, as releases before 0012 wrote it; now it is made when it is published
    Column("full", LargeBinary),
    Column("state", String(10), nullable=False, server_default="pending"),
    Column("reason", String(400)),
    stamp("recorded"),
    partial_index("outbox_full", "owner", '"full" IS NOT NULL'),
    # by this one a leader of the release before 0014 finds that there is nothing to number
    partial_index("outbox_unnumbered", "row", "position is null"),
    partial_index("outbox_parked", "position", "state = 'parked'"),
    sqlite_autoincrement=True,
)
# Positions of messages still to publish, and of parked ones, up to the one that `counter` has for `listed`;
# those above are all still to publish. Into `state` is written what else becomes of a message.
unpublished = Table(
    "unpublished", metadata, Column("position", BigInteger, primary_key=True, autoincrement=False)
)
# Messages that a queue did not take when the others did, by their positions.
owed = Table(
    "owed",
    metadata,
    Column("queue", String(255), primary_key=True),
    Column("position", BigInteger, primary_key=True),
    Index("owed_position", "position"),
)
# The last message of each owner that a queue got which does not get all of them.
queued = Table(
    "queued",
    metadata,
    Column("queue", String(255), primary_key=True),
    Column("owner", String(60), primary_key=True),
    Column("sequence", BigInteger, nullable=False),
)
# Queues past their depth limits: until they are drained nothing is put in, and what comes is owed to them.
held_queue = Table(
    "held_queue",
    metadata,
    Column("queue", String(255), primary_key=True),
    Column("depth", BigInteger, nullable=False),
    stamp("since"),
)
stream = Table(
    "stream",
    metadata,
    Column("owner", String(36), primary_key=True),
    Column("view", String(50), primary_key=True),
    Column("last", BigInteger, nullable=False),
    # names what the owner's resources are made of; the release before 0009 leaves it as it was
    Column("basis", String(64), nullable=False, server_default=""),
)
