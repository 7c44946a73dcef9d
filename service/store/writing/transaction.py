"""An open transaction: its connection, and what it knows of its own doing without asking the database."""

from typing import Any

from sqlalchemy import Table

from service.store.rows import statements as q
from service.store.sql.engine import Executor
from service.values.kept.documents import Document


class Transaction:
    """What the parts of a unit of work share. `locked` are the documents it has locked, as they are now."""

    def __init__(self, connection: Executor) -> None:
        """Take the connection, on which a transaction has begun."""
        self.connection = connection
        self.run = connection.execute
        self.locked: dict[str, Document] = {}
        self.has_messages = False
        self._added: set[str] = set()
        self._asked: set[tuple[str, str]] = set()

    def insert(self, table: Table, rows: list[dict[str, Any]]) -> None:
        """Insert rows; one alone goes without the machinery of many."""
        if rows:
            self.run(q.INSERT[table], rows if len(rows) > 1 else rows[0])

    def add(self, document: Document) -> None:
        """Remember that this transaction has added a document."""
        self._added.add(document.uuid)
        self.locked[document.uuid] = document

    def is_new(self, document: str) -> bool:
        """Return whether this transaction added a document."""
        return document in self._added

    def is_first(self, what: str, document: str) -> bool:
        """Return whether this transaction added a document, and asks for such of its rows the first time.

        There are none then, and nobody else can have made any.
        """
        if document not in self._added or (what, document) in self._asked:
            return False
        self._asked.add((what, document))
        return True
