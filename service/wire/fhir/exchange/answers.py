"""What is answered to FHIR that was sent: response messages, MedCom's acknowledgement, Bundles of responses.

https://hl7.org/fhir/R4/messaging.html#response · https://medcomfhir.dk/ig/acknowledgement/
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final, Literal
from uuid import uuid4

from service.wire.fhir.exchange.copied import CopiedResource, Copies
from service.wire.fhir.exchange.naming import header_of

Json = dict[str, Any]
Code = Literal["ok", "transient-error", "fatal-error"]
_MEDCOM: Final = "http://medcomfhir.dk/ig"
_ACKNOWLEDGEMENT: Final = f"{_MEDCOM}/acknowledgement/StructureDefinition/medcom-messaging-acknowledgement"
_UNSTATED: Final = "urn:casebridge:event:unstated"
_TERMS: Final = f"{_MEDCOM}/terminology/CodeSystem"


def response_message(asked: Json, code: Code, outcome: Json | None, base: str, now: datetime) -> Json:
    """Return the response to a message: MedCom's acknowledgement to MedCom's, else a plain one.

    Args:
        asked: the message; its MessageHeader has an id.
        code: what became of it.
        outcome: an OperationOutcome that says more.
        base: our address.
        now: the time of the answer.
    """
    header = header_of(asked)
    profiles = (header.get("meta") or {}).get("profile") or []
    if any(isinstance(profile, str) and profile.startswith(_MEDCOM) for profile in profiles):
        return _acknowledgement(asked, header, code, outcome, base, now)
    mine: Json = {
        "resourceType": "MessageHeader",
        "id": str(uuid4()),
        **_event(header),
        **_destination(header),
        "source": {"name": "Casebridge", "endpoint": base},
        "response": {"identifier": header["id"], "code": code},
    }
    details = [_own({**outcome, "id": str(uuid4())})] if outcome else []
    if details:
        mine["response"]["details"] = {"reference": details[0].url}
    return _message([_own(mine), *details], now)


def responses(type_: Literal["transaction-response", "batch-response"], entries: Sequence[Json]) -> Json:
    """Return a Bundle that answers each entry in its order; `entries` are their `response`s."""
    listed = [{"response": response} for response in entries]
    return {"resourceType": "Bundle", "type": type_, **({"entry": listed} if listed else {})}


def _acknowledgement(
    asked: Json, header: Json, code: Code, outcome: Json | None, base: str, now: datetime
) -> Json:
    """Return MedCom's acknowledgement; an OperationOutcome only when there is more to say."""
    copies = Copies(asked)
    theirs, ours = copies.one(header.get("sender")), copies.one(_receiver(header))
    mine: Json = {
        "resourceType": "MessageHeader",
        "id": str(uuid4()),
        "meta": {
            "profile": [
                f"{_MEDCOM}/acknowledgement/StructureDefinition/medcom-messaging-acknowledgementHeader"
            ]
        },
        "eventCoding": {
            "system": f"{_TERMS}/medcom-messaging-eventCodes",
            "code": "acknowledgement-message",
        },
        **_destination(header, theirs),
        "source": {"name": "Casebridge", "endpoint": _own_endpoint(header) or base},
        "response": {"identifier": header["id"], "code": code},
    }
    severities = {issue["severity"] for issue in (outcome or {}).get("issue", [])}
    plain = code == "ok" and severities <= {"information"}
    details = [_own({**outcome, "id": str(uuid4())})] if outcome and not plain else []
    if details:
        mine["response"]["details"] = {"reference": details[0].url}
    if ours:
        mine["sender"] = {"reference": ours.url}
    before = copies.of("Provenance")
    done = _provenance(mine, copies.beyond(asked["entry"][0]), ours, now)
    parts = [_own(mine), *before, _own(done), *(copy for copy in (theirs, ours) if copy), *details]
    bundle = _message(copies.copies_of(parts), now)
    bundle["meta"] = {"profile": [_ACKNOWLEDGEMENT]}
    return bundle


def _provenance(mine: Json, header: Json, ours: CopiedResource | None, now: datetime) -> Json:
    """Return that we acknowledge; `header` refers to what is acknowledged."""
    at = now.isoformat(timespec="seconds")
    who = {"reference": ours.url} if ours else {"display": "Casebridge"}
    return {
        "resourceType": "Provenance",
        "id": str(uuid4()),
        "meta": {"profile": [f"{_MEDCOM}/messaging/StructureDefinition/medcom-messaging-provenance"]},
        "target": [{"reference": _own(mine).url}],
        "occurredDateTime": at,
        "recorded": at,
        "activity": {
            "coding": [{"system": f"{_TERMS}/medcom-messaging-activityCodes", "code": "acknowledgement"}]
        },
        "agent": [{"who": who}],
        "entity": [{"role": "revision", "what": header}],
    }


def _event(header: Json) -> Json:
    """Return what is answered; R4 wants an event where the message says none, too."""
    event: Json = {key: header[key] for key in ("eventCoding", "eventUri") if key in header}
    return event or {"eventUri": _UNSTATED}


def _destination(header: Json, receiver: CopiedResource | None = None) -> Json:
    """Return the sender of a message as the destination of its answer, as far as the message names it."""
    source = header.get("source")
    if not isinstance(source, dict) or not isinstance(source.get("endpoint"), str):
        return {}
    destination: Json = {"endpoint": source["endpoint"]}
    if receiver is not None:
        use = {"system": f"{_TERMS}/medcom-messaging-destinationUse", "code": "primary"}
        url = f"{_MEDCOM}/messaging/StructureDefinition/medcom-messaging-destinationUseExtension"
        destination = {
            "extension": [{"url": url, "valueCoding": use}],
            **destination,
            "receiver": {"reference": receiver.url},
        }
    return {"destination": [destination]}


def _destinations(header: Json) -> list[Json]:
    listed = header.get("destination")
    return (
        [destination for destination in listed if isinstance(destination, dict)]
        if isinstance(listed, list)
        else []
    )


def _receiver(header: Json) -> Any:
    return next((destination.get("receiver") for destination in _destinations(header)), None)


def _own_endpoint(header: Json) -> str | None:
    """Return by which of our addresses a message came."""
    endpoints = (destination.get("endpoint") for destination in _destinations(header))
    return next((endpoint for endpoint in endpoints if isinstance(endpoint, str)), None)


def _own(resource: Json) -> CopiedResource:
    return CopiedResource(f"urn:uuid:{resource['id']}", resource)


def _message(entries: Sequence[CopiedResource], now: datetime) -> Json:
    return {
        "resourceType": "Bundle",
        "id": str(uuid4()),
        "type": "message",
        "timestamp": now.isoformat(timespec="seconds"),
        "entry": [{"fullUrl": entry.url, "resource": entry.resource} for entry in entries],
    }
