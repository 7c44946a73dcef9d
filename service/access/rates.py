"""How often a name may ask, counted by all processes that share a memory.

The generic cell rate algorithm: of each name one number is kept, the instant at which all that it has asked
would have come at its rate. https://en.wikipedia.org/wiki/Generic_cell_rate_algorithm
"""

import mmap
import os
from hashlib import blake2b
from pathlib import Path
from typing import Final

SLOTS: Final = 1 << 20
"""Names are spread over so many places; two that share one share its rate, about once in a million pairs."""
_SIZE: Final = 8 * SLOTS


class Slots:
    """A number for each name: in a file that processes share, or in this process alone."""

    def __init__(self, path: Path | None = None) -> None:
        """Take the file, which is made where it is not there.

        Nobody waits for a lock, which a process that is killed would keep: of two that count at the same
        time one may go uncounted.
        """
        self._instants = memoryview(_memory(path)).cast("d")
        # a name that nobody outside knows, so that nobody can choose who shares a place
        self._key = str(path).encode()[-64:] if path is not None else os.urandom(16)

    def __getitem__(self, name: str) -> float:
        """Return the number of a name."""
        return self._instants[self._place(name)]

    def __setitem__(self, name: str, instant: float) -> None:
        """Keep the number of a name."""
        self._instants[self._place(name)] = instant

    def _place(self, name: str) -> int:
        digest = blake2b(name.encode("utf-8", "replace"), digest_size=4, key=self._key).digest()
        return int.from_bytes(digest, "little") % SLOTS


def _memory(path: Path | None) -> mmap.mmap:
    """Return zeros, of which only what is written to takes room."""
    if path is None:
        return mmap.mmap(-1, _SIZE)
    handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        os.ftruncate(handle, _SIZE)
        return mmap.mmap(handle, _SIZE)
    finally:
        os.close(handle)


class Rate:
    """So many a second, and `burst` seconds' worth at once; with 0 a second there is no end of them."""

    def __init__(self, slots: Slots, kind: str, per_second: int, burst: float = 2.0) -> None:
        """Take where numbers are kept, and what tells these names from others."""
        self._slots = slots
        self._kind = kind
        self._interval = 1 / per_second if per_second else 0.0
        self._burst = burst

    def wait(self, name: str, now: float) -> float:
        """Count one of a name; return 0 when it may go on, else in how many seconds one may, uncounted."""
        if not self._interval:
            return 0.0
        key = f"{self._kind}:{name}"
        counted = max(self._slots[key], now) + self._interval
        over = counted - now - self._burst
        if over > 1e-9:
            return over
        self._slots[key] = counted
        return 0.0
