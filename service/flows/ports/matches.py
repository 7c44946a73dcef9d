"""Matches of many members, as they are kept."""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from service.values.jobs.matches import Json, MatchedMember, MemberMatch, Operation


class MatchesPort(Protocol):
    """Matches that partners began, each with whom they sent."""

    def begin(
        self, partner: str, operation: Operation, request: str, sent: Sequence[Json], now: datetime
    ) -> MemberMatch:
        """Keep whom a partner sent, to be looked for."""

    def find(self, id_: str) -> MemberMatch | None:
        """Return a match that is there."""

    def of_partner(self, partner: str, since: datetime) -> list[MemberMatch]:
        """Return a partner's matches that were begun after an instant, the oldest first."""

    def waiting(self, id_: str, count: int) -> list[MatchedMember]:
        """Return the first of those of a match who wait."""

    def members(self, id_: str) -> list[MatchedMember]:
        """Return all of a match whom somebody has looked for, by number."""

    def settle(self, id_: str, members: Sequence[MatchedMember]) -> None:
        """Write down who some are taken for, unless somebody else has."""

    def end(self, id_: str) -> None:
        """Forget a match, with all that was sent."""

    def end_past(self, before: datetime) -> None:
        """Forget all matches begun before an instant."""
