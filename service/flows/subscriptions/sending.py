"""Notifications are sent, at least once: those of a subscription one after the other, of several at once.

The number of an event is kept before it is sent, and that it was taken after that: a process that dies in
between leaves it to be sent again, with the same number. What is sent is on record before.
https://hl7.org/fhir/uv/subscriptions-backport/STU1.1/notifications.html
"""

from collections import Counter as Multiset
from collections.abc import Collection, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from threading import Event as Flag
from threading import Lock
from typing import Final, Protocol

import structlog
from prometheus_client import Counter

from service.errors import CasebridgeError, Unavailable
from service.flows.ports import Clock
from service.flows.ports.subscriptions import Lead, NotifyingPort
from service.flows.subscriptions.audience import Audience, audience
from service.flows.subscriptions.managing import Seal, headers_of
from service.flows.subscriptions.matching import Matching
from service.supervision import Backoff, Bell, supervise
from service.values.audit import Disclosed, of_resources
from service.values.kept.resources import StoredResource
from service.values.subscriptions import Event, Subscription, Wanted
from service.wire.fhir.subscriptions.notification import Kind, notification, status_of

AT_ONCE: Final = 32
"""How many endpoints are waited for at a time; one that hangs holds its own place alone."""
OF_A_PARTNER: Final = 8
IN_A_ROW: Final = 20
"""How many notifications of one subscription are sent before others have their turn."""
IDLE_SECONDS: Final = 0.25
NOBODY_SECONDS: Final = 1.0
"""How often it is looked whether there is a subscription where there was none, or whether one may lead."""
BACKOFF: Final = Backoff(2, 3600)
LATER: Final = timedelta(minutes=1)
"""How long a subscription waits that nothing can be told of for now, by no fault of its endpoint."""
FORGET: Final = timedelta(hours=1)
"""How often what is old is forgotten."""

NOTIFICATIONS = Counter("casebridge_notifications", "Notifications to subscribers by outcome", ["outcome"])

log = structlog.get_logger()


class Send(Protocol):
    """The adapter to subscribers' endpoints."""

    def __call__(
        self, wanted: Wanted, headers: Mapping[str, str], body: bytes, private_hosts: Collection[str]
    ) -> None:
        """Post a notification; raises Unavailable unless it was taken."""


class Record(Protocol):
    """Puts on record what a subscription is about to be told."""

    def __call__(
        self, partner: str, subscription: str, purposes: tuple[str, ...], things: tuple[Disclosed, ...], /
    ) -> None:
        """Record it, and commit that; raises Unavailable."""


@dataclass(frozen=True, slots=True)
class Notifying:
    """The story of one notification; `base` is where FHIR stands, `patience` is how long all may fail."""

    kept: NotifyingPort
    matching: Matching
    send: Send
    seal: Seal
    record: Record
    clock: Clock
    base: str
    patience: timedelta

    def due(self, subscription: Subscription) -> Kind | None:
        """Return what a subscription is to be told now, if anything."""
        now, progress = self.clock(), subscription.progress
        if progress.due > now:
            return None
        if subscription.status == "requested":
            return "handshake"
        if subscription.status != "active":
            return None
        if progress.events > progress.sent:
            return "event-notification"
        wanted = self.matching.wanted(subscription)
        if wanted is None or wanted.heartbeat is None:
            return None
        silent = now - (progress.told or subscription.updated)
        return "heartbeat" if silent >= timedelta(seconds=wanted.heartbeat) else None

    def end(self, subscription: Subscription) -> bool:
        """Turn a subscription off whose `end` has come; return whether it has. Raises as `notify`."""
        wanted, now = self.matching.wanted(subscription), self.clock()
        if wanted is None or wanted.end is None or wanted.end > now:
            return False
        self.kept.settle(subscription, replace(subscription, status="off", updated=now))
        return True

    def notify(self, id_: str) -> bool:
        """Tell a subscription what is due; return whether more may be.

        Raises:
            Unavailable: it cannot be recorded, or another leads.
        """
        subscription = self.kept.get(id_)
        kind = self.due(subscription) if subscription is not None else None
        if subscription is None or kind is None:
            return False
        wanted = self.matching.wanted(subscription)
        hearer = audience(subscription, wanted, self.matching.partners) if wanted else None
        if wanted is None or hearer is None:
            self._put_off(subscription)
            return False
        events = self._events(subscription, wanted) if kind == "event-notification" else []
        if kind == "event-notification" and not events:
            # none of them is kept any more
            self._pass_by(subscription)
            return True
        body = self._body(subscription, wanted, hearer, kind, events)
        try:
            headers = headers_of(subscription, self.seal)
            self.send(wanted, headers, body, hearer.partner.credentials.private_hosts)
        except Unavailable as failure:
            NOTIFICATIONS.labels("refused").inc()
            self._not_taken(subscription, kind, str(failure))
            return False
        NOTIFICATIONS.labels("taken").inc()
        self._settle_taken(subscription, events)
        return True

    def put_off(self, id_: str) -> None:
        """Have a subscription wait that nothing can be told of, by a fault of ours; raises Unavailable."""
        if (subscription := self.kept.get(id_)) is not None:
            self._put_off(subscription)

    def _put_off(self, subscription: Subscription) -> None:
        later = replace(subscription.progress, due=self.clock() + LATER)
        self.kept.settle(subscription, replace(subscription, progress=later))

    def _pass_by(self, subscription: Subscription) -> None:
        progress = replace(subscription.progress, sent=subscription.progress.events)
        self.kept.settle(subscription, replace(subscription, progress=progress))

    def _events(self, subscription: Subscription, wanted: Wanted) -> list[Event]:
        return self.kept.events(subscription.id, subscription.progress.sent + 1, None, wanted.most)

    def _body(
        self,
        subscription: Subscription,
        wanted: Wanted,
        hearer: Audience,
        kind: Kind,
        events: list[Event],
    ) -> bytes:
        """Return a notification, what it discloses on record."""
        keys = {(event.type, event.id) for event in events if event.type in hearer.types}
        shown: dict[tuple[str, str], StoredResource] = {}
        if keys and wanted.content != "empty":
            shown = self.kept.current(hearer.scope, keys)
        if events:
            things = of_resources(shown.values())
            self.record(subscription.partner, subscription.id, subscription.purposes, things)
        status = status_of(subscription, kind, self.base, wanted.content, events, shown)
        focuses = shown.values()
        return notification(status, subscription, self.base, wanted.content, self.clock(), focuses)

    def _settle_taken(self, subscription: Subscription, events: list[Event]) -> None:
        now = self.clock()
        last = events[-1].number if events else subscription.progress.sent
        progress = replace(subscription.progress, sent=last, told=now, due=now, tries=0, failing=None)
        after = replace(subscription, status="active", updated=now, progress=progress, reason=None)
        self.kept.settle(subscription, after)

    def _not_taken(self, subscription: Subscription, kind: Kind, reason: str) -> None:
        """Have it wait, or be in error: at once where it was the handshake, else after it failed for long."""
        now, progress = self.clock(), subscription.progress
        failing = progress.failing or now
        due = now + timedelta(seconds=BACKOFF.spread(progress.tries))
        progress = replace(progress, due=due, tries=progress.tries + 1, failing=failing)
        after = replace(subscription, progress=progress, updated=now, reason=reason)
        if kind == "handshake" or now - failing >= self.patience:
            log.error("subscription_in_error", subscription=subscription.id, partner=subscription.partner)
            after = replace(after, status="error")
        else:
            log.warning("notification_not_taken", subscription=subscription.id, partner=subscription.partner)
        self.kept.settle(subscription, after)


