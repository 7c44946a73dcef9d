"""Resources of a message that its answer repeats, named so that whatever refers to them finds them there.

https://hl7.org/fhir/R4/bundle.html#references
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID, uuid4

from service.wire.fhir.check.check import check

Json = dict[str, Any]
_URI: Final = "urn:ietf:rfc:3986"


@dataclass(frozen=True, slots=True)
class CopiedResource:
    """A resource and the absolute URL that its entry has."""

    url: str
    resource: Json


class Copies:
    """What an answer may repeat of a message: the resources that are valid, without their narratives."""

    def __init__(self, asked: Json) -> None:
        """Take the message."""
        self._entries: list[Json] = [
            entry for entry in asked["entry"] if isinstance(entry.get("resource"), dict)
        ]
        self._copies: dict[int, CopiedResource] = {}

    def one(self, reference: Any) -> CopiedResource | None:
        """Return what a Reference of the message leads to; None where that is nothing we can repeat."""
        literal = reference.get("reference") if isinstance(reference, dict) else None
        entry = self._led_to(literal)
        return None if entry is None else self._copy(entry)

    def of(self, type_: str) -> list[CopiedResource]:
        """Return the resources of a type."""
        entries = [entry for entry in self._entries if entry["resource"].get("resourceType") == type_]
        return [copy for copy in map(self._copy, entries) if copy]

    def beyond(self, entry: Json) -> Json:
        """Return the Reference to a resource of the message that the answer does not repeat."""
        url = _absolute(entry)
        if url.startswith("http"):
            return {"reference": url}
        return {"identifier": {"system": _URI, "value": url}}

    def copies_of(self, parts: Iterable[CopiedResource]) -> list[CopiedResource]:
        """Return each part once, with references that lead to another of them or to beyond the answer."""
        once = {copy.url: copy for copy in parts}
        ours = {id(copy.resource) for copy in self._copies.values()}
        return [
            CopiedResource(copy.url, self._with_references(copy.resource, once))
            if id(copy.resource) in ours
            else copy
            for copy in once.values()
        ]

    def _copy(self, entry: Json) -> CopiedResource | None:
        """Return a resource without narrative, whose links lead nowhere; None when it is not valid."""
        if id(entry) not in self._copies:
            resource = {key: value for key, value in entry["resource"].items() if key != "text"}
            if check(resource):
                return None
            self._copies[id(entry)] = CopiedResource(_absolute(entry), resource)
        return self._copies[id(entry)]

    def _with_references(self, node: Any, parts: dict[str, CopiedResource]) -> Any:
        if isinstance(node, list):
            return [self._with_references(item, parts) for item in node]
        if not isinstance(node, dict):
            return node
        led = {key: self._with_references(value, parts) for key, value in node.items()}
        literal = led.get("reference")
        if not isinstance(literal, str) or literal.startswith("#") or literal in parts:
            return led
        rest = {key: value for key, value in led.items() if key != "reference"}
        entry = self._led_to(literal)
        if entry is None:
            return led if literal.startswith("http") else {**self._unknown_reference(literal), **rest}
        copy = self._copies.get(id(entry))
        reference = {"reference": copy.url} if copy and copy.url in parts else self.beyond(entry)
        return {**reference, **rest}

    def _unknown_reference(self, literal: str) -> Json:
        """Return a Reference to what no entry is: an address of the sender's own says nothing elsewhere."""
        return {"identifier": {"system": _URI, "value": literal}} if ":" in literal else {"display": literal}

    def _led_to(self, literal: Any) -> Json | None:
        """Return the entry that a literal reference of the message leads to."""
        for entry in self._entries:
            resource: Json = entry["resource"]
            name = f"{resource.get('resourceType')}/{resource.get('id')}"
            if isinstance(literal, str) and literal in (entry.get("fullUrl"), name):
                return entry
        return None


def _absolute(entry: Json) -> str:
    """Return the URL of an entry, one of our making where it has none that is absolute."""
    url, id_ = entry.get("fullUrl"), entry["resource"].get("id")
    if isinstance(url, str) and url.startswith(("http://", "https://", "urn:")) and "/_history/" not in url:
        return url
    try:
        return f"urn:uuid:{UUID(id_)}"
    except (TypeError, ValueError, AttributeError):
        return f"urn:uuid:{uuid4()}"
