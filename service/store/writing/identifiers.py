"""Who holds which identifier: a part of the unit of work."""

from collections.abc import Sequence
from hashlib import sha256
from typing import Any

from sqlalchemy import Select

from service.cases.hospital.received import whole
from service.errors import Conflict
from service.store import tables as t
from service.store.rows import statements as q
from service.store.rows.typed import document_of
from service.store.sql.engine import Executor
from service.values.kept.documents import Document

Pair = tuple[str, str]


class Identifiers:
    """The statements about identifiers, on one connection."""

    def __init__(self, connection: Executor, identifying: frozenset[str]) -> None:
        """Take the open transaction, and the systems whose identifiers identify a person."""
        self._run = connection.execute
        self._identifying = identifying

    def holders(self, identifiers: Sequence[Pair]) -> list[Document]:
        """Return the clients of whom one of these (system, value) is an identifying identifier."""
        return self._holding(q.HOLDERS, "client", identifiers)

    def find_by_identifiers(self, kind: str, identifiers: Sequence[Pair]) -> list[Document]:
        """Return the documents of a kind that have one of these (system, value), identifying or not."""
        return self._holding(q.NAMED, kind, identifiers)

    def find_by_values(self, kind: str, values: Sequence[str]) -> list[Document]:
        """Return the documents of a kind that have an identifier of one of these values, of any system."""
        rows = self._run(q.VALUED, {"kind": kind, "values": list(dict.fromkeys(values))})
        return [document_of(row) for row in rows]

    def name(self, document: Document) -> None:
        """Store the identifiers of a document that is new, a case's with those of its stays.

        Raises:
            Conflict: another client holds an identifying one.
        """
        self._hold(self._rows(document))

    def rename(self, document: Document, before: Document | None) -> None:
        """Store a document's identifiers where they are others than `before`; as `name`."""
        rows = self._rows(document)
        if before is not None and self._rows(before) == rows:
            return
        self._run(q.UNNAME, {"of": document.uuid})
        self._hold(rows)

    def _rows(self, document: Document) -> list[dict[str, Any]]:
        return [
            {
                "document": document.uuid,
                "position": position,
                "kind": document.kind,
                "system": identifier["system"],
                "value": identifier["value"],
                "digest": _digest(identifier["system"], identifier["value"]),
                "identifying": document.kind == "client" and self._identifies(document, identifier),
            }
            for position, identifier in enumerate(_identifiers(document))
        ]

    def _hold(self, rows: list[dict[str, Any]]) -> None:
        positions = {row["digest"]: row["position"] for row in rows if row["identifying"]}
        if positions:
            asked = {"kind": rows[0]["kind"], "digests": list(positions)}
            taken = self._run(q.TAKEN, asked).scalar()
            if taken is not None:
                what = "Another client has this identifier; correct it, or merge the two."
                raise Conflict(what, where=f"/identifiers/{positions[taken]}")
        if rows:
            self._run(q.INSERT[t.identifier], rows)

    def _identifies(self, document: Document, identifier: dict[str, Any]) -> bool:
        """By its system, or because a hospital found the client by it: that one stays identifying."""
        pair = (identifier["system"], identifier["value"])
        return pair[0] in self._identifying or pair in document.service.identifying

    def _holding(self, chosen: Select[Any], kind: str, identifiers: Sequence[Pair]) -> list[Document]:
        digests = [_digest(*identifier) for identifier in identifiers]
        values = [value for _, value in identifiers]
        rows = self._run(chosen, {"kind": kind, "values": values, "digests": digests})
        return [document_of(row) for row in rows]


def _identifiers(document: Document) -> list[dict[str, Any]]:
    full = whole(document.kind, document.own, document.received)
    stays = document.received.get("stays", []) if document.kind == "case" else []
    return [
        *full.get("identifiers", []),
        *(identifier for stay in stays for identifier in stay.get("identifiers", [])),
    ]


def _digest(system: str, value: str) -> str:
    return sha256(f"{system}|{value}".encode()).hexdigest()
