"""Makes the messages a change gives: CloudEvents 1.0 in structured JSON mode.

https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/formats/json-format.md
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import uuid4

from service.values.resources import Message


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened to a resource or a case; `resource` is what a full-resource partner gets."""

    what: str
    happened: str
    subject: str
    data: dict[str, Any]
    resource: dict[str, Any] | None = field(default=None)


@dataclass(frozen=True, slots=True)
class Envelope:
    """Puts events into messages; `source` names this service and its epoch."""

    source: str
    dump: Callable[[Any], bytes]

    def message(self, event: Event, *, owner: str, view: str, sequence: int, at: datetime) -> Message:
        """Return the outbox row of an event, number `sequence` of its owner in a view."""
        body = {
            "specversion": "1.0",
            "id": str(uuid4()),
            "source": self.source,
            "type": f"org.casebridge.{event.what}.{event.happened}.v1",
            "subject": event.subject,
            "time": instant(at),
            "dataschema": f"https://casebridge.org/schemas/{event.what}.{event.happened}.v1.json",
            "datacontenttype": "application/json",
            "partitionkey": owner,
            "sequence": f"{sequence:020d}",
            "data": event.data,
        }
        full = None
        if event.resource is not None:
            full = self.dump({**body, "data": {**event.data, "resource": event.resource}})
        return Message(
            id=str(body["id"]),
            view=view,
            owner=owner,
            routing_key=f"{event.what}.{event.happened}",
            sequence=sequence,
            recorded=at,
            body=self.dump(body),
            full=full,
        )


def instant(at: datetime) -> str:
    """Return a FHIR instant in UTC with milliseconds."""
    return at.strftime("%Y-%m-%dT%H:%M:%S.") + f"{at.microsecond // 1000:03d}Z"
