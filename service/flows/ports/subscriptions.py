"""Subscriptions and their events, as they are kept."""

from collections.abc import Container
from typing import Protocol

from service.values.subscriptions import Subscription


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
