"""What the flows need of the world, as Protocols; wiring plugs the real rooms in."""

from collections.abc import Callable, Collection, Sequence
from datetime import datetime
from typing import Any, Protocol, TypeVar

from service.values.documents import Document, Revision
from service.values.inbox import Entry, EntryState, Owed, Reply
from service.values.resources import Current, Message, Numbered, Page, Past, Query, ResourceVersion, Stored
from service.values.scope import Scope

T = TypeVar("T")


class Unit(Protocol):
    """One write transaction. Documents are locked in the order client, then case, by id."""

    def lock(self, scope: Scope, kind: str, source: str, ref: str) -> Document | None:
        """Lock and return a document by (source, its id there) or by our uuid; None outside the scope."""

    def find(self, kind: str, source: str, ref: str) -> Document | None:
        """Return a document that a link names, by (source, id) or by our uuid, without a lock."""

    def find_many(self, links: Sequence[tuple[str, str, str]]) -> dict[tuple[str, str, str], Document]:
        """`find` for many (kind, source, ref) at once."""

    def erased(self, links: Sequence[tuple[str, str, str]]) -> dict[tuple[str, str, str], str]:
        """Return the uuids of erased entries of the directory that (kind, source, ref) name."""

    def holders(self, identifiers: Sequence[tuple[str, str]]) -> list[Document]:
        """Return the clients of whom one of these (system, value) is an identifying identifier."""

    def named(self, kind: str, identifiers: Sequence[tuple[str, str]]) -> list[Document]:
        """Return the documents of a kind that have one of these (system, value), identifying or not.

        A case has those of its stays too.
        """

    def valued(self, kind: str, values: Sequence[str]) -> list[Document]:
        """Return the documents of a kind that have an identifier of one of these values, of any system.

        A case has those of its stays too.
        """

    def cases_of(self, client: str) -> list[Document]:
        """Lock and return the cases of a client, by id."""

    def add(self, document: Document, *, cause: str, partner: str) -> None:
        """Insert a new document with revision 1 and its identifiers.

        Raises Conflict when another client holds an identifying identifier, or when (source, id) is taken.
        """

    def update(self, document: Document, *, cause: str, partner: str) -> None:
        """Store the document's new revision (its number already raised) and its identifiers."""

    def amend(self, document: Document) -> None:
        """Store what nobody can see of a document: its revision stays what it was."""

    def move(self, case: str, client: str) -> None:
        """Let what is stored of a case's resources be another client's."""

    def current(self, owner: str, view: str) -> dict[tuple[str, str], Current]:
        """Return the current resources of an owner by (type, id)."""

    def bodies(
        self, owner: str, view: str, keys: Collection[tuple[str, str]]
    ) -> dict[tuple[str, str], bytes]:
        """Return the bodies of some current resources of an owner, by (type, id)."""

    def version_of(self, view: str, type_: str, id_: str) -> int | None:
        """Return the version of a current resource."""

    def write(self, versions: Sequence[ResourceVersion]) -> None:
        """Insert or replace the current resources, append history, replace search rows."""

    def mention(
        self,
        owner: str,
        view: str,
        client: str | None,
        mentioned: Collection[tuple[str, str]],
        unmentioned: Collection[tuple[str, str]],
    ) -> None:
        """Record what resources of others, by (type, id), an owner's refer to in a view, and no longer."""

    def memberships(self, client: str, rows: Sequence[tuple[str, str, str, str]]) -> None:
        """Replace a client's memberships: (payer system, payer value, from ISO date, to ISO date)."""

    def linked(self, document: str) -> dict[str, Document | None]:
        """Return what the projection of a document read the last time, by uuid; None for what is erased."""

    def relink(self, document: str, before: set[str], now: set[str]) -> None:
        """Record which documents, by uuid, a document's projection reads; `before` are those recorded."""

    def readers_of(self, target: str) -> list[str]:
        """Return the uuids of the documents whose projection reads a document."""

    def is_put_by_its_owner(self, target: Document) -> bool:
        """Return whether a document that the same source has put itself reads a document."""

    def queue_readers(self, target: str, cause: str, at: datetime) -> None:
        """Queue all readers of a document to be projected anew."""

    def next_queued(self, at: datetime) -> Document | None:
        """Take the queued document longest due at an instant, that no other transaction has taken.

        It is returned as it was last committed: lock it before it is used.
        """

    def unqueue(self, document: str) -> None:
        """Take a document off the queue."""

    def put_off(self, document: str, reason: str, at: datetime) -> None:
        """Let a queued document that failed wait, twice as long each time, an hour at most."""

    def mark_projected(self, document: str, version: str) -> None:
        """Record which mappings a document was projected with."""

    def withhold(self, client: str, before: datetime) -> None:
        """Show no one what older versions and unsent messages of an instant before tell of a client."""

    def sequence(self, owner: str, view: str, count: int) -> int:
        """Take `count` numbers of the owner's message sequence in a view and return the first."""

    def emit(self, messages: Sequence[Message]) -> None:
        """Append to the outbox."""

    def erase(self, document: Document) -> list[tuple[str, str, str]]:
        """Remove a document, revisions, identifiers, resources, history, search rows, message bodies.

        What is in the inbox stays. Tombstones stay for 410. Returns (view, type, id) of what was erased.
        """

    def seen(self, partner: str, keys: Sequence[str], content: str) -> Entry | None:
        """Return the inbox entry of a partner with one of these keys and the same content, without bytes."""

    def is_overtaken(self, entry: Entry) -> bool:
        """Return whether something that came from an entry's partner after it was used of the same client."""

    def is_reused(self, partner: str, keys: Sequence[str], content: str) -> bool:
        """Return whether one of a partner's keys came before with other content."""

    def claim(self, entry: Entry) -> None:
        """Take an entry's keys for it, from the entry that it renews if it does.

        Raises Conflict when another entry has one with the same content.
        """

    def keep(self, entry: Entry) -> None:
        """Insert an inbox entry."""

    def settle(self, entry: Entry) -> None:
        """Store what became of an entry that is there; of its bytes, only those that were edited."""

    def entry(self, id_: str) -> Entry | None:
        """Lock and return an inbox entry."""

    def due(self, at: datetime) -> Entry | None:
        """Lock and return the quarantined entry longest due at an instant that nobody else has locked."""

    def hasten(self, subjects: Sequence[str], at: datetime) -> None:
        """Let the quarantined entries about a subject that wait for their time be due at an instant."""

    def entries(
        self,
        *,
        partner: str | None = None,
        state: EntryState | None = None,
        after: str | None = None,
        count: int = 50,
    ) -> list[Entry]:
        """List entries as they arrived, those after the entry `after`, without their bytes."""

    def about(self, subjects: Sequence[str]) -> list[str]:
        """Return the ids of the entries about one of some subjects."""

    def holding(
        self, spelt: Sequence[bytes], after: tuple[datetime, str], count: int
    ) -> list[tuple[datetime, str, list[bytes]]]:
        """Give (arrival, id, bytes) of entries after one; the bytes only where they hold one of these."""

    def forget(self, entries: Sequence[str]) -> None:
        """Erase what entries hold; their keys stay, so that nothing erased comes back."""

    def prunable(self, bodies: datetime, entries: datetime, waiting: datetime) -> int:
        """Return how many entries `strip`, `drop` and `expire` would change with these instants."""

    def expire(self, before: datetime, limit: int) -> int:
        """Discard entries in quarantine that arrived before an instant, without bytes; return how many."""

    def strip(self, before: datetime, limit: int) -> int:
        """Take the bytes off settled entries that arrived before an instant; return of how many."""

    def drop(self, before: datetime, limit: int) -> int:
        """Delete settled entries that arrived before an instant; return how many."""

    def owe(self, entry: str, partner: str, url: str, at: datetime) -> None:
        """Let the answer of an entry be owed to an address from an instant on, once more if it was before."""

    def next_reply(self, at: datetime, until: datetime) -> Reply | None:
        """Take the reply longest due at an instant; nobody else takes it until the other one."""

    def replied(self, reply: Reply, reason: str | None = None) -> None:
        """Store that a reply is delivered, or, with a reason, that it never will be."""

    def owed(self) -> list[Owed]:
        """List the replies that are not delivered, those due first at the head."""

    def owe_again(self, entries: Sequence[str], at: datetime) -> None:
        """Let replies that are not delivered be due at an instant, as if they had not been tried."""

    def put_off_reply(self, reply: Reply, reason: str, until: datetime) -> None:
        """Let a reply wait that was not taken, and with it what is owed to the same address."""


