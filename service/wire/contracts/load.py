"""Load an internal document against its contract; merge-patch (RFC 7396) one."""

from collections.abc import Iterator
from typing import Any, Final

from marshmallow import ValidationError

from service.errors import Issue, Rejected
from service.wire.contracts.case import Case
from service.wire.contracts.client import Client
from service.wire.contracts.directory import Location, Organization, Practitioner
from service.wire.contracts.fields import Contract

KINDS: Final[dict[str, type[Contract]]] = {
    "client": Client,
    "case": Case,
    "practitioner": Practitioner,
    "organization": Organization,
    "location": Location,
}
_LOADED: Final = {kind: contract() for kind, contract in KINDS.items()}


def load(kind: str, document: Any) -> dict[str, Any]:
    """Return the validated document of a kind.

    Raises:
        Rejected: with one issue, its place a JSON pointer (RFC 6901), for each thing wrong.
    """
    if not isinstance(document, dict):
        raise Rejected(f"A {kind} is a JSON object.", where="/")
    try:
        loaded: dict[str, Any] = _LOADED[kind].load(document)
    except ValidationError as exc:
        issues = [Issue(what, where or "/") for where, what in _flatten(exc.messages, "")]
        raise Rejected(f"The {kind} does not fit its contract.", issues=issues) from exc
    issues = list(_duplicates(loaded, ""))
    if issues:
        raise Rejected("Ids repeat.", issues=issues)
    return loaded


def merge(stored: Any, patch: Any) -> Any:
    """Return `stored` with the JSON merge patch applied (RFC 7396 section 2); neither is changed."""
    if not isinstance(patch, dict):
        return patch
    result = dict(stored) if isinstance(stored, dict) else {}
    for key, value in patch.items():
        if value is None:
            result.pop(key, None)
        else:
            result[key] = merge(result.get(key), value)
    return result


def _flatten(messages: Any, where: str) -> Iterator[tuple[str, str]]:
    """Give each of marshmallow's nested messages with its JSON pointer."""
    if isinstance(messages, dict):
        for key, below in messages.items():
            place = where if key == "_schema" else f"{where}/{_escape(str(key))}"
            yield from _flatten(below, place)
    elif isinstance(messages, list):
        for message in messages:
            yield from _flatten(message, where)
    else:
        yield where, str(messages)


def _escape(key: str) -> str:
    return key[:64].replace("~", "~0").replace("/", "~1")


def _duplicates(node: Any, where: str) -> Iterator[Issue]:
    """Find local ids that occur twice in one list: their resources would be one."""
    if isinstance(node, dict):
        for key, value in node.items():
            yield from _duplicates(value, f"{where}/{key}")
    elif isinstance(node, list):
        seen: dict[str, str] = {}
        for index, item in enumerate(node):
            place = f"{where}/{index}"
            if isinstance(item, dict) and "id" in item:
                if item["id"] in seen:
                    yield Issue(f"The same id as {seen[item['id']]}.", f"{place}/id", "duplicate")
                seen.setdefault(item["id"], place)
            yield from _duplicates(item, place)
