"""What the flows need of the world, as Protocols; wiring plugs the real rooms in."""

from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime
from typing import Protocol, TypeVar

from service.flows.ports.audit import AuditPort
from service.flows.ports.deliveries import DeliveriesPort
from service.flows.ports.documents import DocumentsPort
from service.flows.ports.inbox import InboxPort
from service.flows.ports.resources import ResourcesPort
from service.values.access.scope import Scope
from service.values.kept.documents import Document, Revision
from service.values.kept.resources import (
    EverythingQuery,
    HistoryQuery,
    NumberedMessage,
    Page,
    Query,
    StoredResource,
)

T = TypeVar("T")


class Unit(Protocol):
    """One write transaction, by its parts."""

    @property
    def documents(self) -> DocumentsPort:
        """Documents, who reads whom, and the queue to project anew."""

    @property
    def resources(self) -> ResourcesPort:
        """What is made of documents."""

    @property
    def inbox(self) -> InboxPort:
        """What came in."""

    @property
    def deliveries(self) -> DeliveriesPort:
        """What is owed to partners' endpoints."""

    @property
    def audit(self) -> AuditPort:
        """What was searched for, as far as an erasure reaches it."""


class Store(Protocol):
    """Reads inside a scope, and write transactions."""

    def transact(self, story: Callable[[Unit], T]) -> T:
        """Run the story in one transaction; it runs again after a deadlock or serialization failure."""

    def look(self, story: Callable[[Unit], T]) -> T:
        """Run a story that only reads, without locks; what it wrote would be rolled back."""

    def scrub(self) -> None:
        """Leave of what was deleted as little in the database's files as it lets us."""

    def documents_to_project(self, version: str, after: str, limit: int) -> list[Document]:
        """Return documents, by uuid after `after`, that were not projected with these mappings."""

    def count_unprojected(self, version: str) -> int:
        """Return how many documents were not projected with these mappings."""

    def document(self, scope: Scope, kind: str, source: str, ref: str) -> Document | None:
        """Return a document by (source, its id there) or by our uuid."""

    def documents(
        self,
        scope: Scope,
        kind: str,
        *,
        identifier: tuple[str | None, str] | None = None,
        client: str | None = None,
        status: str | None = None,
        after: str | None = None,
        count: int = 50,
    ) -> list[Document]:
        """List documents by uuid after `after`; `client` is a client's uuid.

        A case is found by the identifiers of its stays and of its client too.
        """

    def revisions(self, scope: Scope, uuid: str) -> list[Revision]:
        """Return all revisions of a document, newest first."""

    def resource(self, scope: Scope, type_: str, id_: str) -> StoredResource | None:
        """Return the current bytes of a resource; raises Gone after erasure."""

    def owner(self, scope: Scope, type_: str, id_: str) -> tuple[Document, str] | None:
        """Return the document that owns a resource, and the version of the mappings that made it."""

    def owners(self, scope: Scope, named: Collection[tuple[str, str]]) -> dict[tuple[str, str], Document]:
        """Return the documents that own resources, by the (type, id) of those that there are."""

    def version(self, scope: Scope, type_: str, id_: str, version: int) -> StoredResource | None:
        """Return the bytes of one version."""

    def history(self, scope: Scope, past: HistoryQuery) -> Page:
        """Return one page of versions, newest first, and of one resource how many there are."""

    def everything(self, scope: Scope, asked: EverythingQuery) -> list[StoredResource]:
        """Return what is of a patient or episode, in its order, one more than are asked for at most."""

    def search(self, scope: Scope, query: Query) -> Page:
        """Search inside the scope, in SQL."""

    def beside(
        self, scope: Scope, named: Sequence[tuple[str, str]], terms: Mapping[str, Sequence[str]], most: int
    ) -> list[StoredResource]:
        """Return the resources of these (type, id), then of types those that have one of these terms.

        Each of the two by type and id; not more than `most`, among which one may be twice.
        """

    def events(self, scope: Scope, after: int, count: int) -> list[NumberedMessage]:
        """Return numbered messages with a position above `after`; raises Unkept where some were deleted."""

    def feed_begins(self) -> int:
        """Return the position after which all messages are kept."""


class Clock(Protocol):
    """Now, aware, UTC."""

    def __call__(self) -> datetime:
        """Return the present instant."""
