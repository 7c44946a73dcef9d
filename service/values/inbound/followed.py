"""Subscriptions of ours at partners' servers, and what comes of them, as rooms hand them to each other."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

Kind = Literal["handshake", "heartbeat", "event-notification", "query-status", "query-event"]


@dataclass(frozen=True, slots=True)
class Followed:
    """How we stand with a topic of a partner: we ask for it by a Subscription, and are told at `id`.

    `secrets` are the digests of what a notification may show, last what was agreed on last; `asked` digests
    what the registry asks for, `remote` is the id of the Subscription there, '' while there is none. Of the
    events up to the number `heard` of, those up to `taken` came. It is asked for again at `renew`, and
    something is to be done at `due`, after so many `tries` in vain; `reason` is why.
    """

    partner: str
    name: str
    id: str
    secrets: tuple[str, ...]
    asked: str
    due: datetime
    remote: str = ""
    heard: int = 0
    taken: int = 0
    renew: datetime | None = None
    tries: int = 0
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class TopicNotice:
    """What a notification tells beside its resources: of which events, and how many there have been.

    `numbers` are those of its events, in order; `is_full` says that each came with what it is about.
    """

    kind: Kind
    status: str
    events: int
    numbers: tuple[int, ...] = ()
    is_full: bool = False


@dataclass(frozen=True, slots=True)
class Received:
    """What a partner's server answered."""

    status: int
    body: bytes
    location: str = ""
