"""A partner asks what its subscription was told of, or should have been.

https://hl7.org/fhir/uv/subscriptions-backport/STU1.1/OperationDefinition-backport-subscription-events.html
"""

from dataclasses import dataclass

from service.access.smart_scopes import Grant
from service.flows.ports.subscriptions import Key, NotifyingPort
from service.values.access.scope import Scope
from service.values.kept.resources import StoredResource
from service.values.subscriptions import Content, Event, Subscription


@dataclass(frozen=True, slots=True)
class Span:
    """Events from a number to a number, both inside, the first `most` of them."""

    first: int = 0
    last: int | None = None
    most: int = 1_000


@dataclass(frozen=True, slots=True)
class Recalling:
    """The story of past events; of what they are about only what may be read now is told."""

    kept: NotifyingPort

    def recall(
        self, subscription: Subscription, span: Span, content: Content, scope: Scope, grant: Grant
    ) -> tuple[list[Event], dict[Key, StoredResource]]:
        """Return events, and what of those that they are about may be shown."""
        events = self.kept.events(subscription.id, span.first, span.last, span.most)
        keys = {(event.type, event.id) for event in events if grant.allows(event.type, "r")}
        return events, self.kept.current(scope, keys) if keys and content != "empty" else {}
