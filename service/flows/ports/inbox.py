"""What came in, word for word, and what became of it."""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from service.values.inbound.inbox import Entry, EntryState


class InboxPort(Protocol):
    """The inbox in one write transaction."""

    def find_same(self, partner: str, keys: Sequence[str], content: str) -> Entry | None:
        """Return the inbox entry of a partner with one of these keys and the same content, without bytes."""

    def is_overtaken(self, entry: Entry) -> bool:
        """Return whether something that came from an entry's partner after it was used of the same client."""

    def is_reused(self, partner: str, keys: Sequence[str], content: str) -> bool:
        """Return whether one of a partner's keys came before with other content."""

    def claim(self, entry: Entry) -> None:
        """Take an entry's keys for it, from the entry that it renews if it does.

        Raises Conflict when another entry has one with the same content.
        """

    def keep(self, entry: Entry) -> None:
        """Insert an inbox entry."""

    def settle(self, entry: Entry) -> None:
        """Store what became of an entry that is there; of its bytes, only those that were edited."""

    def entry(self, id_: str) -> Entry | None:
        """Lock and return an inbox entry."""

    def due(self, at: datetime) -> Entry | None:
        """Lock and return the quarantined entry longest due at an instant that nobody else has locked."""

    def hasten(self, subjects: Sequence[str], at: datetime) -> None:
        """Let the quarantined entries about a subject that wait for their time be due at an instant."""

    def entries(
        self,
        *,
        partner: str | None = None,
        state: EntryState | None = None,
        after: str | None = None,
        count: int = 50,
    ) -> list[Entry]:
        """List entries as they arrived, those after the entry `after`, without their bytes."""

    def about(self, subjects: Sequence[str]) -> list[str]:
        """Return the ids of the entries about one of some subjects."""

    def clients_of(self, entry: str) -> list[str]:
        """Return the uuids of the clients that an entry is known to be about."""

    def holding(
        self, spelt: Sequence[bytes], after: tuple[datetime, str], count: int
    ) -> list[tuple[datetime, str, list[bytes]]]:
        """Give (arrival, id, bytes) of entries after one; the bytes only where they hold one of these."""

    def forget(self, entries: Sequence[str]) -> None:
        """Erase what entries hold; their keys stay, so that nothing erased comes back."""

    def prunable(self, bodies: datetime, entries: datetime, waiting: datetime) -> int:
        """Return how many entries `strip`, `drop` and `expire` would change with these instants."""

    def expire(self, before: datetime, limit: int) -> int:
        """Discard entries in quarantine that arrived before an instant, without bytes; return how many."""

    def strip(self, before: datetime, limit: int) -> int:
        """Take the bytes off settled entries that arrived before an instant; return of how many."""

    def drop(self, before: datetime, limit: int) -> int:
        """Delete settled entries that arrived before an instant; return how many."""
