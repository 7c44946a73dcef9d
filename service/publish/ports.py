"""What the relay needs of the outbox and of the broker, as Protocols."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple, Protocol

from service.errors import Rejected
from service.values.access.scope import Scope
from service.values.audit import Disclosed
from service.values.kept.resources import HeldQueue, NumberedMessage, ParkedMessage, VersionBody, VersionKey

# silent: not confirmed in time
Settlement = Literal["routed", "returned", "nacked", "silent"]


class Misfit(Rejected):
    """The message cannot be put into frames; nothing was sent."""


class ChannelClosed(Rejected):
    """The broker closed the channel over one of the messages under way."""


class Copy(NamedTuple):
    """A message as it goes to one exchange; `previous` is the sequence of the one before, if it is told."""

    exchange: str
    routing_key: str
    id: str
    body: bytes
    mandatory: bool = True
    previous: int | None = None


@dataclass(frozen=True, slots=True)
class Drift:
    """A queue, or the open exchange, that the broker had otherwise than it is declared.

    `missing`: it was not there; `otherwise`: it is there with other properties;
    `unreachable`: nothing that is published would reach it.
    """

    queue: str
    what: Literal["missing", "otherwise", "unreachable"]


class Publisher(Protocol):
    """A channel that confirms; used by one thread."""

    def send(self, copy: Copy) -> int:
        """Put a copy on the wire and return its delivery tag; raises Misfit, ChannelClosed or Unavailable."""

    def settle(self, seconds: float) -> list[tuple[int, Settlement]]:
        """Wait up to `seconds` for confirms and return (delivery tag, outcome).

        Raises ChannelClosed or Unavailable.
        """

    def close(self) -> None:
        """Hang up."""


class Broker(Protocol):
    """The way to a broker."""

    def declare(self) -> list[Drift]:
        """Declare what is registered, and return what was otherwise; raises Unavailable."""

    def hold(self, queues: Collection[str]) -> None:
        """Unbind these queues, and keep them so; `declare` binds all others. Raises Unavailable."""

    def depths(self, queues: Collection[str]) -> Mapping[str, int | None]:
        """Return how many messages wait in queues, None where there is no such queue; raises Unavailable."""

    def connect(self) -> Publisher:
        """Return a channel on a connection of its own; raises Unavailable."""


class Record(Protocol):
    """Puts on record what a queue is about to get."""

    def __call__(
        self, partner: str, queue: str, purposes: tuple[str, ...], things: tuple[Disclosed, ...]
    ) -> None:
        """Record it, and commit that; raises Unavailable."""


class Lead(Protocol):
    """Leadership, until it is lost or given up."""

    def is_held(self) -> bool:
        """Tell whether it is still ours."""

    def close(self) -> None:
        """Give it up."""


class Outbox(Protocol):
    """The outbox as its leader sees it."""

    def lead(self) -> Lead | None:
        """Take leadership, or return None while another has it."""

    def number(self, limit: int = ...) -> int:
        """Number up to `limit` committed messages, and as many versions; return how many."""

    def take(self, after: int, limit: int) -> list[NumberedMessage]:
        """Number as many, and return messages still to publish, in order, above a position."""

    def versions(self, keys: Sequence[VersionKey]) -> dict[VersionKey, VersionBody]:
        """Return the bodies of versions that may be shown."""

    def seen(self, scope: Scope, keys: Collection[VersionKey]) -> set[VersionKey]:
        """Return those of versions, of the scope's own view, that are inside a scope now."""

    def groups(self, owners: Collection[str]) -> Mapping[str, frozenset[str]]:
        """Return the targeted groups of cases, and of clients those of their cases, by owner."""

    def mark(self, positions: Sequence[int], state: str) -> None:
        """Record that messages were `published` or `unrouted`."""

    def owe(self, copies: Sequence[tuple[int, str]]) -> None:
        """Record which messages, by position, are owed to which queues, and are published otherwise."""

    def last_in_queues(self, keys: Collection[tuple[str, str]]) -> Mapping[tuple[str, str], int]:
        """Return, by queue and owner, the sequence of the last message that the queue got of it."""

    def keep_last(self, last: Mapping[tuple[str, str], int]) -> None:
        """Record, by queue and owner, the sequence of the last message that the queue got of it."""

    def owed_messages(self, queue: str, limit: int) -> list[NumberedMessage]:
        """Return messages that a queue is owed and may get, in order."""

    def owes(self, queue: str) -> bool:
        """Tell whether a queue is owed anything."""

    def pay(self, queue: str, positions: Sequence[int]) -> None:
        """Record that a queue has got what it was owed."""

    def hold(self, queue: str, depth: int) -> None:
        """Record that a queue is held, with how many messages are in it."""

    def let_go(self, queue: str) -> None:
        """Record that a queue is held no more."""

    def held(self) -> Mapping[str, HeldQueue]:
        """Return the queues that are held."""

    def debts(self) -> dict[str, int]:
        """Return how many messages each queue is owed."""

    def park(self, position: int, reason: str) -> None:
        """Set a message aside with the reason."""

    def parked_messages(self) -> list[ParkedMessage]:
        """Return the messages set aside, in order."""

    def backlog(self) -> int:
        """Return how many messages are still to publish."""

    def oldest_seconds(self) -> float:
        """Return how long the oldest message that is still to publish has waited; 0 when none is."""
