"""The variant of a message that has the resource itself: made of the history for bindings that ask for it."""

from collections.abc import Iterable
from typing import Final

from service.publish.copies.coverage import Coverage
from service.publish.copies.readers import UNREADABLE, version_of
from service.publish.ports import Outbox
from service.values.kept.resources import NumberedMessage, VersionBody, VersionKey
from service.wire.json import dump, reread

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
            if coverage.wants_resource(row) and (key := version_of(row)) is not None:
                keys[row.position] = key
        except UNREADABLE:
            row = row._replace(flaw=FLAW)  # noqa: PLW2901
        messages.append(row)
    bodies = outbox.versions(tuple(keys.values())) if keys else {}
    return [
        _complete(row, bodies.get(keys[row.position])) if row.position in keys else row for row in messages
    ]


def _complete(row: NumberedMessage, version: VersionBody | None) -> NumberedMessage:
    if version is None:
        return row
    body = reread(row.body)
    try:
        full = dump({**body, "data": {**body["data"], "resource": reread(version.body)}})
        return row._replace(full=full, client=version.client)
    except UNREADABLE:
        return row._replace(flaw=FLAW)
