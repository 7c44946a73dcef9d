"""One write transaction, as `flows.ports.Unit` tells it."""

from service.store.sql.engine import Executor
from service.store.writing.audit import SqlAudit
from service.store.writing.deliveries import SqlDeliveries
from service.store.writing.documents import SqlDocuments
from service.store.writing.inbox import SqlInbox
from service.store.writing.resources import SqlResources
from service.store.writing.transaction import Transaction


class SqlUnit:
    """The parts of a write transaction, on one connection."""

    def __init__(self, connection: Executor, identifying: frozenset[str]) -> None:
        """Take the open transaction, and the systems whose identifiers identify a person."""
        transaction = self._transaction = Transaction(connection)
        self.documents = SqlDocuments(transaction, identifying)
        self.resources = SqlResources(transaction)
        self.inbox = SqlInbox(connection)
        self.deliveries = SqlDeliveries(connection)
        self.audit = SqlAudit(connection)

    @property
    def has_messages(self) -> bool:
        """Whether it has appended to the outbox."""
        return self._transaction.has_messages
