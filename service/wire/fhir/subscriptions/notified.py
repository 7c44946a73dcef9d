"""What a server that we subscribed to tells us, and the Subscription that asks it to.

https://hl7.org/fhir/uv/subscriptions-backport/STU1.1/notifications.html
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final, get_args

from service.errors import Malformed
from service.values.inbound.followed import Kind, TopicNotice
from service.wire.json import dump

Json = dict[str, Any]
_BACKPORT: Final = "http://hl7.org/fhir/uv/subscriptions-backport/StructureDefinition/"
_STATUS: Final = "Bundle.entry[0].resource"


def subscription_to(
    topic: str, filters: Sequence[str], *, endpoint: str, secret: str, end: datetime, id_: str
) -> bytes:
    """Return the Subscription that asks for a topic, with whole resources, until an instant.

    `secret` is what a notification has to show at the `endpoint`; `id_` is that of one that is replaced.
    """
    criteria = [{"url": f"{_BACKPORT}backport-filter-criteria", "valueString": text} for text in filters]
    content = {"url": f"{_BACKPORT}backport-payload-content", "valueCode": "full-resource"}
    return dump(
        {
            "resourceType": "Subscription",
            **({"id": id_} if id_ else {}),
            "meta": {"profile": [f"{_BACKPORT}backport-subscription"]},
            "status": "requested",
            "end": end.strftime("%Y-%m-%dT%H:%M:%SZ"),
            "reason": "Stays that begin and end, for case management",
            "criteria": topic,
            **({"_criteria": {"extension": criteria}} if criteria else {}),
            "channel": {
                "extension": [{"url": f"{_BACKPORT}backport-heartbeat-period", "valueUnsignedInt": 300}],
                "type": "rest-hook",
                "endpoint": endpoint,
                "payload": "application/fhir+json",
                "_payload": {"extension": [content]},
                "header": [f"Authorization: Bearer {secret}"],
            },
        }
    )


def notice_of(sent: Json) -> TopicNotice:
    """Return what a notification Bundle tells, or one that answers `$status` or `$events`.

    Raises:
        Malformed: it does not begin with a SubscriptionStatus as the Backport has it in R4.
    """
    listed = sent.get("entry")
    entries: list[Any] = listed if isinstance(listed, list) else []
    status = entries[0].get("resource") if entries and isinstance(entries[0], dict) else None
    if not isinstance(status, dict) or status.get("resourceType") != "Parameters":
        raise Malformed("A notification begins with the Parameters of its status.", where=_STATUS)
    told = _values(status.get("parameter"))
    kind, events = told.get("type", [""])[0], told.get("notification-event", [])
    if kind not in get_args(Kind):
        raise Malformed("It is none of the kinds of notifications.", where=f"{_STATUS}.parameter")
    parts = [_values(event) for event in events]
    numbers = sorted(_number(part.get("event-number", [""])[0]) for part in parts)
    sent_names = {_name_of(entry) for entry in entries[1:] if isinstance(entry, dict)}
    return TopicNotice(
        kind,
        str(told.get("status", [""])[0]),
        max(_number(told.get("events-since-subscription-start", ["0"])[0]), *numbers, 0),
        tuple(numbers),
        all(_focus_of(part) in sent_names for part in parts),
    )


def facts_of(sent: Json) -> Json:
    """Return what a notification says but for its status, which differs each time that it is sent."""
    return {"resourceType": "Bundle", "entry": sent["entry"][1:]}


def _name_of(entry: Json) -> str:
    """Return the type and id of the resource of an entry, '' without one."""
    resource = entry.get("resource")
    return f"{resource.get('resourceType')}/{resource.get('id')}" if isinstance(resource, dict) else ""


def _focus_of(event: Mapping[str, list[Any]]) -> str:
    """Return the type and id of what an event is about, of its reference, whatever server that leads to."""
    focus = event.get("focus", [None])[0]
    reference = focus.get("reference") if isinstance(focus, dict) else None
    told = reference.partition("/_history")[0] if isinstance(reference, str) else ""
    return "/".join(told.split("/")[-2:]) or "nothing"


def _values(parameters: Any) -> Mapping[str, list[Any]]:
    """Return by name the values of parameters, of a group its parts; others are left out."""
    values: dict[str, list[Any]] = {}
    for parameter in parameters if isinstance(parameters, list) else ():
        if isinstance(parameter, dict) and isinstance(name := parameter.get("name"), str):
            value = next((parameter[key] for key in parameter if key.startswith("value")), None)
            values.setdefault(name, []).append(parameter.get("part") if value is None else value)
    return values


def _number(text: Any) -> int:
    """Return the number of an event, which R4 writes as text, an integer64 being none of its types."""
    digits = str(text)
    if not (digits.isascii() and digits.isdecimal() and len(digits) < 19):
        raise Malformed("The number of an event is wanted.", where=f"{_STATUS}.parameter")
    return int(digits)
