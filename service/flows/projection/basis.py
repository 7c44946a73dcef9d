"""What the resources of a document are made of, and what of it a new revision changes."""

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from service import __version__
from service.cases.hospital.received import whole
from service.flows.projection.source import Source
from service.values.kept.documents import Document
from service.wire.json import canonical

REVISION: Final = "revision"


@dataclass(frozen=True, slots=True)
class Basis:
    """What resources are made of: `now` names it, `before` what those of the revision before were made of.

    Where these are what is stored, only what reads one of the paths that have `changed` is made otherwise.
    `before` is None where that cannot be told.
    """

    now: str
    before: str | None = None
    changed: frozenset[str] = frozenset()


def basis_of(
    document: Document,
    before: Document | None,
    source: Source,
    linked: Mapping[str, Document | None],
    mappings: str,
) -> Basis:
    """Return the basis of a document's resources that `mappings` make of a source.

    `before` is the document as it was projected last, where it is known, `linked` what was read for that.
    """
    read = {uuid: revision for uuid, revision in source.read.items() if uuid != document.uuid}
    now = _name(document, read, mappings)
    if before is None or before.projected != mappings or source.gone or read.keys() != linked.keys():
        return Basis(now)
    if before.service.merged_into != document.service.merged_into:
        return Basis(now)
    return Basis(now, _name(before, read, mappings), frozenset(_changed_paths(before, document)))


def _name(document: Document, read: Mapping[str, int], mappings: str) -> str:
    """Return what names a revision of a document with those that it reads, and who projects it."""
    said = [__version__, mappings, document.uuid, document.revision, document.source, document.client]
    return hashlib.sha256(canonical([*said, dict(read)])).hexdigest()


def _changed_paths(before: Document, after: Document) -> Iterator[str]:
    """Give the paths at which a mapping finds something else, in the form that `Projector.touched` takes."""
    kind = after.kind
    old, new = (whole(kind, document.own, document.received) for document in (before, after))
    yield REVISION
    yield from _differing_paths(old, new, kind)
    if before.service.status_history != after.service.status_history:
        yield f"{kind}.status_history"
    if before.service.stays or after.service.stays:
        # facts that nobody sees may be other ones, too, and the status history of a stay with them
        yield f"{kind}.stays"


def _differing_paths(
    before: dict[str, Any], after: dict[str, Any], path: str, depth: int = 2
) -> Iterator[str]:
    for key in before.keys() | after.keys():
        old, new = before.get(key), after.get(key)
        # digits of decimals are kept, and equal ones may have others
        if old is new or canonical(old) == canonical(new):
            continue
        if depth > 1 and isinstance(old, dict) and isinstance(new, dict):
            yield from _differing_paths(old, new, f"{path}.{key}", depth - 1)
        else:
            yield f"{path}.{key}"
