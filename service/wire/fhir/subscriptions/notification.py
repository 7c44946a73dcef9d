"""What a subscription is told: notifications, and how it stands.

https://hl7.org/fhir/uv/subscriptions-backport/STU1.1/notifications.html
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, Final, Literal
from uuid import uuid4

from service.values.kept.resources import StoredResource
from service.values.subscriptions import Content, Event, Subscription
from service.wire.fhir.exchange.parameters import group, part
from service.wire.fhir.subscriptions.reading import BACKPORT, KEPT
from service.wire.fhir.subscriptions.topics import TOPICS, TRIGGERS
from service.wire.json import dump

Json = dict[str, Any]
Kind = Literal["handshake", "heartbeat", "event-notification", "query-status", "query-event"]
PROFILE: Final = f"{BACKPORT}backport-subscription"
NOTIFICATION: Final = f"{BACKPORT}backport-subscription-notification-r4"
STATUS: Final = f"{BACKPORT}backport-subscription-status-r4"
HIDDEN: Final = "********"
"""What stands in place of a header's value."""
Key = tuple[str, str]


def resource_of(subscription: Subscription) -> Json:
    """Return the Subscription as it is read."""
    return {
        "resourceType": "Subscription",
        "id": subscription.id,
        "meta": {
            "versionId": str(subscription.version),
            "lastUpdated": instant_of(subscription.updated),
            "profile": [PROFILE],
        },
        "status": subscription.status,
        **{name: subscription.body[name] for name in KEPT if name in subscription.body},
        **({"error": subscription.reason} if subscription.status == "error" else {}),
    }


def instant_of(at: datetime) -> str:
    """Return an instant as FHIR writes it."""
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def status_of(
    subscription: Subscription,
    kind: Kind,
    base: str,
    content: Content,
    events: Sequence[Event] = (),
    shown: Mapping[Key, StoredResource] | None = None,
) -> Json:
    """Return the Parameters that tell how a subscription stands, and of events.

    What an event is about is told of those that are `shown`, by (type, id), and nothing of it where the
    content is `empty`.
    """
    topic = TOPICS[subscription.body["criteria"]]
    said = [part("subscription", "Reference", {"reference": f"{base}/Subscription/{subscription.id}"})]
    said += [part("topic", "Canonical", topic.url)] if content != "empty" else []
    said += [part("status", "Code", subscription.status), part("type", "Code", kind)]
    said.append(part("events-since-subscription-start", "String", str(subscription.progress.events)))
    for event in events:
        parts = [part("event-number", "String", str(event.number))]
        parts.append(part("timestamp", "Instant", instant_of(event.at)))
        if content != "empty" and (event.type, event.id) in (shown or {}):
            parts.append(part("focus", "Reference", {"reference": f"{base}/{event.type}/{event.id}"}))
        if topic.is_feed:
            parts.append(part("trigger", "Coding", {"system": TRIGGERS, "code": event.trigger}))
        said.append(group("notification-event", parts))
    if subscription.reason:
        said.append(part("error", "CodeableConcept", {"text": subscription.reason}))
    return {
        "resourceType": "Parameters",
        "id": str(uuid4()),
        "meta": {"profile": [STATUS]},
        "parameter": said,
    }


def notification(
    status: Json,
    subscription: Subscription,
    base: str,
    content: Content,
    now: datetime,
    focuses: Iterable[StoredResource] = (),
) -> bytes:
    """Return a notification: how the subscription stands, then what the events are about.

    Resources stand there as they are stored, or by their addresses alone.
    """
    first = {
        "fullUrl": f"urn:uuid:{status['id']}",
        "resource": status,
        "request": {"method": "GET", "url": f"{base}/Subscription/{subscription.id}/$status"},
        "response": {"status": "200"},
    }
    entries = [dump(first)]
    if content != "empty":
        entries += [_focus(stored, base, content) for stored in focuses]
    head = {
        "resourceType": "Bundle",
        "id": str(uuid4()),
        "meta": {"profile": [NOTIFICATION]},
        "type": "history",
        "timestamp": instant_of(now),
    }
    return dump(head)[:-1] + b',"entry":[' + b",".join(entries) + b"]}"


def statuses(listed: Sequence[Json], self_url: str) -> Json:
    """Return the Bundle of how subscriptions stand."""
    entries = [
        {"fullUrl": f"urn:uuid:{status['id']}", "resource": status, "search": {"mode": "match"}}
        for status in listed
    ]
    return searchset(entries, self_url)


def searchset(entries: Sequence[Json], self_url: str) -> Json:
    """Return a searchset of entries, all that there are."""
    bundle: Json = {"resourceType": "Bundle", "type": "searchset", "total": len(entries)}
    bundle["link"] = [{"relation": "self", "url": self_url}]
    return bundle | ({"entry": list(entries)} if entries else {})


def _focus(stored: StoredResource, base: str, content: Content) -> bytes:
    url = f"{stored.type}/{stored.id}"
    body, request = b"", {"method": "GET", "url": url}
    is_first = stored.version == 1
    if content == "full-resource":
        body = b'"resource":' + stored.body + b","
        request = {"method": "POST", "url": stored.type} if is_first else {"method": "PUT", "url": url}
    became = {
        "request": request,
        "response": {
            "status": "201" if is_first else "200",
            "etag": f'W/"{stored.version}"',
            "lastModified": instant_of(stored.last_updated),
        },
    }
    return b'{"fullUrl":' + dump(f"{base}/{url}") + b"," + body + dump(became)[1:]
