"""What tells whether the same came before: a sender's own names for what it sends, and what that says.

https://hl7.org/fhir/R4/messaging.html#reliable
"""

from hashlib import sha256
from typing import Any

from service.wire.json import canonical

Json = dict[str, Any]


def keys(sent: Json) -> tuple[str, ...]:
    """Return the names of a Bundle, the strongest first: its identifier, its id, the id of its message.

    Args:
        sent: a Bundle, or a resource alone, which has none.
    """
    if sent.get("resourceType") != "Bundle":
        return ()
    identifier = sent.get("identifier")
    own_identifier = identifier if isinstance(identifier, dict) else {}
    parts_of_name = {
        "Bundle.identifier": f"{own_identifier.get('system', '')}|{own_identifier['value']}"
        if "value" in own_identifier
        else None,
        "Bundle.id": sent.get("id"),
        "MessageHeader.id": header_of(sent).get("id"),
    }
    return tuple(f"{name}|{value}" for name, value in parts_of_name.items() if value)


def content(sent: Json) -> str:
    """Return the digest of what is said, without what differs when the same is sent once more."""
    content = {key: value for key, value in sent.items() if key not in {"id", "timestamp", "identifier"}}
    return sha256(canonical(content if sent.get("resourceType") == "Bundle" else sent)).hexdigest()


def header_of(sent: Json) -> Json:
    """Return the MessageHeader that a Bundle begins with, or an empty one."""
    entries = sent.get("entry")
    first = entries[0] if isinstance(entries, list) and entries else None
    resource = first.get("resource") if isinstance(first, dict) else None
    is_header = isinstance(resource, dict) and resource.get("resourceType") == "MessageHeader"
    return resource if is_header and isinstance(resource, dict) else {}
