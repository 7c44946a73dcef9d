"""The Groups of those whom matches of many members came to: read, listed, and whose data they stand for.

https://hl7.org/fhir/us/davinci-pdex/StructureDefinition-pdex-member-match-group.html
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from flask import g

from service.cases.identity.member_match import Payers
from service.errors import NotFound
from service.flows.members.bulk import BulkMatching
from service.flows.members.consents import Asker
from service.values.access.labels import EVERY
from service.values.audit import Disclosed
from service.values.jobs.matches import OUTCOMES, MatchedMember, MemberMatch, Outcome
from service.wire.fhir.exchange.member_groups import group_of

Json = dict[str, Any]


def told_of(members: Iterable[MatchedMember]) -> list[Disclosed]:
    """Return of whom it is told that they were found, also where their consent keeps who they are."""
    return [Disclosed(each.client, f"Patient/{each.patient}") for each in members if each.patient]


@dataclass(frozen=True, slots=True)
class MatchedGroups:
    """The Groups of who asks: `keepers` are the names of those who keep data here; `base` is our address."""

    bulk: BulkMatching
    keepers: Callable[[], Payers]
    base: str

    def asker(self) -> Asker:
        """Return who asks, as a consent names them."""
        return Asker(frozenset(g.partner.identifiers), g.scope.withheld != EVERY, self.keepers())

    def read(self, id_: str) -> tuple[Json, list[Disclosed]]:
        """Return a Group and whom it tells of; raises NotFound where it is none of who asks."""
        match, outcome = self._match_and_outcome(id_)
        members = self.members(match)
        if outcome != "match" and all(each.outcome != outcome for each in members):
            raise NotFound("There is no such Group; /fhir/Group lists yours.")
        return self.group(match, outcome, members)

    def group(
        self, match: MemberMatch, outcome: Outcome, members: list[MatchedMember]
    ) -> tuple[Json, list[Disclosed]]:
        """Return the Group of those of a match with an outcome, and whom it tells of."""
        told = told_of([each for each in members if each.outcome == outcome])
        return group_of(match, outcome, members, g.partner.identifiers, self.base), told

    def summaries(self) -> list[Json]:
        """Return the Groups that match, without their members."""
        found = (
            self.group(match, "match", self.members(match))[0] for match in self.bulk.of_partner(g.partner)
        )
        return [
            {name: part for name, part in group.items() if name not in {"member", "contained"}}
            for group in found
        ]

    def members(self, match: MemberMatch) -> list[MatchedMember]:
        """Return those of a match as they are to be told now."""
        return self.bulk.members(match, g.scope, self.asker())

    def clients(self, id_: str) -> frozenset[str]:
        """Return the clients whose data a Group stands for; raises NotFound as `read`."""
        match, outcome = self._match_and_outcome(id_)
        if outcome != "match":
            raise NotFound("Only who was matched is exported.")
        return frozenset(each.client for each in self.members(match) if each.outcome == "match")

    def _match_and_outcome(self, id_: str) -> tuple[MemberMatch, Outcome]:
        of, _, said = id_.partition(".")
        outcome = next((each for each in OUTCOMES if each == said), None)
        if outcome is None:
            raise NotFound("There is no such Group; /fhir/Group lists yours.")
        match = self.bulk.find(g.partner, of)
        if match.left:
            raise NotFound("The match is under way; its Groups are there when it is done.")
        return match, outcome
