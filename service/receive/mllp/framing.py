"""Frames of the minimal lower layer protocol: VT, a message, FS, CR, in whatever pieces they arrive.

MLLP release 1: https://www.hl7.org/implement/standards/product_brief.cfm?product_id=55
"""

import re
from dataclasses import dataclass
from typing import Final

VT: Final = b"\x0b"
FS: Final = b"\x1c"
CR: Final = b"\r"
HEAD: Final = 4_096
_AGAIN: Final = VT + b"MSH"
_END: Final = re.compile(FS + rb"(?=[\r\n\x0b])")


@dataclass(frozen=True, slots=True)
class Frame:
    """What stood between VT and FS."""

    body: bytes


@dataclass(frozen=True, slots=True)
class Oversized:
    """A frame over the limit: how it begins. Nothing after it is read."""

    head: bytes


def frame_of(body: bytes) -> bytes:
    """Put a message into a frame."""
    return VT + body + FS + CR


class Framer:
    """Finds frames in a stream of bytes; it holds at most a frame's limit and what was fed last.

    The frame ends with FS and CR; with anything else after it, FS is a character. Some senders leave the CR
    out: a new frame, or a line feed, after FS ends the one before too, and so does `settle` when nothing came
    after FS. A VT inside a frame is a character, but before MSH it begins the frame anew: the sender gave the
    first one up.
    """

    def __init__(self, limit: int) -> None:
        """Take how many bytes a message may have."""
        self.garbage = 0
        """How many bytes stood outside of frames, line ends not counted."""
        self.inside = False
        """Whether a frame has begun and not ended."""
        self._limit = limit
        self._buffer = bytearray()
        self._searched = 0
        self._over = False

    @property
    def held(self) -> int:
        """How many bytes are kept of a frame that has not ended."""
        return len(self._buffer)

    @property
    def pending(self) -> bool:
        """Whether all that is missing is a byte after FS, which tells whether that ends the frame."""
        return self.inside and self._buffer.endswith(FS)

    def settle(self) -> list[Frame]:
        """Take a FS that nothing came after for the end, and return the frame."""
        return [self._cut(len(self._buffer) - 1)] if self.pending else []

    def feed(self, data: bytes) -> list[Frame | Oversized]:
        """Take the next bytes and return what is complete with them."""
        if self._over:
            return []
        self._buffer += data
        frames: list[Frame | Oversized] = []
        while self._is_inside() and (frame := self._end_frame()) is not None:
            frames.append(frame)
        return frames

    def _is_inside(self) -> bool:
        if not self.inside and self._buffer:
            at = self._buffer.find(VT)
            skipped = self._buffer[: at if at >= 0 else None]
            self.garbage += len(skipped.translate(None, b"\r\n"))
            del self._buffer[: len(skipped) + 1]
            self.inside = at >= 0
            self._searched = 0
        return self.inside

    def _end_frame(self) -> Frame | Oversized | None:
        end = _END.search(self._buffer, self._searched)
        self._searched = max(0, len(self._buffer) - 1)
        size = end.start() if end else len(self._buffer) - self.pending
        if size > self._limit:
            head = bytes(self._buffer[: min(HEAD, self._limit)])
            self._over = True
            self.inside = False
            self._buffer.clear()
            return Oversized(head)
        return self._cut(end.start()) if end else None

    def _cut(self, at: int) -> Frame:
        """Take what stands before the FS at a place."""
        body = bytes(self._buffer[:at])
        del self._buffer[: at + 1]
        self.inside = False
        begun = body.rfind(_AGAIN) + 1
        self.garbage += begun
        return Frame(body[begun:])