@dataclass(slots=True)
class Notifications:
    """The loop; several workers may run it, and one looks for events and sends.

    `memory` is for how long events are kept.
    """

    notifying: Notifying
    memory: timedelta
    _forget_at: datetime | None = None
    _lead: Lead | None = None
    _pool: ThreadPoolExecutor | None = None
    _busy: dict[str, str] = field(default_factory=dict)
    _lock: Lock = field(default_factory=Lock)
    _bell: Bell | None = None

    def run(self, stop: Flag) -> None:
        """Look for events and send notifications until told to stop."""
        self._bell = Bell(stop, IDLE_SECONDS)
        supervise("notifications", self.turn, stop, rest=self._bell.rest)
        self.close()

    def turn(self) -> float:
        """Do what can be done now; return how long there is nothing to do."""
        kept = self.notifying.kept
        if self._lead is None or not self._lead.is_held():
            self._lead = kept.lead()
        if self._lead is None:
            return NOBODY_SECONDS
        self._forget()
        live = [subscription for subscription in kept.live() if not self.notifying.end(subscription)]
        has_advanced = self.notifying.matching.advance(live)
        for subscription in kept.live() if has_advanced else live:
            if self.notifying.due(subscription) is not None and self._take(subscription):
                self._pool = self._pool or ThreadPoolExecutor(AT_ONCE, "notifications")
                self._pool.submit(self._notify, subscription.id)
        if has_advanced:
            return 0
        return IDLE_SECONDS if live else NOBODY_SECONDS

    def close(self) -> None:
        """Wait for what is under way, and let another process lead."""
        pool, self._pool = self._pool, None
        if pool is not None:
            pool.shutdown()
        lead, self._lead = self._lead, None
        if lead is not None:
            lead.close()

    def _forget(self) -> None:
        now = self.notifying.clock()
        if self._forget_at is None or self._forget_at <= now:
            self.notifying.kept.forget(now - self.memory)
            self._forget_at = now + FORGET

    def _take(self, subscription: Subscription) -> bool:
        """Tell whether a subscription, and its partner, has a place; it has it then."""
        with self._lock:
            if subscription.id in self._busy or len(self._busy) >= AT_ONCE:
                return False
            if Multiset(self._busy.values())[subscription.partner] >= OF_A_PARTNER:
                return False
            self._busy[subscription.id] = subscription.partner
            return True

    def _notify(self, id_: str) -> None:
        try:
            for _ in range(IN_A_ROW):
                if self._lead is None or not self._lead.is_held() or not self.notifying.notify(id_):
                    break
        except Exception as failure:  # noqa: BLE001 - a place that stayed taken would stop it for good
            tell = log.warning if isinstance(failure, CasebridgeError) else log.error
            tell("notification_interrupted", subscription=id_, kind=type(failure).__name__)
            with suppress(CasebridgeError):
                self.notifying.put_off(id_)
        finally:
            with self._lock:
                del self._busy[id_]
            if self._bell is not None:
                self._bell.ring()
