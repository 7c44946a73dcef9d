"""Subscriptions, what they ask for, and their events, as the rooms hand them to each other."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final, Literal

from service.values.criteria import Plain

Status = Literal["requested", "active", "error", "off"]
Content = Literal["empty", "id-only", "full-resource"]
CONTENTS: Final[tuple[Content, ...]] = ("empty", "id-only", "full-resource")


@dataclass(frozen=True, slots=True)
class Filter:
    """Which resources of a type are told of: of these ids where there are any, and that meet all criteria."""

    type: str
    ids: frozenset[str] = frozenset()
    criteria: tuple[Plain, ...] = ()


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a Subscription asks for: a topic by its canonical, filters of it by type, and how it is told.

    Without filters all types of the topic are meant. `media_type` is as it was written. `seconds` is how long
    an attempt may take, `most` how many events a notification holds, `heartbeat` after how many seconds of
    silence one comes, None: never. `end` is when the server turns it off.
    """

    topic: str
    filters: tuple[Filter, ...]
    endpoint: str
    media_type: str
    content: Content
    seconds: float
    most: int
    heartbeat: int | None = None
    end: datetime | None = None


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a subscription is: the feed is looked through up to `seen`, and held so many `events`.

    The receiver has taken those up to the number `sent`, and was last told something at `told`; the next
    attempt is `due`, after so many `tries` in vain since `failing`.
    """

    seen: int
    due: datetime
    events: int = 0
    sent: int = 0
    told: datetime | None = None
    tries: int = 0
    failing: datetime | None = None


@dataclass(frozen=True, slots=True)
class Subscription:
    """A partner's subscription: `body` is the resource but for id, meta and status, without secrets.

    `headers` are the values of its `channel.header`, sealed. It may tell what a token with `scopes` reads,
    for `purposes`. `reason` is why it is in error.
    """

    id: str
    partner: str
    version: int
    updated: datetime
    status: Status
    body: dict[str, Any]
    headers: bytes | None
    scopes: str
    purposes: tuple[str, ...]
    progress: Progress
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class Event:
    """Something that a subscription is told of, by its number: when it happened, to which resource.

    `trigger` is the code of what happened, as the topic has it.
    """

    number: int
    at: datetime
    type: str
    id: str
    trigger: str = field(default="")
