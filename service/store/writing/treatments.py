"""Which hospitals treat whom, by what a document says: a part of the unit of work."""

from collections.abc import Sequence
from typing import Any, Final

from sqlalchemy import bindparam, delete

from service.cases.hospital.treatments import Treatment, of_senders
from service.store import tables as t
from service.store.writing.transaction import Transaction
from service.values.kept.documents import Document

_MINE: Final = (t.treatment.c.document == bindparam("of"), t.treatment.c.sent == bindparam("of_sent"))
FORGET: Final = delete(t.treatment).where(*_MINE)


class Treatments:
    """The statements about treatments, in one transaction."""

    def __init__(self, transaction: Transaction) -> None:
        """Take the open transaction."""
        self._transaction = transaction

    def record(self, document: Document) -> None:
        """Store whose stays a document that is new has."""
        self._insert(_rows(document, of_senders(document.service.stays), is_sent=True))

    def rerecord(self, document: Document, before: Document | None) -> None:
        """Store whose stays a document has, where they are others than `before`."""
        rows = _rows(document, of_senders(document.service.stays), is_sent=True)
        if before is not None and _rows(before, of_senders(before.service.stays), is_sent=True) == rows:
            return
        self._forget(document, is_sent=True)
        self._insert(rows)

    def replace(self, document: Document, treatments: Sequence[Treatment]) -> None:
        """Store which organisations a case names."""
        if not self._transaction.is_first("treatments", document.uuid):
            self._forget(document, is_sent=False)
        self._insert(_rows(document, treatments, is_sent=False))

    def _forget(self, document: Document, *, is_sent: bool) -> None:
        self._transaction.run(FORGET, {"of": document.uuid, "of_sent": is_sent})

    def _insert(self, rows: list[dict[str, Any]]) -> None:
        self._transaction.insert(t.treatment, rows)


def _rows(document: Document, treatments: Sequence[Treatment], *, is_sent: bool) -> list[dict[str, Any]]:
    client = document.uuid if document.kind == "client" else document.client
    named = {"document": document.uuid, "sent": is_sent, "client": client}
    return [{**named, "position": n, **made._asdict()} for n, made in enumerate(treatments)]
