"""FHIR as it is sent: which resource it is, and whether its entries can be read."""

from collections.abc import Sequence
from typing import Any, Final

from service.errors import Issue, Malformed, Refused, TooLarge
from service.values.limits import InputLimits
from service.wire.json import parse

JSON: Final = ("application/fhir+json", "application/json", "application/json+fhir")


def sent_as(raw: bytes, limits: InputLimits, *types: str) -> Any:
    """Return what bytes say, a resource of one of the types.

    Raises:
        Malformed: they are no JSON, another resource, or a Bundle whose entries cannot be read.
        TooLarge: it is a Bundle of more entries than are taken at once.
        Refused: an entry's resource or request is none.
    """
    sent = parse(raw, limit=limits.content_bytes, depth=limits.depth)
    check_type(sent, types, "resourceType")
    if sent["resourceType"] == "Bundle":
        check_entries(sent, limits.entries)
    return sent


def check_type(sent: Any, types: Sequence[str], where: str) -> None:
    """Raise Malformed, naming a place, unless what was sent is a resource of one of the types."""
    type_ = sent.get("resourceType") if isinstance(sent, dict) else None
    if type_ not in types:
        wanted = " or ".join(
            f"{'an' if resource_type[0] in 'AEIOU' else 'a'} {resource_type}" for resource_type in types
        )
        raise Malformed(f"Send {wanted} here.", where=where)


def check_entries(bundle: dict[str, Any], most: int) -> None:
    """Raise Malformed, TooLarge or Refused over a Bundle whose entries cannot be read, or are over `most`."""
    entries = bundle.get("entry", [])
    if not (isinstance(entries, list) and all(isinstance(entry, dict) for entry in entries)):
        raise Malformed("A list of entries is wanted.", where="Bundle.entry")
    if len(entries) > most:
        raise TooLarge(f"The Bundle has over {most} entries; send it in parts.", where="Bundle.entry")
    _check_objects(entries)


def _check_objects(entries: list[dict[str, Any]]) -> None:
    """Raise Refused where an entry has something else for its resource or request than these are."""
    wrong = [
        Issue("An object is wanted.", f"Bundle.entry[{index}].{name}", "structure")
        for index, entry in enumerate(entries)
        for name in ("resource", "request")
        if not isinstance(entry.get(name, {}), dict)
    ]
    if wrong:
        raise Refused("An entry cannot be read.", issues=wrong)
