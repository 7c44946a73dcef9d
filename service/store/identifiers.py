"""Who holds which identifier: a part of the unit of work."""

from collections.abc import Callable, Sequence
from hashlib import sha256
from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, delete, insert, select

from service.cases.received import whole
from service.errors import Conflict
from service.store import tables as t
from service.store.rows import document_of
from service.values.documents import Document

Pair = tuple[str, str]


class Identifiers:
    """The statements about identifiers, on one connection."""

    def __init__(
        self, connection: Connection, parse: Callable[[bytes], Any], identifying: frozenset[str]
    ) -> None:
        """Take the open transaction, how to read a document, and the systems that identify a person."""
        self._run = connection.execute
        self._parse = parse
        self._identifying = identifying

    def holders(self, identifiers: Sequence[Pair]) -> list[Document]:
        """Return the clients of whom one of these (system, value) is an identifying identifier."""
        return self._holding(t.identifier.c.identifying, "client", identifiers)

    def named(self, kind: str, identifiers: Sequence[Pair]) -> list[Document]:
        """Return the documents of a kind that have one of these (system, value), identifying or not."""
        return self._holding(t.identifier.c.kind == kind, kind, identifiers)

    def identify(self, document: Document) -> None:
        """Store a document's identifiers, a case's with those of its stays.

        Raises:
            Conflict: another client holds an identifying one.
        """
        rows = [
            {
                "document": document.uuid,
                "position": position,
                "kind": document.kind,
                "system": each["system"],
                "value": each["value"],
                "digest": _digest(each["system"], each["value"]),
                "identifying": document.kind == "client" and self._identifies(document, each),
            }
            for position, each in enumerate(_identifiers(document))
        ]
        mine = t.identifier.c.document == document.uuid
        chosen = select(t.identifier).where(mine).order_by(t.identifier.c.position)
        known = [dict(each) for each in self._run(chosen).mappings()]
        if known == rows:
            return
        if known:
            self._run(delete(t.identifier).where(mine))
        for row in rows:
            if row["identifying"] and self._held(row):
                where = f"/identifiers/{row['position']}"
                raise Conflict(
                    "Another client has this identifier; correct it, or merge the two.", where=where
                )
        if rows:
            self._run(insert(t.identifier), rows)

    def _identifies(self, document: Document, identifier: dict[str, Any]) -> bool:
        """By its system, or because a hospital found the client by it: that one stays identifying."""
        pair = [identifier["system"], identifier["value"]]
        return pair[0] in self._identifying or pair in document.served.get("identifying", [])

    def _held(self, row: dict[str, Any]) -> bool:
        c = t.identifier.c
        same = and_(c.kind == row["kind"], c.digest == row["digest"], c.identifying)
        return self._run(select(c.document).where(same)).first() is not None

    def _holding(
        self, condition: ColumnElement[bool], kind: str, identifiers: Sequence[Pair]
    ) -> list[Document]:
        c = t.identifier.c
        digests = [_digest(*each) for each in identifiers]
        values = [value for _, value in identifiers]
        same = and_(c.kind == kind, c.value.in_(values), c.digest.in_(digests))
        holding = select(c.document).where(condition, same)
        found = select(t.document).where(t.document.c.uuid.in_(holding)).order_by(t.document.c.uuid)
        return [document_of(row, self._parse) for row in self._run(found)]


def _identifiers(document: Document) -> list[dict[str, Any]]:
    full = whole(document.kind, document.own, document.received)
    stays = document.received.get("stays", []) if document.kind == "case" else []
    return [*full.get("identifiers", []), *(each for stay in stays for each in stay.get("identifiers", []))]


def _digest(system: str, value: str) -> str:
    return sha256(f"{system}|{value}".encode()).hexdigest()
