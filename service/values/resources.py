"""Resources, search rows and messages as the rooms hand them to each other."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple


@dataclass(frozen=True, slots=True)
class SearchRows:
    """What search finds a resource by; all text is already normalised.

    tokens: (parameter, system, code); references: (parameter, type, id);
    dates: (parameter, low, high) as UTC ISO text `YYYY-MM-DDThh:mm:ssZ`, both bounds inside;
    strings: (parameter, casefolded text without accents; to the letter under the parameter with `:exact`).
    """

    tokens: tuple[tuple[str, str, str], ...] = ()
    references: tuple[tuple[str, str, str], ...] = ()
    dates: tuple[tuple[str, str, str], ...] = ()
    strings: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class CurrentVersion:
    """The stored current version of a resource of an owner."""

    type: str
    id: str
    version: int
    digest: str
    last_updated: datetime


@dataclass(frozen=True, slots=True)
class ResourceVersion:
    """A new version of a resource: goes to resource (current), history and search rows.

    `owner` is the uuid of the owning document, `client` the uuid of the client whose data it is
    (None for directory entries). `rows` is None where they are those of the version before; `labels` are its
    security labels as bits.
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
    rows: SearchRows | None = field(default_factory=SearchRows)
    labels: int = 0


@dataclass(frozen=True, slots=True)
class StoredResource:
    """Stored bytes of one resource version, served as they are; `client` is the uuid of whose data it is."""

    type: str
    id: str
    version: int
    last_updated: datetime
    body: bytes
    client: str | None


@dataclass(frozen=True, slots=True)
class HistoryQuery:
    """Which versions of a resource are asked for: stored since, numbered below, so many at most."""

    since: datetime | None = None
    below: int | None = None
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


class NumberedMessage(NamedTuple):
    """A committed message at its gap-free position in the feed: what is published of an `OutboxMessage`.

    `full` is the variant with the resource in `data`, where somebody asks for it, `flaw` why there is none
    although somebody does.
    """

    position: int
    id: str
    view: str
    owner: str
    routing_key: str
    body: bytes
    full: bytes | None = None
    flaw: str = ""


@dataclass(frozen=True, slots=True)
class ParkedMessage:
    """A message that could not be published; it stops its owner until it is released."""

    position: int
    owner: str
    routing_key: str
    reason: str


@dataclass(frozen=True, slots=True)
class Criterion:
    """One search criterion; values are alternatives (OR). `kind`: token, reference, date, string.

    token: (system or None for any, code); reference: (type or '', id); date: (prefix, low, high);
    string: (modifier '' | exact | contains, text).
    """

    parameter: str
    kind: str
    values: tuple[tuple[str | None, ...], ...]


@dataclass(frozen=True, slots=True)
class Query:
    """A parsed search on one type; `after` is the key (last_updated ISO, id) of the last one seen."""

    type: str
    conditions: tuple[Criterion, ...] = ()
    ids: tuple[str, ...] = ()
    updated: tuple[tuple[str, str, str], ...] = ()
    count: int = 50
    after: tuple[str, str] | None = None
    with_total: bool = True


@dataclass(frozen=True, slots=True)
class Page:
    """One page of search results; `next` is the key to go on after, `total` counts all in scope."""

    entries: tuple[StoredResource, ...]
    total: int | None
    next: tuple[str, str] | None
