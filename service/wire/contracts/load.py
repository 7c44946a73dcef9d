"""Load an internal document against its contract; merge-patch (RFC 7396) one."""

from collections.abc import Iterator
from typing import Any

from marshmallow import ValidationError

from service.errors import Issue, Rejected, first_issues
from service.wire.contracts.documents.kinds import KINDS
from service.wire.contracts.links import items, links
from service.wire.contracts.quick import loading
from service.wire.contracts.wrong import wrong


def load(kind: str, document: Any) -> dict[str, Any]:
    """Return the validated document of a kind.

    Raises:
        Rejected: with one issue, its place a JSON pointer (RFC 6901), for each thing wrong.
    """
    loaded = parts(kind, document)
    check_links(kind, loaded, {})
    return loaded


def parts(kind: str, document: Any) -> dict[str, Any]:
    """Return the document of a kind, validated but for where its links lead.

    Raises:
        Rejected: with an issue, its place a JSON pointer (RFC 6901), for each of the first things wrong.
    """
    if not isinstance(document, dict):
        raise Rejected(f"A {kind} is a JSON object.", where="/")
    try:
        loaded: dict[str, Any] = loading(KINDS[kind])(document)
    except ValidationError as exc:
        # no name is given to what is not run to its end: a traceback would keep it until the collector comes
        issues = first_issues(Issue(what, where or "/") for where, what in wrong(KINDS[kind], document))
        raise Rejected(f"The {kind} does not fit its contract.", issues=issues) from exc
    if repeated := first_issues(_duplicates(loaded, "")):
        raise Rejected(f"Ids of the {kind} repeat.", issues=repeated)
    return loaded


def check_links(kind: str, document: dict[str, Any], received: dict[str, Any]) -> None:
    """Check that links into a document lead to parts of its own, or to parts that hospitals brought.

    Raises:
        Rejected: as `load`.
    """
    if issues := first_issues(_dangling_links(kind, document, received)):
        raise Rejected(f"Ids of the {kind} lead nowhere.", issues=issues)


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


def _duplicates(part: dict[str, Any], where: str) -> Iterator[Issue]:
    """Find local ids that occur twice in one list: their resources would be one."""
    for key, value in part.items():
        if isinstance(value, dict):
            yield from _duplicates(value, f"{where}/{key}")
        elif isinstance(value, list) and value and isinstance(value[0], dict):
            seen: dict[str, int] = {}
            for index, item in enumerate(value):
                first = seen.setdefault(item["id"], index) if "id" in item else index
                if first != index:
                    what = f"The same id as {where}/{key}/{first}."
                    yield Issue(what, f"{where}/{key}/{index}/id", "duplicate")
                yield from _duplicates(item, f"{where}/{key}/{index}")


def _dangling_links(kind: str, document: dict[str, Any], received: dict[str, Any]) -> Iterator[Issue]:
    """Find links into the document itself that name none of its parts, or one twice."""
    items_at: dict[str, dict[str, Any]] = {}
    seen: set[tuple[int, str]] = set()
    for link in links(kind, document):
        root, _, path = link.to.partition(".")
        if root != kind or not path:
            continue
        if path not in items_at:
            items_at[path] = items(received, path) | items(document, path)
        if link.id not in items_at[path]:
            yield Issue(f"Nothing in /{path.replace('.', '/')} has this id.", link.where, "not-found")
        if isinstance(link.part, list):
            if (id(link.part), link.id) in seen:
                yield Issue("Named twice.", link.where, "duplicate")
            seen.add((id(link.part), link.id))
