"""An answer that its sender does not wait for reaches the sender's endpoint, at least once.

It was committed with the message it answers. It is taken in one transaction, sent in none, and told to be
delivered in another: a process that dies in between leaves it to be sent again, with the same Bundle.id.
https://hl7.org/fhir/R4/messaging.html#async
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from threading import Event
from typing import Final, Protocol

import structlog

from service.errors import NotFound, Unavailable
from service.flows.ports import Clock, Store, Unit
from service.supervision import Backoff, supervise
from service.values.access.scope import Partner
from service.values.inbound.inbox import Answer, Reply, UndeliveredReply

# longer than an endpoint may take to answer
LEASE: Final = timedelta(minutes=5)
BACKOFF: Final = Backoff(2, 3600)
# more than two days, most of them an hour apart
TRIES: Final = 60
IDLE_SECONDS: Final = 0.5

log = structlog.get_logger()


class Send(Protocol):
    """The adapter to partners' endpoints."""

    def __call__(self, url: str, answer: Answer, private_hosts: Collection[str]) -> None:
        """Post an answer to an address; raises Unavailable unless it was taken.

        Those of `private_hosts` alone may be in a private network.
        """


@dataclass(frozen=True, slots=True)
class Replies:
    """The story of replies; `partners` say by name which addresses are theirs."""

    store: Store
    send: Send
    partners: Mapping[str, Partner]
    clock: Clock

    def next(self) -> bool:
        """Send the reply that is longest due; false when none is.

        One that is not taken waits, twice as long each time; what is owed to the same address waits with it.
        """
        at = self.clock()
        reply = self.store.transact(lambda unit: unit.deliveries.next_reply(at, at + LEASE))
        if reply is None:
            return False
        try:
            reason = self._send(reply)
        except Unavailable as failed:
            self._not_taken(reply, str(failed))
        else:
            self.store.transact(lambda unit: unit.deliveries.settle_reply(reply, reason))
        return True

    def undelivered_replies(self) -> list[UndeliveredReply]:
        """Return the replies that are not delivered, those due first at the head."""
        return self.store.look(lambda unit: unit.deliveries.undelivered_replies())

    def retry(self, entries: Sequence[str]) -> None:
        """Have replies that are not delivered sent now, those that were given up too; the worker sends them.

        Raises:
            NotFound: nothing is owed of one of these entries; none is sent.
        """
        at = self.clock()

        def story(unit: Unit) -> None:
            unknown = set(entries) - {reply.entry for reply in unit.deliveries.undelivered_replies()}
            if unknown:
                raise NotFound(f"No reply is owed of {', '.join(sorted(unknown))}; nothing was done.")
            unit.deliveries.owe_again(entries, at)

        self.store.transact(story)

    def run(self, stop: Event) -> None:
        """Send what is owed until told to stop."""
        supervise("replies", lambda: 0 if self.next() else IDLE_SECONDS, stop)

    def _send(self, reply: Reply) -> str | None:
        """Send a reply; return why it never will be, if so."""
        if reply.answer is None:
            return "What it answers is no longer kept."
        partner = self.partners.get(reply.partner)
        if partner is None or reply.url not in partner.intake.endpoints:
            raise Unavailable("The address is no longer registered as the partner's.")
        self.send(reply.url, reply.answer, partner.credentials.private_hosts)
        return None

    def _not_taken(self, reply: Reply, reason: str) -> None:
        if reply.tries >= TRIES:
            log.error("reply_given_up", entry=reply.entry, partner=reply.partner, reason=reason)
            self.store.transact(lambda unit: unit.deliveries.settle_reply(reply, reason))
            return
        log.warning("reply_not_taken", entry=reply.entry, partner=reply.partner, reason=reason)
        until = self.clock() + timedelta(seconds=BACKOFF.spread(reply.tries))
        self.store.transact(lambda unit: unit.deliveries.put_off_reply(reply, reason, until))
