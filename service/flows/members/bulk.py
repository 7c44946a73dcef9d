"""A partner has many members matched: it sends them, asks how far that is, and fetches Groups of them.

As with an export nothing runs in the background: whoever asks how far it is looks for the next few.
https://hl7.org/fhir/us/davinci-pdex/OperationDefinition-BulkMemberMatch.html
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from time import monotonic
from typing import Final

from service.errors import NotFound, Refused, TooMany
from service.flows.members.consents import Asker, doubts, objections
from service.flows.members.evidence import payers_sent
from service.flows.members.matching import Matching
from service.flows.ports import Clock
from service.flows.ports.matches import MatchesPort
from service.values.access.scope import Partner, Scope
from service.values.jobs.matches import Json, MatchedMember, MemberMatch, Operation, Outcome
from service.wire.fhir.exchange.member_match import member_of_sent

LOOKING: Final = 2.0
"""So many seconds at most members are looked for before it is told how far that is."""
MOST: Final = 100
"""How many matches of a partner are kept at a time."""
FEW: Final = 20
"""So many are looked for before it is written down who they are."""


@dataclass(frozen=True, slots=True)
class MatchLimits:
    """How many matches of a partner may be under way, and for how many hours one is there."""

    matches: int = 5
    hours: int = 24


@dataclass(frozen=True, slots=True)
class BulkMatching:
    """The story of matches of many members."""

    matches: MatchesPort
    matching: Matching
    clock: Clock
    limits: MatchLimits = MatchLimits()
    elapsed: Callable[[], float] = monotonic

    def begin(
        self, partner: Partner, operation: Operation, request: str, sent: Sequence[Json]
    ) -> MemberMatch:
        """Begin a match of whom a partner sent; raises TooMany where too many are under way."""
        now, lifetime = self.clock(), timedelta(hours=self.limits.hours)
        self.matches.end_past(now - lifetime)
        kept = self.matches.of_partner(partner.name, now - lifetime)
        under_way = [each for each in kept if each.left]
        if len(under_way) >= self.limits.matches or len(kept) >= MOST:
            what = (
                f"{len(under_way)} matches are under way, {len(kept)} are kept; DELETE one before the next."
            )
            raise TooMany(what, max(1, int((kept[0].at + lifetime - now).total_seconds())))
        return self.matches.begin(partner.name, operation, request, sent, now)

    def find(self, partner: Partner, id_: str) -> MemberMatch:
        """Return a match of a partner's; raises NotFound where there is none, or it is past."""
        match = self.matches.find(id_)
        if match is None or match.partner != partner.name or self.expires(match) <= self.clock():
            raise NotFound("There is no such match; one is there for some time after it was begun.")
        return match

    def of_partner(self, partner: Partner) -> list[MemberMatch]:
        """Return a partner's matches that have been seen through, the oldest first."""
        since = self.clock() - timedelta(hours=self.limits.hours)
        return [each for each in self.matches.of_partner(partner.name, since) if not each.left]

    def expires(self, match: MemberMatch) -> datetime:
        """Return until when a match is there."""
        return match.at + timedelta(hours=self.limits.hours)

    def advance(self, match: MemberMatch, scope: Scope, asker: Asker) -> MemberMatch:
        """Look for some more, for some seconds, and return the match as it then is."""
        give_up = self.elapsed() + LOOKING
        left = match.left
        while left and (waiting := self.matches.waiting(match.id, FEW)):
            settled = [self._outcome_of(match, scope, asker, each) for each in waiting]
            self.matches.settle(match.id, settled)
            left -= len(settled)
            if self.elapsed() >= give_up:
                break
        return self.matches.find(match.id) or match

    def members(self, match: MemberMatch, scope: Scope, asker: Asker) -> list[MatchedMember]:
        """Return those of a match as they are to be told now, by number.

        Whom the asker no longer sees, or who matched and whose consent has ended, is among none: they are not
        told of.
        """
        found = self.matches.members(match.id)
        visible = self.matching.visible_patients(scope, [each.patient for each in found if each.patient])
        today = self.clock().date().isoformat()
        return [
            each
            for each in found
            if not each.patient
            or (
                each.patient in visible
                and (each.outcome != "match" or not self._is_objectionable(match, asker, each, today))
            )
        ]

    def cancel(self, match: MemberMatch) -> None:
        """Forget a match with all that was sent."""
        self.matches.end(match.id)

    def _outcome_of(
        self, match: MemberMatch, scope: Scope, asker: Asker, member: MatchedMember
    ) -> MatchedMember:
        """Return a member with who they are; too many who might be are nobody."""
        sent = member_of_sent(member.sent)
        try:
            found = self.matching.members(scope, sent)
        except Refused:
            found = []
        outcome: Outcome = "match" if len(found) == 1 else "nomatch"
        if outcome == "match" and self._is_objectionable(
            match, asker, member, self.clock().date().isoformat()
        ):
            # a provider is not told that somebody is known whom it has not attested to treat
            outcome = "consentconstraint" if match.operation == "bulk-member-match" else "nomatch"
        if outcome == "nomatch":
            return replace(member, outcome=outcome)
        return replace(member, outcome=outcome, client=found[0].client or "", patient=found[0].id)

    def _is_objectionable(self, match: MemberMatch, asker: Asker, member: MatchedMember, today: str) -> bool:
        sent = member_of_sent(member.sent)
        if sent.consent is None:
            return True
        if match.operation == "provider-member-match":
            return bool(doubts(sent.consent, asker, today))
        return bool(objections(sent.consent, asker, payers_sent(sent.coverage), today))
