"""What is made of documents: resources, their search rows and messages."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Protocol

from service.values.access.consents import Refusal
from service.values.kept.documents import Document
from service.values.kept.resources import CurrentVersion, OutboxMessage, ResourceVersion


class ResourcesPort(Protocol):
    """Resources in one write transaction."""

    def move(self, case: str, client: str) -> None:
        """Let what is stored of a case's resources be another client's."""

    def prefetch(self, owner: str, views: Collection[str]) -> None:
        """Ask for what `current` will be asked of an owner in each view, and do not wait for it."""

    def current(self, owner: str, view: str) -> dict[tuple[str, str], CurrentVersion]:
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
        mentioned: Mapping[tuple[str, str], int],
        unmentioned: Collection[tuple[str, str]],
    ) -> None:
        """Record what resources of others, by (type, id), an owner's refer to in a view, and no longer.

        With each go the labels, as bits, of those that refer to it, none where one bears none.
        """

    def memberships(self, client: str, rows: Sequence[tuple[str, str, str, str]]) -> None:
        """Replace a client's memberships: (payer system, payer value, from ISO date, to ISO date)."""

    def refusals(self, client: str, rows: Sequence[Refusal]) -> None:
        """Replace what a client denies."""

    def withhold(self, client: str, before: datetime) -> None:
        """Show no one what older versions and unsent messages of an instant before tell of a client."""

    def basis(self, owner: str, view: str) -> str:
        """Return what names that of which the `current` resources of an owner were made; '' is unknown."""

    def sequence(self, owner: str, view: str, count: int, basis: str) -> int:
        """Take `count` numbers of the owner's message sequence in a view and return the first.

        `basis` names what its resources are made of from now on.
        """

    def emit(self, messages: Sequence[OutboxMessage]) -> None:
        """Append to the outbox."""

    def erase(self, document: Document) -> list[tuple[str, str, str]]:
        """Remove a document's resources, history, search rows, memberships and message bodies.

        Tombstones stay for 410. Returns (view, type, id) of what was erased.
        """
