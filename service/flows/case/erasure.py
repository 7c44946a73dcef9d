"""A document is erased from everywhere: what is stored of it, and what came in that names whom it is of.

The inbox is looked through for its bytes, too: what nobody has understood, or what was understood to be of
somebody else, may name them. That takes long and locks nothing; what has arrived meanwhile is looked through
in the transaction that erases the document. So are the searches of partners.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Final

from service.cases.hospital.discharge import digest
from service.cases.identity.identifiers import systems
from service.cases.identity.naming import identifiers_of, values_of
from service.flows.case.searches import searches
from service.flows.ports import Clock, Store, Unit
from service.flows.projection.events import later
from service.flows.projection.project import Projection
from service.values.access.scope import Scope
from service.values.kept.documents import Document, Revision
from service.wire.mentions import names, spellings

PAGE: Final = 200
# longer than a message that was taken in before may take to be there
LATE: Final = timedelta(minutes=5)
FIRST: Final = datetime(1970, 1, 1, tzinfo=UTC)
EVERYTHING: Final = Scope(everything=True)


def erase(store: Store, projection: Projection, clock: Clock, lock: Callable[[Unit], Document]) -> Document:
    """Erase the document that `lock` locks and returns; it raises what forbids that. Returns it as it was."""
    began = clock()
    document = store.look(lock)
    versions: list[Document | Revision] = [document, *store.revisions(EVERYTHING, document.uuid)]
    numbers = _numbers(document.kind, versions)
    spelt = spellings(numbers)
    after: tuple[datetime, str] | None = (FIRST, "")
    while spelt and after is not None:
        entries, after = store.look(partial(_page, spelt=spelt, after=after))
        if entries:
            store.transact(partial(_forget, entries=entries))
    bodies = [body for version in versions for body in (version.own, version.service.received)]
    searched = searches(document.uuid, {*numbers, document.source_id}, bodies)
    seen = searched.forget(store)

    def story(unit: Unit) -> None:
        document = lock(unit)
        late = _pages(unit, spelt, (began - LATE, "")) if spelt else ()
        unit.inbox.forget([*unit.inbox.about(_subjects(document)), *late])
        searched.forget_late(unit, seen)
        # who names an entry of the directory that is another's says so in words from now on
        unit.documents.queue_readers(document.uuid, document.kind, began)
        erased = unit.resources.erase(document)
        unit.documents.erase(document)
        if document.kind == "client":
            unit.documents.forget_submitted(document.uuid, spelt)
        projection.tell_erased(unit, document, erased, later(clock(), document.updated))

    store.transact(story)
    store.scrub()
    return document


def _numbers(kind: str, versions: Iterable[Document | Revision]) -> set[str]:
    """Return the numbers that a document has or ever had."""
    return {value for version in versions for value in values_of(kind, version.own, version.service)}


def _subjects(document: Document) -> list[str]:
    """Return by what entries that were understood are about a document."""
    if document.kind != "client":
        return [document.uuid]
    known = identifiers_of(document.kind, document.own, document.service)
    return [
        document.uuid,
        *(digest(system, identifier["value"]) for identifier in known for system in systems(identifier)),
    ]


def _page(
    unit: Unit, spelt: Sequence[bytes], after: tuple[datetime, str]
) -> tuple[list[str], tuple[datetime, str] | None]:
    """Return the ids of the next entries that name one of these, and where to go on."""
    kept = unit.inbox.holding(spelt, after, PAGE)
    ids = [id_ for _, id_, bodies in kept if any(names(body, spelt) for body in bodies)]
    return ids, kept[-1][:2] if len(kept) == PAGE else None


def _forget(unit: Unit, entries: Sequence[str]) -> None:
    unit.inbox.forget(entries)


def _pages(unit: Unit, spelt: Sequence[bytes], after: tuple[datetime, str]) -> Iterator[str]:
    last: tuple[datetime, str] | None = after
    while last is not None:
        ids, last = _page(unit, spelt, last)
        yield from ids
