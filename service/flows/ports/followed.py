"""What is kept of our subscriptions at partners' servers, and the way to these."""

from collections.abc import Collection
from datetime import datetime
from typing import Protocol

from service.values.inbound.followed import Followed, Received


class FollowedPort(Protocol):
    """Our subscriptions, each change in a transaction of its own."""

    def find(self, id_: str) -> Followed | None:
        """Return the one that is told at an id."""

    def of(self, partner: str, name: str) -> Followed | None:
        """Return the one of a partner by its name in the registry."""

    def begin(self, followed: Followed) -> bool:
        """Keep a new one; false where another process has."""

    def claim(self, followed: Followed, until: datetime) -> bool:
        """Let nobody else work on one until an instant; false where another process does."""

    def keep(self, followed: Followed) -> None:
        """Replace what is kept of one, but for the numbers of events."""

    def hear(self, id_: str, events: int, first: int, last: int) -> None:
        """Record that there were so many events, and that those from `first` to `last` came; 0: none."""

    def forget(self, id_: str) -> None:
        """Keep one no longer: nothing is told at its id any more."""

    def forget_events(self, id_: str) -> None:
        """Begin counting anew: the subscription there is another one."""


class Ask(Protocol):
    """The adapter to partners' FHIR servers."""

    def __call__(
        self, method: str, url: str, body: bytes | None, token: str, private_hosts: Collection[str]
    ) -> Received:
        """Return what a server answers; raises Unavailable when it answers nothing that can be read."""
