"""A notification comes in: its guard, how many events there were, and what it tells of stays.

It lands in the inbox as it came, before it is answered; then which events came is recorded. Who dies in
between asks for these events again, and the inbox knows them.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from hmac import compare_digest
from typing import Any, Final

from service.errors import NotFound, Unauthenticated
from service.flows.discharge.receive import Reception
from service.flows.ports.followed import FollowedPort
from service.values.access.scope import Partner
from service.values.inbound.followed import Followed
from service.values.inbound.inbox import Answer, InboundMessage, Outcome
from service.wire.fhir.exchange.naming import content
from service.wire.fhir.subscriptions.notified import facts_of, notice_of

MEDIA_TYPE: Final = "application/fhir+json"
_TAKEN: Final = Answer(200, MEDIA_TYPE, b"")


@dataclass(frozen=True, slots=True)
class TopicNotices:
    """The story of what partners' servers tell of topics that we follow."""

    followed: FollowedPort
    reception: Reception
    partners: Mapping[str, Partner]

    def admit(self, id_: str, digest: str) -> tuple[Partner, Followed]:
        """Return whose notices come at an id, and what it is, to who shows its secret.

        Raises:
            Unauthenticated: nothing is followed there, or another secret is shown; which, nobody is told.
        """
        mine = self.followed.find(id_)
        partner = self.partners.get(mine.partner) if mine is not None else None
        known = mine.secrets if mine is not None else ()
        shown = any(compare_digest(digest, secret) for secret in known)
        if mine is None or partner is None or not shown:
            raise Unauthenticated("Show the token that the Subscription has in its header.")
        if mine.name not in {topic.name for topic in partner.intake.topics}:
            raise NotFound("This topic is followed no more; delete the Subscription.")
        return partner, mine

    def receive(self, partner: Partner, mine: Followed, raw: bytes, sent: dict[str, Any]) -> None:
        """Take a notification in.

        Raises:
            Malformed: it is none.
            Rejected, Unavailable: as `Reception.receive`.
        """
        notice = notice_of(sent)
        numbers = notice.numbers
        if not numbers or not notice.is_full:
            # a resource that did not come is asked for
            self.followed.hear(mine.id, notice.events, 0, 0)
            return
        follows = numbers == tuple(range(numbers[0], numbers[-1] + 1))
        span = (numbers[0], numbers[-1]) if follows else (0, 0)
        self._keep(partner, mine, raw, sent, numbers)
        self.followed.hear(mine.id, notice.events, *span)

    def take(
        self, partner: Partner, mine: Followed, raw: bytes, sent: dict[str, Any], span: tuple[int, int]
    ) -> None:
        """Take in what was asked for of events from one number to another: what is not in it there is not."""
        notice = notice_of(sent)
        if len(sent["entry"]) > 1:
            self._keep(partner, mine, raw, sent, notice.numbers or span)
        self.followed.hear(mine.id, notice.events, *span)

    def _keep(
        self, partner: Partner, mine: Followed, raw: bytes, sent: dict[str, Any], numbers: tuple[int, ...]
    ) -> None:
        names = (f"Subscription|{mine.id}|{mine.remote}|{numbers[0]}-{numbers[-1]}",)
        inbound = InboundMessage(raw, MEDIA_TYPE, "fhir", "http", names, content(facts_of(sent)), parsed=sent)
        self.reception.receive(partner, inbound, _acknowledgement)


def _acknowledgement(_: Outcome) -> Answer:
    return _TAKEN