class Store(Protocol):
    """Reads inside a scope, and write transactions."""

    def transact(self, story: Callable[[Unit], T]) -> T:
        """Run the story in one transaction; it runs again after a deadlock or serialization failure."""

    def look(self, story: Callable[[Unit], T]) -> T:
        """Run a story that only reads, without locks; what it wrote would be rolled back."""

    def scrub(self) -> None:
        """Leave of what was deleted as little in the database's files as it lets us."""

    def unprojected(self, version: str, after: str, limit: int) -> list[Document]:
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

    def resource(self, scope: Scope, type_: str, id_: str) -> Stored | None:
        """Return the current bytes of a resource; raises Gone after erasure."""

    def owner(self, scope: Scope, type_: str, id_: str) -> tuple[Document, str] | None:
        """Return the document that owns a resource, and the version of the mappings that made it."""

    def owners(self, scope: Scope, named: Collection[tuple[str, str]]) -> dict[tuple[str, str], Document]:
        """Return the documents that own resources, by the (type, id) of those that there are."""

    def version(self, scope: Scope, type_: str, id_: str, version: int) -> Stored | None:
        """Return the bytes of one version."""

    def history(self, scope: Scope, type_: str, id_: str, past: Past) -> Page:
        """Return all versions of one resource, newest first."""

    def search(self, scope: Scope, query: Query) -> Page:
        """Search inside the scope, in SQL."""

    def events(self, scope: Scope, after: int, count: int) -> list[Numbered]:
        """Return numbered messages with a position above `after`."""


class Clock(Protocol):
    """Now, aware, UTC."""

    def __call__(self) -> datetime:
        """Return the present instant."""


class Projector(Protocol):
    """The mappings of one source, compiled."""

    def run(self, roots: dict[str, dict[str, Any]]) -> Sequence[Any]:
        """Return what was made: objects with `resource`, `mapping`, `target`."""
