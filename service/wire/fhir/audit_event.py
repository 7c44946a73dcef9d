"""What is on record as AuditEvents, after the patterns of IHE's Basic Audit Log Patterns.

https://profiles.ihe.net/ITI/BALP/content.html · https://hl7.org/fhir/R4/auditevent.html
"""

from base64 import b64encode
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

from service.values.audit import RecordedEntry
from service.values.ids import resource_id

Json = dict[str, Any]
_BALP: Final = "https://profiles.ihe.net/ITI/BALP/StructureDefinition/IHE.BasicAudit."
_EVENT_TYPE: Final = "http://terminology.hl7.org/CodeSystem/audit-event-type"
_INTERACTION: Final = "http://hl7.org/fhir/restful-interaction"
LOGIN: Final = "login"
"""The interaction of who asked for a token and got none."""
OVERRIDE: Final = "emergency-override"
"""The interaction of who broke the glass."""
_LIFECYCLE: Final = "http://terminology.hl7.org/CodeSystem/iso-21089-lifecycle"
_DCM: Final = "http://dicom.nema.org/resources/ontology/DCM"
_PURPOSE: Final = "http://terminology.hl7.org/CodeSystem/v3-ActReason"
_ENTITY: Final = "http://terminology.hl7.org/CodeSystem/audit-entity-type"
_ROLE: Final = "http://terminology.hl7.org/CodeSystem/object-role"
_SOURCE_TYPE: Final = "http://terminology.hl7.org/CodeSystem/security-source-type"
_REQUEST: Final = "https://profiles.ihe.net/ITI/BALP/CodeSystem/BasicAuditEntityType"
_SOURCE: Final = {"system": _DCM, "code": "110153", "display": "Source Role ID"}
_DESTINATION: Final = {"system": _DCM, "code": "110152", "display": "Destination Role ID"}
DISCLOSE: Final = "disclose"
"""The interaction of what was sent to a queue of a partner's."""
DECISIONS: Final = ("retry", "skip")
"""The interactions of an operator who decides about a parked message."""
_ACTIONS: Final = {
    DISCLOSE: "R",
    "read": "R",
    "vread": "R",
    **dict.fromkeys(("history-instance", "history-type", "history-system"), "R"),
    "update": "U",
    "patch": "U",
    "delete": "D",
}
_PROFILES: Final = {
    "read": "Read",
    "vread": "Read",
    "search-type": "Query",
    "update": "Update",
    "patch": "Update",
    "delete": "Delete",
}
_DENIED: Final = {401: "not authenticated", 403: "not permitted", 404: "not found", 410: "erased"}
_NOT_IN: Final = frozenset({400, 401, 403})
"""The statuses of who was not let in; a token is refused with 400."""
_PATHS: Final = {"client": "clients", "case": "cases", "inbox": "quarantine"}
"""Where documents and entries stand below /api; those of the directory at directory/<kind>."""


