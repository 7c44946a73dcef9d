"""The audit: read, added to with what else is written, and what an erasure changes there."""

from collections.abc import Sequence
from typing import Protocol

from service.values.audit import AuditEntry, AuditQuery, RecordedEntry, SearchText


class AuditReadPort(Protocol):
    """The audit, read."""

    def client_of_patient(self, id_: str) -> str | None:
        """Return the uuid of the client that a Patient is of, or was before it was erased."""

    def entries(self, query: AuditQuery) -> list[RecordedEntry]:
        """Return entries, the newest first."""


class AuditPort(Protocol):
    """The audit in one write transaction: what goes with what is written, and the texts."""

    def record(self, entry: AuditEntry) -> None:
        """Add an entry, which is there once the transaction is committed."""

    def texts(self, after: int, count: int) -> list[SearchText]:
        """Return texts in the order of their rows, those after one."""

    def forget_texts(self, rows: Sequence[int]) -> None:
        """Delete the texts of rows; what the rows say stays, and shows that there was a text."""
