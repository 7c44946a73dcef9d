"""Entity tags as they come in: https://www.rfc-editor.org/rfc/rfc9110#section-13.1.1."""

import re
from collections.abc import Container
from typing import Final

from service.errors import Malformed, Stale

# a version, and perhaps the language that it was told in
_TAG: Final = re.compile(r"([0-9]{1,9})(-[A-Za-z][A-Za-z0-9-]*)?\Z")


def versions(header: str, where: str) -> Container[int]:
    """Return the versions that an If-Match names, `*` every one.

    The tag of a version told in another language names no version: it is not what is stored.

    Raises:
        Malformed: they are not ours.
        Stale: all of them are of translations.
    """
    if header.strip() == "*":
        return range(1, 10**9)
    tags = [_TAG.match(tag.strip().removeprefix("W/").strip('"')) for tag in header.split(",")]
    matches = [match for match in tags if match is not None]
    if len(matches) < len(tags):
        raise Malformed('Send If-Match as you got the ETag, e.g. W/"3".', where=where)
    stored = frozenset(int(match[1]) for match in matches if match[2] is None)
    if not stored:
        remedy = "GET the resource without Accept-Language, make your change in that, and send its ETag."
        raise Stale(f"This is the ETag of a translation. {remedy}", where=where)
    return stored