@dataclass(frozen=True, slots=True)
class AuditEvents:
    """Makes AuditEvents; `base` is our address."""

    base: str

    def of(self, entry: RecordedEntry) -> Iterator[tuple[str | None, Json]]:
        """Give the events of an entry, one for each client with their uuid; one where there is none."""
        for number, client in enumerate(entry.things or {"": ()}):
            yield client or None, self._event(entry, number, client, entry.things.get(client, ()))

    def partner(self, name: str) -> Json:
        """Return the identifier of a partner."""
        return {"system": f"{self.base}/partners", "value": name}

    def _event(self, entry: RecordedEntry, number: int, client: str, things: Sequence[str]) -> Json:
        event: Json = {"resourceType": "AuditEvent", "id": f"{entry.row}-{number}"}
        profile = _PROFILES.get(entry.interaction)
        if profile and entry.status < 400 and (things or profile == "Query"):
            event["meta"] = {"profile": [f"{_BALP}{'Patient' if client else ''}{profile}"]}
        event |= {
            **_kind(entry.interaction),
            "action": _ACTIONS.get(entry.interaction, "E"),
            "recorded": entry.recorded.isoformat(timespec="milliseconds"),
            **_outcome(entry),
        }
        if entry.purposes:
            event["purposeOfEvent"] = _purposes(entry.purposes)
        if entry.interaction in {OVERRIDE, *DECISIONS} and entry.text:
            event["purposeOfEvent"][0]["text"] = entry.text
        event["agent"] = self._agents(entry)
        server = {"display": self.base}
        event["source"] = {"observer": server, "type": [{"system": _SOURCE_TYPE, "code": "4"}]}
        event["entity"] = [
            *self._entities(entry, things),
            *([_patient(client)] if client else []),
            _request(entry.correlation),
        ]
        return event

    def _agents(self, entry: RecordedEntry) -> list[Json]:
        """Whoever asks is where a read goes to; of all else, IHE has it be the source."""
        is_read = _ACTIONS.get(entry.interaction) == "R"
        asking, asked = (_DESTINATION, _SOURCE) if is_read else (_SOURCE, _DESTINATION)
        client: Json = {
            "type": {"coding": [asking]},
            "who": {"display": "unknown"},
            "requestor": True,
        }
        if entry.partner:
            client["who"] = {"identifier": self.partner(entry.partner), "display": entry.partner}
            client["altId"] = entry.partner
        if entry.address:
            client["network"] = {"address": entry.address, "type": "2"}
        if entry.purposes:
            client["purposeOfUse"] = _purposes(entry.purposes)
        server = {
            "type": {"coding": [asked]},
            "who": {"display": self.base},
            "requestor": False,
            "network": {"address": self.base, "type": "5"},
        }
        return [client, server]

    def _entities(self, entry: RecordedEntry, things: Sequence[str]) -> Iterator[Json]:
        """A search has its text as the only entity of type 2; what it found are entities of type 4."""
        is_denied = entry.status >= 400 and entry.interaction != LOGIN
        is_query = entry.interaction == "search-type" or is_denied
        if is_query:
            query: Json = {"type": _entity_type("2", "System Object"), "role": _role("24", "Query")}
            # what an erasure has forgotten is no longer there
            text = entry.text or ""
            query |= {"query": b64encode(text.encode()).decode()} if text else {"description": "forgotten"}
            yield query
        kind = _entity_type("4", "Other") if is_query else _entity_type("2", "System Object")
        for thing in things:
            yield {
                "what": {"reference": self._address(thing)},
                "type": kind,
                "role": _role("4", "Domain Resource"),
            }

    def _address(self, thing: str) -> str:
        """Return a resource's reference, or where a document, a message or an entry of the inbox stands."""
        kind, _, rest = thing.partition("/")
        if kind[:1].isupper():
            return thing
        if kind == "event":
            return f"{self.base}/events?after={int(rest) - 1}&_count=1"
        path = _PATHS.get(kind, f"directory/{kind}")
        return f"{self.base}/api/{path}/{rest.partition('/')[0]}"


def _kind(interaction: str) -> Json:
    """Return what kind of event it is: of FHIR, a refused token, a broken glass, a message, a decision."""
    if interaction == LOGIN:
        return {
            "type": {"system": _DCM, "code": "110114", "display": "User Authentication"},
            "subtype": [{"system": _DCM, "code": "110122", "display": "Login"}],
        }
    if interaction == OVERRIDE:
        return {
            "type": {"system": _DCM, "code": "110113", "display": "Security Alert"},
            "subtype": [{"system": _DCM, "code": "110127", "display": "Emergency Override Started"}],
        }
    if interaction == DISCLOSE:
        return {
            "type": {"system": _DCM, "code": "110106", "display": "Export"},
            "subtype": [{"system": _LIFECYCLE, "code": "disclose", "display": "Disclose"}],
        }
    if interaction in DECISIONS:
        return {
            "type": {"system": _DCM, "code": "110100", "display": "Application Activity"},
            "subtype": [{"display": interaction}],
        }
    return {
        "type": {"system": _EVENT_TYPE, "code": "rest", "display": "Restful Operation"},
        "subtype": [{"system": _INTERACTION, "code": interaction}],
    }


def _outcome(entry: RecordedEntry) -> Json:
    """Return how it ended; why a token was refused stands in its text."""
    if entry.status < 400:
        return {"outcome": "0"}
    why = entry.text or "no token" if entry.interaction == LOGIN else _DENIED[entry.status]
    return {"outcome": "8" if entry.status in _NOT_IN else "4", "outcomeDesc": why}


def _purposes(codes: Sequence[str]) -> list[Json]:
    return [{"coding": [{"system": _PURPOSE, "code": code}]} for code in codes]


def _patient(client: str) -> Json:
    return {
        "what": {"reference": f"Patient/{resource_id(client, 'Patient', '')}"},
        "type": _entity_type("1", "Person"),
        "role": _role("1", "Patient"),
    }


def _request(correlation: str) -> Json:
    return {
        "what": {"identifier": {"value": correlation}},
        "type": {"system": _REQUEST, "code": "XrequestId"},
    }


def _entity_type(code: str, display: str) -> Json:
    return {"system": _ENTITY, "code": code, "display": display}


def _role(code: str, display: str) -> Json:
    return {"system": _ROLE, "code": code, "display": display}
