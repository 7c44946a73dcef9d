"""Documents and their identifiers, who reads whom, and the queue to project anew."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Protocol

from service.cases.hospital.treatments import Treatment
from service.values.access.scope import Scope
from service.values.kept.documents import Document


class DocumentsPort(Protocol):
    """Documents in one write transaction. They are locked in the order client, then case, by id."""

    def lock(self, scope: Scope, kind: str, source: str, ref: str) -> Document | None:
        """Lock and return a document by (source, its id there) or by our uuid; None outside the scope."""

    def lock_in_turn(self, scope: Scope, names: Sequence[tuple[str, str, str]]) -> list[Document | None]:
        """Lock documents by (kind, source, ref), one after the other; return each as `lock` does."""

    def find(self, kind: str, source: str, ref: str) -> Document | None:
        """Return a document that a link names, by (source, id) or by our uuid, without a lock."""

    def find_many(self, links: Sequence[tuple[str, str, str]]) -> dict[tuple[str, str, str], Document]:
        """`find` for many (kind, source, ref) at once."""

    def erased_entries(self, links: Sequence[tuple[str, str, str]]) -> dict[tuple[str, str, str], str]:
        """Return the uuids of erased entries of the directory that (kind, source, ref) name."""

    def strangers(self, scope: Scope, uuids: Sequence[str]) -> frozenset[str]:
        """Return those uuids that are of no document in the scope or common, and of none that it leads to."""

    def holders(self, identifiers: Sequence[tuple[str, str]]) -> list[Document]:
        """Return the clients of whom one of these (system, value) is an identifying identifier."""

    def find_by_identifiers(self, kind: str, identifiers: Sequence[tuple[str, str]]) -> list[Document]:
        """Return the documents of a kind that have one of these (system, value), identifying or not.

        A case has those of its stays too.
        """

    def find_by_values(self, kind: str, values: Sequence[str]) -> list[Document]:
        """Return the documents of a kind that have an identifier of one of these values, of any system.

        A case has those of its stays too.
        """

    def cases_of(self, client: str) -> list[Document]:
        """Lock and return the cases of a client, by id."""

    def lock_with_cases(self, client: str) -> tuple[Document | None, list[Document]]:
        """Lock a client by uuid, then its cases by id; return them."""

    def add(self, document: Document, *, cause: str, partner: str) -> None:
        """Insert a new document with revision 1 and its identifiers.

        Raises Conflict when another client holds an identifying identifier, or when (source, id) is taken.
        """

    def update(self, document: Document, *, cause: str, partner: str) -> None:
        """Store the document's new revision (its number already raised) and its identifiers."""

    def amend(self, document: Document) -> None:
        """Store what nobody can see of a document: its revision stays what it was."""

    def treatments(self, case: Document, treatments: Sequence[Treatment]) -> None:
        """Replace the treatments by organisations that a case's own document names.

        By whom hospitals' stays are is kept by `add`, `update` and `amend`.
        """

    def forget_submitted(self, client: str, spelt: Collection[bytes]) -> None:
        """Delete what partners sent of a client to have them matched, by their numbers as these are spelt."""

    def erase(self, document: Document) -> None:
        """Remove a document, revisions, identifiers and links; what is in the inbox stays."""

    def linked_documents(self, document: str) -> dict[str, Document | None]:
        """Return what the projection of a document read the last time, by uuid; None for what is erased."""

    def relink(self, document: str, before: set[str], now: set[str]) -> None:
        """Record which documents, by uuid, a document's projection reads; `before` are those recorded."""

    def readers_of(self, target: str) -> list[str]:
        """Return the uuids of the documents whose projection reads a document."""

    def is_put_by_its_owner(self, target: Document) -> bool:
        """Return whether a document that the same source has put itself reads a document."""

    def queue_readers(self, target: str, cause: str, at: datetime) -> None:
        """Queue all readers of a document to be projected anew, in the trace of the present work."""

    def next_queued(self, at: datetime) -> tuple[Document, str] | None:
        """Take the queued document longest due at an instant, that no other transaction has taken.

        It is returned as it was last committed: lock it before it is used; with the traceparent of what it is
        projected anew for, '' where nobody asked for that.
        """

    def unqueue(self, document: str) -> None:
        """Take a document off the queue."""

    def put_off(self, document: str, reason: str, at: datetime) -> None:
        """Let a queued document that failed wait, twice as long each time, an hour at most."""

    def mark_projected(self, document: str, version: str) -> None:
        """Record which mappings a document was projected with."""
