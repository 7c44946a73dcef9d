"""Bulk exports, as they are kept."""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from service.values.access.scope import Scope
from service.values.jobs.exports import Asked, Deletion, Export, Lines, Part


class ExportsPort(Protocol):
    """Exports of the state at a position, and the parts that their output comes in."""

    def begin(self, partner: str, scope: Scope, asked: Asked, now: datetime) -> Export:
        """Begin an export of the state at this instant; raises Unavailable."""

    def find(self, id_: str) -> Export | None:
        """Return an export that is neither past nor cancelled."""

    def unfinished(self, partner: str, since: datetime) -> list[datetime]:
        """Return when a partner's exports that are not planned to their end were begun, the oldest first."""

    def end(self, id_: str) -> None:
        """Forget the parts of an export."""

    def end_past(self, before: datetime, now: datetime) -> None:
        """Forget the parts of all exports begun before an instant."""

    def may_plan(self, export: Export, scope: Scope) -> bool:
        """Tell whether a scope is the one that an export was begun in."""

    def advance(self, export: Export, scope: Scope) -> Export:
        """Plan the next parts, and return the export as it then is."""

    def parts(self, id_: str) -> list[Part]:
        """Return the parts that are planned, in order."""

    def part(self, id_: str, number: int) -> Part | None:
        """Return a part by its number."""

    def lines(self, export: Export, part: Part, scope: Scope) -> Lines:
        """Return what of a part is in a scope now."""

    def patients(self, export: Export, part: Part, scope: Scope) -> dict[str, str]:
        """Return the ids of the Patients of a part that are in a scope now, by the uuids of their clients."""

    def of_clients(self, export: Export, type_: str, clients: Sequence[str], scope: Scope) -> Lines:
        """Return what of a type is of some clients, and in a scope now."""

    def deletions(self, export: Export, part: Part, scope: Scope) -> list[Deletion]:
        """Return what of a part is no longer there for who asks."""

    def clients(self, scope: Scope, patients: Sequence[str]) -> dict[str, str]:
        """Return the uuids of the clients that Patients are of, by the ids of those in a scope."""

    def members(self, scope: Scope, count: int) -> tuple[int, list[str]]:
        """Return how many clients are in a scope that is made of them, and the first few of them."""
