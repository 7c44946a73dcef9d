"""Mappings have changed: which live resources would change and how, and then let them."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from service.errors import CasebridgeError
from service.flows.ports import Clock, Store, Unit
from service.flows.projection.follow import OURSELVES, anew, lock_by_client
from service.flows.projection.project import Change, Projection
from service.flows.projection.source import Source
from service.values.kept.documents import Document
from service.wire.json import parse

BATCH: Final = 200


@dataclass(frozen=True, slots=True)
class Difference:
    """What a change of mappings does to one resource: `happened` is created, updated or withdrawn.

    `changed` are element paths; `before` and `after` the resources themselves, which are personal data.
    """

    view: str
    reference: str
    happened: str
    changed: tuple[str, ...]
    before: dict[str, Any] | None
    after: dict[str, Any] | None


@dataclass(frozen=True, slots=True)
class RemapResult:
    """What became of one document: how many resources changed, or why it could not be projected."""

    document: str
    kind: str
    changed: int
    failed: str = ""


@dataclass(frozen=True, slots=True)
class Remapping:
    """The story of live changes; a document that was projected with these mappings is done.

    So it goes on where it was after a crash, and several may work at it.
    """

    store: Store
    projection: Projection
    clock: Clock

    def count_left(self) -> int:
        """Return how many documents are still as other mappings made them."""
        return self.store.count_unprojected(self.projection.version)

    def plan(self) -> Iterator[tuple[RemapResult, list[Difference]]]:
        """Give for each such document what would change; nothing is written and nobody waits."""
        for document in self._documents():
            yield self._plan(document)

    def apply(self) -> Iterator[RemapResult]:
        """Project each such document anew, one a transaction; one that fails stays as it is."""
        for document in self._documents():
            yield self._apply(document)

    def _documents(self) -> Iterator[Document]:
        after = ""
        while batch := self.store.documents_to_project(self.projection.version, after, BATCH):
            yield from batch
            after = batch[-1].uuid

    def _plan(self, document: Document) -> tuple[RemapResult, list[Difference]]:
        def story(unit: Unit) -> list[Difference]:
            return self._differences(unit, document)

        try:
            differences = self.store.look(story)
        except CasebridgeError as failed:
            return RemapResult(document.uuid, document.kind, 0, _why(failed)), []
        return RemapResult(document.uuid, document.kind, len(differences)), differences

    def _apply(self, named: Document) -> RemapResult:
        def story(unit: Unit) -> int:
            document = lock_by_client(unit, named)
            if document is None or document.projected == self.projection.version:
                return 0
            return anew(unit, self.projection, document, Change(OURSELVES, "remap", self.clock()))

        try:
            return RemapResult(named.uuid, named.kind, self.store.transact(story))
        except CasebridgeError as failed:
            return RemapResult(named.uuid, named.kind, 0, _why(failed))

    def _differences(self, unit: Unit, document: Document) -> list[Difference]:
        source = Source(unit.documents)
        roots = source.roots(document)
        change = Change(OURSELVES, "remap", self.clock())
        differences = []
        for view, event in self.projection.planned_events(unit, document, roots, change, source.gone):
            type_, _, id_ = event.subject.partition("/")
            before = None
            if event.happened != "created":
                before = parse(unit.resources.bodies(document.uuid, view, [(type_, id_)])[type_, id_])
            patch = self.projection.catalogues[view].withdrawal(type_)
            gone = before is not None and not _bears(before, patch) and _bears(event.resource or {}, patch)
            happened = "withdrawn" if gone else event.happened
            changed = tuple(event.data["changed"])
            differences.append(Difference(view, event.subject, happened, changed, before, event.resource))
        return differences


def _why(failed: CasebridgeError) -> str:
    return "; ".join(f"{issue.where}: {issue.what}" if issue.where else issue.what for issue in failed.issues)


def _bears(resource: dict[str, Any], patch: dict[str, Any]) -> bool:
    """Whether a resource bears what withdrawn ones of its type bear."""
    return all(resource.get(key) == value for key, value in patch.items())
