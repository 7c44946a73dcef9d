"""Resources, search rows and messages as the rooms hand them to each other."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, NamedTuple

from service.values.criteria import Criterion, Order


@dataclass(frozen=True, slots=True)
class SearchRows:
    """What search finds a resource by, of the paths of its type's parameters.

    `terms` are compared for equality, spelt by `wire.fhir.search.terms`; `ranges` are (path, low, high) of
    dates as milliseconds of UTC, and of quantities; `texts` are (path, folded text). `present` has a bit for
    each path that leads to something.
    """

    terms: tuple[str, ...] = ()
    ranges: tuple[tuple[str, float, float], ...] = ()
    texts: tuple[tuple[str, str], ...] = ()
    present: int = 0


@dataclass(frozen=True, slots=True)
class CurrentVersion:
    """The stored current version of a resource of an owner.

    `searched` says that search finds it by what it says, and by the parameters of today.
    """

    type: str
    id: str
    version: int
    digest: str
    last_updated: datetime
    searched: bool = True


@dataclass(frozen=True, slots=True)
class ResourceVersion:
    """A new version of a resource: goes to resource (current), history and search rows.

    `owner` is the uuid of the owning document, `client` the uuid of the client whose data it is
    (None for directory entries). `is_found_alike` says that its `rows` are those of the version before;
    `labels` are its security labels as bits.
    """

    view: str
    type: str
    id: str
    version: int
    owner: str
    client: str | None
    body: bytes
    digest: str
    last_updated: datetime
    mapping_version: str
    rows: SearchRows = field(default_factory=SearchRows)
    is_found_alike: bool = False
    labels: int = 0


@dataclass(frozen=True, slots=True)
class StoredResource:
    """Stored bytes of one resource version, served as they are; `client` is the uuid of whose data it is.

    Without bytes it tells in a history that the resource was erased.
    """

    type: str
    id: str
    version: int
    last_updated: datetime
    body: bytes
    client: str | None

    @property
    def is_erased(self) -> bool:
        """Whether nothing is left of it but that it was there."""
        return not self.body


@dataclass(frozen=True, slots=True)
class HistoryQuery:
    """Which versions are asked for: of all of `types`, or of the one resource of a type that has an id.

    They were stored `since` an instant, or current at some time between the two of `at`. `after` is what the
    last one seen is sorted by: when it was stored, type, id, version; of one resource the version alone.
    """

    types: tuple[str, ...]
    id: str | None = None
    since: datetime | None = None
    at: tuple[datetime, datetime] | None = None
    after: tuple[str | float, ...] | None = None
    count: int = 50


@dataclass(frozen=True, slots=True)
class EverythingQuery:
    """All that is of a Patient, or of an EpisodeOfCare and its patient: `type` and `id` say of which.

    Of it come `types`, stored `since` an instant. Of resources of `readable` types what is said may be known;
    `after` is the place of the last one seen: 0 for the first of all, 1 for what is theirs, 2 for what that
    refers to; type, id.
    """

    type: str
    id: str
    types: tuple[str, ...]
    readable: tuple[str, ...]
    since: datetime | None = None
    after: tuple[str | float, ...] | None = None
    count: int = 50


@dataclass(frozen=True, slots=True)
class OutboxMessage:
    """An outbox row: a CloudEvents 1.0 JSON object as it goes on the wire.

    `owner` is e.g. `case/<uuid>` (the partitionkey).
    """

    id: str
    view: str
    owner: str
    routing_key: str
    sequence: int
    recorded: datetime
    body: bytes


# view, type, id, number
VersionKey = tuple[str, str, str, int]
# the number that stands for whatever version is the present one
CURRENT: Final = 0


class VersionBody(NamedTuple):
    """The bytes of a version, and the uuid of the client that it is of."""

    body: bytes
    client: str | None


class NumberedMessage(NamedTuple):
    """A committed message at its gap-free position in the feed: what is published of an `OutboxMessage`.

    `full` is the variant with the resource in `data`, where somebody asks for it, and `client` whose that is;
    `flaw` is why there is none although somebody does. `kept_from` are the queues of partners that may not
    see what it tells of.
    """

    position: int
    id: str
    view: str
    owner: str
    routing_key: str
    body: bytes
    sequence: int
    full: bytes | None = None
    flaw: str = ""
    client: str | None = None
    kept_from: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class ParkedMessage:
    """A message that could not be published; it stops its owner until it is released."""

    position: int
    owner: str
    routing_key: str
    reason: str


class HeldQueue(NamedTuple):
    """A queue past its depth limit: how many messages were in it when it was held, and when that was."""

    depth: int
    since: datetime


@dataclass(frozen=True, slots=True)
class DecidedMessage:
    """A parked message that an operator has decided about: whose it is, and which queues were owed it alone.

    `owed` is empty where it had been published to none.
    """

    position: int
    view: str
    owner: str
    routing_key: str
    sequence: int
    id: str
    client: str | None
    owed: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Query:
    """A parsed search; `after` is what the last one seen is sorted by, its id last.

    Of a type, or of the `types` among which results are looked for. `updated` are (prefix, first, last) as
    ISO instants. Newest first unless `order` says otherwise.
    """

    type: str
    conditions: tuple[Criterion, ...] = ()
    ids: tuple[str, ...] = ()
    updated: tuple[tuple[str, str, str], ...] = ()
    count: int = 50
    after: tuple[str | float, ...] | None = None
    with_total: bool = True
    order: tuple[Order, ...] = ()
    types: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Page:
    """One page of search results; `next` is the key to go on after, `total` counts all in scope.

    `included` are resources that the entries refer to, or that refer to them; `is_full` says that there are
    more of those than come with a page.
    """

    entries: tuple[StoredResource, ...]
    total: int | None
    next: tuple[str | float, ...] | None
    included: tuple[StoredResource, ...] = ()
    is_full: bool = False
