"""Makes the messages a change gives: CloudEvents 1.0 in structured JSON mode.

https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/formats/json-format.md
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, Generic, TypeVar
from uuid import uuid4

from service.telemetry import traceparent
from service.values.ids import resource_id
from service.values.kept.documents import Document
from service.values.kept.resources import OutboxMessage
from service.values.messages import (
    CaseTold,
    CloudEvent,
    Erased,
    GlassTold,
    Happened,
    StayTold,
    Written,
    schema_name,
    type_name,
)
from service.wire.json import dump

STEP: Final = timedelta(microseconds=1)
Data = Written | Erased | CaseTold | GlassTold
D_co = TypeVar("D_co", bound=Data, covariant=True)


@dataclass(frozen=True, slots=True)
class Event(Generic[D_co]):
    """Something that happened to a resource or a case; `resource` is the version that it tells of."""

    what: str
    happened: str
    data: D_co
    resource: dict[str, Any] | None = None

    @property
    def key(self) -> str:
        """The routing key."""
        return f"{self.what}.{self.happened}"

    @property
    def subject(self) -> str:
        """What it happened to."""
        return self.data["reference"]


def written_event(resource: dict[str, Any], changed: list[str]) -> Event[Written]:
    """Return the event of a version of a resource, which differs from the one before in `changed`."""
    type_, version = resource["resourceType"], resource["meta"]["versionId"]
    data = Written(reference=f"{type_}/{resource['id']}", versionId=version, changed=changed)
    return Event(type_.lower(), "created" if version == "1" else "updated", data, resource)


def erased_event(type_: str, id_: str) -> Event[Erased]:
    """Return the event of a resource's erasure."""
    return Event(type_.lower(), "deleted", Erased(reference=f"{type_}/{id_}"))


def case_event(document: Document, happened: Happened) -> Event[CaseTold]:
    """Return the event of something that happened to a case."""
    reference, status = f"case/{document.uuid}", document.own["status"]
    data = CaseTold(reference=reference, revision=document.revision, status=status)
    if happened.stay is None:
        return Event("case", happened.what, data)
    stay = f"Encounter/{resource_id(document.uuid, 'Encounter', happened.stay)}"
    return Event("case", happened.what, StayTold(**data, stay=stay))


def glass_event(client: str, partner: str) -> Event[GlassTold]:
    """Return the event of a partner's seeing a client in an emergency."""
    return Event("client", "glass-broken", GlassTold(reference=f"client/{client}", partner=partner))


@dataclass(frozen=True, slots=True)
class Envelope:
    """Puts events into messages; `source` names this service and its epoch, `schemas` where theirs are."""

    source: str
    schemas: str

    def message(
        self, event: Event[Data], *, owner: str, view: str, sequence: int, at: datetime
    ) -> OutboxMessage:
        """Return the outbox row of an event, number `sequence` of its owner in a view."""
        body = CloudEvent(
            specversion="1.0",
            id=str(uuid4()),
            source=self.source,
            type=type_name(event.key),
            subject=event.subject,
            time=instant(at),
            dataschema=f"{self.schemas}/{schema_name(event.key)}",
            datacontenttype="application/json",
            partitionkey=owner,
            sequence=f"{sequence:020d}",
            data={**event.data},
        )
        if trace := traceparent.get():
            body["traceparent"] = trace
        return OutboxMessage(
            id=body["id"],
            view=view,
            owner=owner,
            routing_key=event.key,
            sequence=sequence,
            recorded=at,
            body=dump(body),
        )


def later(at: datetime, last: datetime) -> datetime:
    """Return when something is done after `last`, whatever a clock says that was set back: FHIR R4 meta."""
    return max(at, last + STEP)


def instant(at: datetime) -> str:
    """Return a FHIR instant in UTC with milliseconds."""
    return at.strftime("%Y-%m-%dT%H:%M:%S.") + f"{at.microsecond // 1000:03d}Z"
