"""The feed is looked through for events of subscriptions, and these are numbered.

An event is a message of the topic about a resource that is in the scope, and meets the filters, as it is when
it is looked for: soon after it was written. What it says is looked up when it is sent.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, NamedTuple

import structlog

from service.errors import Refused
from service.flows.ports.subscriptions import Key, NotifyingPort
from service.flows.subscriptions.audience import audience, ids_of, topic_of
from service.values.access.scope import Partner
from service.values.kept.resources import NumberedMessage
from service.values.subscriptions import Event, Subscription, Wanted
from service.wire.fhir.search.asked import Ours
from service.wire.fhir.subscriptions.reading import kept_wanted
from service.wire.fhir.subscriptions.topics import FEED_EVENT, TOPICS
from service.wire.json import reread

SPAN: Final = 1_000
_KEYS: Final = frozenset(key for topic in TOPICS.values() for key in topic.keys)
# what it raises to read a body that is none
_UNREADABLE: Final = (AttributeError, LookupError, TypeError, ValueError)

log = structlog.get_logger()


class Happening(NamedTuple):
    """What a message of some topic tells: of which view, by which routing key, when, and of what."""

    position: int
    view: str
    key: str
    at: datetime
    focus: Key


@dataclass(frozen=True, slots=True)
class Matching:
    """The story of events."""

    kept: NotifyingPort
    partners: Mapping[str, Partner]
    ours: Ours

    def advance(self, live: Sequence[Subscription]) -> bool:
        """Look through the next messages for subscriptions; return whether there were any."""
        if not live:
            return False
        after = min(subscription.progress.seen for subscription in live)
        messages, until = self.kept.messages(after, SPAN)
        if until <= after:
            return False
        happenings = [*_happenings(messages)]
        nothing = []
        for subscription in live:
            seen = subscription.progress.seen
            if seen >= until:
                continue
            later = [happening for happening in happenings if happening.position > seen]
            if events := self._events(subscription, later):
                self.kept.advance(subscription.id, seen, until, events)
            else:
                nothing.append(subscription.id)
        if nothing:
            self.kept.skip(nothing, until)
        return True

    def wanted(self, subscription: Subscription) -> Wanted | None:
        """Return what a subscription asks for; None where this release can no longer do it."""
        try:
            return kept_wanted(subscription.body, self.ours)
        except Refused:
            return None

    def _events(self, subscription: Subscription, happenings: Collection[Happening]) -> list[Event]:
        wanted = self.wanted(subscription)
        hearer = audience(subscription, wanted, self.partners) if wanted else None
        if wanted is None or hearer is None:
            return []
        topic = topic_of(wanted)
        of_topic = [
            happening
            for happening in happenings
            if topic.keys.get(happening.key) in hearer.types
            and happening.view == hearer.scope.view
            and happening.focus[1] in (ids_of(wanted, happening.focus[0]) or {happening.focus[1]})
        ]
        if not of_topic:
            return []
        inside = self.kept.inside(hearer.filtered, {happening.focus for happening in of_topic})
        trigger = FEED_EVENT if topic.is_feed else ""
        return [
            Event(0, happening.at, *happening.focus, trigger)
            for happening in of_topic
            if happening.focus in inside
        ]


def _happenings(messages: Iterable[NumberedMessage]) -> Iterable[Happening]:
    for message in messages:
        if message.routing_key not in _KEYS:
            continue
        try:
            yield _read(message)
        except _UNREADABLE:
            log.warning("event_unreadable", position=message.position, key=message.routing_key)


def _read(message: NumberedMessage) -> Happening:
    body: dict[str, Any] = reread(message.body)
    data = body["data"]
    # a message of a case tells of a stay
    type_, id_ = data.get("stay", data["reference"]).split("/")
    at = datetime.fromisoformat(body["time"])
    return Happening(message.position, message.view, message.routing_key, at, (type_, id_))
