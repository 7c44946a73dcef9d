"""Links that lead out of the scope of who makes them: as if nothing were there.

A uuid is no secret, so that who knows one has no claim to what it is of. What a partner's documents lead to
already it sees, and may name again.
"""

import re
from collections.abc import Sequence
from typing import Any, Final

from service.flows.ports import Unit
from service.flows.projection.source import ENTRIES, Linked, Source
from service.values.documents import Document
from service.values.scope import Scope
from service.wire.contracts.links import links

_UUID: Final = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


class Without:
    """Where the links of a source lead to, but for some uuids."""

    def __init__(self, documents: Linked, source: str, hidden: frozenset[str]) -> None:
        """Take where to look links up, whose they are, and what they are not to lead to."""
        self._documents = documents
        self._source = source
        self._hidden = hidden

    def find(self, kind: str, source: str, ref: str) -> Document | None:
        """Return the client of a case, which is looked for in the scope before."""
        return self._documents.find(kind, source, ref)

    def find_many(self, links: Sequence[tuple[str, str, str]]) -> dict[tuple[str, str, str], Document]:
        """Return what many (kind, source, ref) name."""
        named = self._documents.find_many(links)
        return {link: document for link, document in named.items() if self._is_seen(link, document.uuid)}

    def erased_entries(self, links: Sequence[tuple[str, str, str]]) -> dict[tuple[str, str, str], str]:
        """Return the uuids of erased entries of the directory that (kind, source, ref) name."""
        named = self._documents.erased_entries(links)
        return {link: uuid for link, uuid in named.items() if self._is_seen(link, uuid)}

    def _is_seen(self, link: tuple[str, str, str], uuid: str) -> bool:
        _, source, ref = link
        return source != self._source or ref != uuid or uuid not in self._hidden


def seen(unit: Unit, scope: Scope, source: str, kind: str, body: Any, before: Any = None) -> Linked:
    """Return where the links of a document lead to that a source has written, and may see.

    Those that it had `before` stay as they are.
    """
    new = _uuids(kind, body) - (_uuids(kind, before) if before is not None else set())
    hidden = unit.documents.strangers(scope, sorted(new)) if new and not scope.everything else frozenset()
    return Without(unit.documents, source, hidden) if hidden else unit.documents


def check_links(unit: Unit, scope: Scope, document: Document, before: Document | None) -> None:
    """Raise Rejected, as of what never was, over links to what is outside the scope."""
    own = before.own if before is not None else None
    known = seen(unit, scope, document.source, document.kind, document.own, own)
    if isinstance(known, Without):
        Source(known).roots(document)


def _uuids(kind: str, body: Any) -> set[str]:
    return {link.id for link in links(kind, body) if link.to in ENTRIES and _UUID.fullmatch(link.id)}
