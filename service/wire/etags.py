"""Entity tags as they come in: https://www.rfc-editor.org/rfc/rfc9110#section-13.1.1."""

import re
from collections.abc import Container
from typing import Final

from service.errors import Malformed, Precondition, Stale

# what If-None-Match: * comes to: what is put may be there in no version yet
ABSENT: Final = frozenset({0})
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


def expected(if_match: str | None, if_none_match: str | None) -> Container[int] | None:
    """Return the revisions that the conditions of a PUT name; `If-None-Match: *` wants none to be there yet.

    RFC 9110 section 13.1.2 knows entity tags there too: no document here has use for a PUT unless it changed.
    Raises as `versions`.
    """
    if if_none_match is None:
        return versions(if_match, "If-Match") if if_match is not None else None
    if if_none_match.strip() != "*" or if_match is not None:
        raise Malformed("Send If-None-Match: * to create, or If-Match to replace.", where="If-None-Match")
    return ABSENT


def check_if_match(named: Container[int] | None, version: int | None, what: str) -> None:
    """Check the versions that a request names (None: it names none) against the one that is there, if any.

    https://www.rfc-editor.org/rfc/rfc6585#section-3

    Raises:
        Precondition: nothing is named, and something is there.
        Stale: another version is there, or none.
    """
    if named is None:
        if version is not None:
            raise Precondition(f"The {what} exists: send If-Match with the ETag you last saw.")
    elif version is None:
        if 0 not in named:
            raise Stale(f"If-Match names a version, but there is no such {what} yet.")
    elif version not in named:
        raise Stale(f"The {what} is at version {version} now: GET it, make your change in it, and try again.")
