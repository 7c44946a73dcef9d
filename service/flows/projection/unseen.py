"""Links that lead out of the scope of who makes them: as if nothing were there.

A uuid is no secret, so that who knows one has no claim to what it is of. What a partner's documents lead to
already it sees, and may name again.
"""

import re
from collections.abc import Sequence
from typing import Any, Final

from service.flows.ports import Unit
from service.flows.projection.source import ENTRIES, Linked, Source
from service.values.access.scope import Scope
from service.values.kept.documents import Document
from service.wire.contracts.links import links

_UUID: Final = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


class Without:
    """Where links lead to, but for some uuids."""

    def __init__(self, documents: Linked, hidden: frozenset[str]) -> None:
        """Take where to look links up, and what they are not to lead to."""
        self._documents = documents
        self._hidden = hidden

    def find(self, kind: str, source: str, ref: str) -> Document | None:
        """Return the client of a case, which is looked for in the scope before."""
        return self._documents.find(kind, source, ref)

    def find_many(self, links: Sequence[tuple[str, str, str]]) -> dict[tuple[str, str, str], Document]:
        """Return what many (kind, source, ref) name."""
        named = self._documents.find_many(links)
        return {link: document for link, document in named.items() if document.uuid not in self._hidden}

    def erased_entries(self, links: Sequence[tuple[str, str, str]]) -> dict[tuple[str, str, str], str]:
        """Return the uuids of erased entries of the directory that (kind, source, ref) name."""
        named = self._documents.erased_entries(links)
        return {link: uuid for link, uuid in named.items() if uuid not in self._hidden}


def seen(unit: Unit, scope: Scope, kind: str, body: Any, before: Any = None) -> Linked:
    """Return where the links of a document lead to within a scope; those that it had `before` stay."""
    named = set() if scope.everything else _uuids(kind, body)
    new = named - _uuids(kind, before) if named and before is not None else named
    hidden = unit.documents.strangers(scope, sorted(new)) if new else frozenset()
    return Without(unit.documents, hidden) if hidden else unit.documents


def check_links(unit: Unit, scope: Scope, document: Document, before: Document | None) -> None:
    """Raise Rejected, as of what never was, over links to what is outside the scope."""
    own = before.own if before is not None else None
    known = seen(unit, scope, document.kind, document.own, own)
    if isinstance(known, Without):
        Source(known).roots(document)


def _uuids(kind: str, body: Any) -> set[str]:
    return {link.id for link in links(kind, body) if link.to in ENTRIES and _UUID.fullmatch(link.id)}
