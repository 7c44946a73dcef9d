"""The variant of a message that has the resource itself: made of the history for bindings that ask for it."""

from collections.abc import Iterable
from typing import Final

from service.publish.coverage import Coverage
from service.publish.ports import Outbox
from service.values.resources import NumberedMessage, VersionKey
from service.wire.json import dump, reread

# what it raises to read bytes that are no message, and to go through what they say
_UNREADABLE: Final = (AttributeError, LookupError, TypeError, ValueError)
FLAW: Final = "Its body, or that of the version it tells of, cannot be read to put the resource into it."


def with_resources(
    rows: Iterable[NumberedMessage], coverage: Coverage, outbox: Outbox
) -> list[NumberedMessage]:
    """Return messages, with the version they tell of where a binding asks for it and it may be shown.

    One that cannot be read says so in `flaw`, and keeps no other from its place.
    """
    messages: list[NumberedMessage] = []
    keys: dict[int, VersionKey] = {}
    for row in rows:
        try:
            if coverage.wants_resource(row) and (key := _version(row)) is not None:
                keys[row.position] = key
        except _UNREADABLE:
            row = row._replace(flaw=FLAW)  # noqa: PLW2901
        messages.append(row)
    bodies = outbox.versions(tuple(keys.values())) if keys else {}
    return [
        _complete(row, bodies.get(keys[row.position])) if row.position in keys else row for row in messages
    ]


def _version(row: NumberedMessage) -> VersionKey | None:
    """Return which version a message tells of; None where it tells of a case or an erasure."""
    data = reread(row.body).get("data", {})
    if "versionId" not in data:
        return None
    type_, id_ = data["reference"].split("/")
    return row.view, type_, id_, int(data["versionId"])


def _complete(row: NumberedMessage, resource: bytes | None) -> NumberedMessage:
    if resource is None:
        return row
    body = reread(row.body)
    try:
        return row._replace(full=dump({**body, "data": {**body["data"], "resource": reread(resource)}}))
    except _UNREADABLE:
        return row._replace(flaw=FLAW)
