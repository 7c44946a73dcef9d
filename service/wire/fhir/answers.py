"""What is answered to FHIR that was sent: response messages, MedCom's acknowledgement, Bundles of responses.

https://hl7.org/fhir/R4/messaging.html#response · https://medcomfhir.dk/ig/acknowledgement/
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final, Literal
from uuid import uuid4

from service.wire.fhir.naming import header_of

Json = dict[str, Any]
Code = Literal["ok", "transient-error", "fatal-error"]
_MEDCOM: Final = "http://medcomfhir.dk/ig"
_ACKNOWLEDGEMENT: Final = f"{_MEDCOM}/acknowledgement/StructureDefinition/medcom-messaging-acknowledgement"
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
    if any(isinstance(each, str) and each.startswith(_MEDCOM) for each in profiles):
        return _acknowledgement(asked, header, code, outcome, base, now)
    mine: Json = {
        "resourceType": "MessageHeader",
        "id": str(uuid4()),
        **{key: header[key] for key in ("eventCoding", "eventUri") if key in header},
        **_destination(header),
        "source": {"name": "Casebridge", "endpoint": base},
        "response": {"identifier": header["id"], "code": code},
    }
    told = [{**outcome, "id": str(uuid4())}] if outcome else []
    if told:
        mine["response"]["details"] = {"reference": f"urn:uuid:{told[0]['id']}"}
    return _message([(f"urn:uuid:{each['id']}", each) for each in (mine, *told)], now)


def responses(type_: Literal["transaction-response", "batch-response"], entries: Sequence[Json]) -> Json:
    """Return a Bundle that answers each entry in its order; `entries` are their `response`s."""
    return {"resourceType": "Bundle", "type": type_, "entry": [{"response": each} for each in entries]}


def _acknowledgement(
    asked: Json, header: Json, code: Code, outcome: Json | None, base: str, now: datetime
) -> Json:
    """Return MedCom's acknowledgement; an OperationOutcome only when there is more to say."""
    theirs = _target(asked, header.get("sender"))
    ours = _target(asked, next((each.get("receiver") for each in header.get("destination", [])), None))
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
    severities = {each["severity"] for each in (outcome or {}).get("issue", [])}
    plain = code == "ok" and severities <= {"information"}
    told = [{**outcome, "id": str(uuid4())}] if outcome and not plain else []
    if told:
        mine["response"]["details"] = {"reference": _name(told[0])}
    if ours:
        mine["sender"] = {"reference": _name(ours)}
    before = [
        each["resource"]
        for each in asked["entry"]
        if isinstance(each.get("resource"), dict) and each["resource"].get("resourceType") == "Provenance"
    ]
    done = _provenance(mine, header, ours, now)
    parts = [mine, *before, done, *(each for each in (theirs, ours) if each), *told]
    found = _message([(_name(each), each) for each in parts], now)
    found["meta"] = {"profile": [_ACKNOWLEDGEMENT]}
    return found


def _provenance(mine: Json, header: Json, ours: Json | None, now: datetime) -> Json:
    at = now.isoformat(timespec="seconds")
    who = {"reference": _name(ours)} if ours else {"display": "Casebridge"}
    return {
        "resourceType": "Provenance",
        "id": str(uuid4()),
        "meta": {"profile": [f"{_MEDCOM}/messaging/StructureDefinition/medcom-messaging-provenance"]},
        "target": [{"reference": _name(mine)}],
        "occurredDateTime": at,
        "recorded": at,
        "activity": {
            "coding": [{"system": f"{_TERMS}/medcom-messaging-activityCodes", "code": "acknowledgement"}]
        },
        "agent": [{"who": who}],
        "entity": [{"role": "revision", "what": {"reference": _name(header)}}],
    }


def _destination(header: Json, receiver: Json | None = None) -> Json:
    """Return who asked as the destination, as far as the message says."""
    source = header.get("source") or {}
    if "endpoint" not in source:
        return {}
    found: Json = {"endpoint": source["endpoint"]}
    if receiver is not None:
        use = {"system": f"{_TERMS}/medcom-messaging-destinationUse", "code": "primary"}
        url = f"{_MEDCOM}/messaging/StructureDefinition/medcom-messaging-destinationUseExtension"
        found = {
            "extension": [{"url": url, "valueCoding": use}],
            **found,
            "receiver": {"reference": _name(receiver)},
        }
    return {"destination": [found]}


def _own_endpoint(header: Json) -> str | None:
    """Return by which of our addresses a message came."""
    return next((each["endpoint"] for each in header.get("destination", []) if "endpoint" in each), None)


def _target(asked: Json, reference: Any) -> Json | None:
    literal = reference.get("reference") if isinstance(reference, dict) else None
    for each in asked["entry"]:
        resource = each.get("resource")
        is_named = isinstance(literal, str) and isinstance(resource, dict) and "id" in resource
        if is_named and literal in {each.get("fullUrl"), _name(resource)}:
            return resource  # type: ignore[no-any-return]
    return None


def _name(resource: Json) -> str:
    return f"{resource['resourceType']}/{resource['id']}"


def _message(entries: Sequence[tuple[str, Json]], now: datetime) -> Json:
    return {
        "resourceType": "Bundle",
        "id": str(uuid4()),
        "type": "message",
        "timestamp": now.isoformat(timespec="seconds"),
        "entry": [{"fullUrl": url, "resource": each} for url, each in entries],
    }
