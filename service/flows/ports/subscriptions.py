"""Subscriptions and their events, as they are kept."""

from collections.abc import Collection, Container, Sequence
from datetime import datetime
from typing import Protocol

from service.values.access.scope import Scope
from service.values.kept.resources import NumberedMessage, StoredResource
from service.values.subscriptions import Event, Subscription

# type and id
Key = tuple[str, str]


class Lead(Protocol):
    """What one process at a time has."""

    def is_held(self) -> bool:
        """Tell whether it is still ours."""

    def close(self) -> None:
        """Give it up."""


class SubscriptionsPort(Protocol):
    """Each call is a transaction of its own."""

    def add(self, subscription: Subscription) -> None:
        """Keep a new one."""

    def replace(self, subscription: Subscription, versions: Container[int] | None) -> Subscription:
        """Keep what a partner made of its own, as the next version, and return it; its events stay.

        Raises NotFound, or Stale where it is at none of `versions`; None are all.
        """

    def remove(self, partner: str, id_: str) -> None:
        """Forget one of a partner's, with its events; raises NotFound."""

    def find(self, partner: str, id_: str) -> Subscription | None:
        """Return one of a partner's."""

    def of_partner(self, partner: str) -> list[Subscription]:
        """Return a partner's, by id."""

    def last_position(self) -> int:
        """Return how far the feed is numbered."""


class NotifyingPort(Protocol):
    """What who leads does with all subscriptions; each call is a transaction of its own.

    Those that write raise Unavailable once another leads.
    """

    def lead(self) -> Lead | None:
        """Take leadership, or return None while another has it."""

    def live(self) -> list[Subscription]:
        """Return those that are not off, of all partners."""

    def get(self, id_: str) -> Subscription | None:
        """Return one, whosever it is."""

    def messages(self, after: int, limit: int) -> tuple[list[NumberedMessage], int]:
        """Return numbered messages above a position, in order, and up to which one these are all."""

    def inside(self, scope: Scope, keys: Collection[Key]) -> set[Key]:
        """Return those of resources, by type and id, that are inside a scope as they are now."""

    def current(self, scope: Scope, keys: Collection[Key]) -> dict[Key, StoredResource]:
        """Return the same with what they say."""

    def advance(self, id_: str, since: int, until: int, events: Sequence[Event]) -> None:
        """Number what was found for a subscription between two positions, and go on behind the second.

        Nothing is done where it is not at the first.
        """

    def skip(self, ids: Sequence[str], until: int) -> None:
        """Have subscriptions go on behind a position up to which nothing was found for them."""

    def events(self, id_: str, first: int, last: int | None, limit: int) -> list[Event]:
        """Return events of a subscription, both ends inside, in their order."""

    def settle(self, before: Subscription, after: Subscription) -> None:
        """Keep what became of an attempt, unless the partner has changed the subscription meanwhile.

        Of its progress `seen` and `events` stay as they are; another status makes another version.
        """

    def forget(self, before: datetime) -> None:
        """Forget events from before an instant."""
