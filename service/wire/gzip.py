"""Content that is compressed with gzip: https://www.rfc-editor.org/rfc/rfc1952."""

import zlib
from dataclasses import dataclass
from typing import Final, Protocol

from service.errors import Malformed, TooLarge

# how it begins (section 2.3.1)
MAGIC: Final = b"\x1f\x8b"
MEMBERS: Final = 16
"""Of how many members it is at most: each is looked for behind the one before, at a cost."""
_WITH_HEADER: Final = 16 + zlib.MAX_WBITS
# 6 takes over twice as long over a page of JSON, for a sixth less
_LEVEL: Final = 4


class Readable(Protocol):
    """What bytes are read from."""

    def read(self, size: int = -1, /) -> bytes:
        """Return so many bytes at most, all without a number."""


def deflate(content: bytes) -> bytes:
    """Return what it is compressed: the same each time, for no time stands in it."""
    compressing = zlib.compressobj(_LEVEL, zlib.DEFLATED, _WITH_HEADER)
    return compressing.compress(content) + compressing.flush()


def inflate(raw: bytes, limit: int) -> bytes:
    """Return what was compressed; never is more of it in memory than `limit` and a byte.

    Raises:
        Malformed: it is no gzip, was cut off, or has over `MEMBERS` members.
        TooLarge: it comes to over `limit` bytes.
    """
    content = bytearray()
    for _ in range(MEMBERS):
        member = zlib.decompressobj(_WITH_HEADER)
        try:
            content += member.decompress(raw, limit + 1 - len(content))
        except zlib.error as exc:
            raise Malformed("It is not gzip; compress it anew.", where="Content-Encoding") from exc
        if len(content) > limit:
            raise TooLarge(f"It comes to over {limit} bytes; send it in parts.", where="Content-Encoding")
        if not member.eof:
            raise Malformed("The gzip was cut off; send it again.", where="Content-Encoding")
        raw = member.unused_data
        if not raw:
            return bytes(content)
    what = f"The gzip has over {MEMBERS} members; compress it as one."
    raise Malformed(what, where="Content-Encoding")


@dataclass(slots=True)
class Inflated:
    """What is compressed elsewhere, inflated when it is first read."""

    compressed: Readable
    limit: int
    content: bytes | None = None
    at: int = 0

    def read(self, size: int = -1) -> bytes:
        """Return so many bytes at most, all without a number; raises as `inflate`."""
        if self.content is None:
            self.content = inflate(self.compressed.read(), self.limit)
        start, self.at = self.at, len(self.content) if size < 0 else self.at + size
        return self.content[start : self.at]
