"""Finds a value in the bytes of a message that could not be parsed, in any format and character set."""

import json
import re
from collections.abc import Collection
from contextlib import suppress
from typing import Final
from urllib.parse import quote

from service.wire.hl7v2.er7.delimiters import DEFAULT
from service.wire.hl7v2.er7.escapes import encode

SHORTEST: Final = 5
"""Of characters: a shorter number stands in a date, a room or a code as well."""
_CHARSETS: Final = ("utf-8", "latin-1", "utf-16-le", "utf-16-be")


def spellings(values: Collection[str]) -> list[bytes]:
    """Return how messages may spell values: in each character set, escaped by JSON, HL7 v2 or in an address.

    Values that are too short to be told from other words are left out.
    """
    spelt: set[bytes] = set()
    for value in values:
        if len(value) < SHORTEST:
            continue
        escaped = json.dumps(value)[1:-1]
        texts = {value, escaped, escaped.replace("/", "\\/"), encode(value, DEFAULT), quote(value, safe="")}
        for charset in _CHARSETS:
            with suppress(UnicodeEncodeError):
                spelt |= {text.encode(charset) for text in texts}
    return sorted(spelt)


def names(raw: bytes, spelt: Collection[bytes]) -> bool:
    """Return whether bytes hold one of these spellings as a whole word, not within a longer number."""
    return any(
        re.search(rb"(?<![0-9A-Za-z_-])%b(?![0-9A-Za-z_-])" % re.escape(spelling), raw) for spelling in spelt
    )
