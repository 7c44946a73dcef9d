"""Group commit: what threads ask for while a commit is under way is done by one of them, in the next.

The server's own saves writes to the disk; this one saves statements, round trips and transactions too.

https://www.postgresql.org/docs/current/runtime-config-wal.html#GUC-COMMIT-DELAY
"""

import threading
from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

T = TypeVar("T")


class _Turn(Generic[T]):
    """What a thread asks for, and what came of it; `group` is what it is to do, its own the first."""

    def __init__(self, item: T) -> None:
        """Take what is asked for."""
        self.item = item
        self.group: list[_Turn[T]] = []
        self.error: Exception | None = None
        self._over = threading.Lock()
        self._over.acquire()

    def wait(self) -> None:
        """Return when it is done, or when there is a group to do."""
        self._over.acquire()

    def wake(self) -> None:
        """Have the thread go on."""
        self._over.release()


class Together(Generic[T]):
    """Does things of many threads, one group after the other; nobody waits for others to come."""

    def __init__(self, commit: Callable[[Sequence[T]], Sequence[Exception | None]]) -> None:
        """Take what does several things, durably, and tells of each in turn why it is not done, or None."""
        self._commit = commit
        self._lock = threading.Lock()
        self._waiting: list[_Turn[T]] = []
        self._is_busy = False

    def do(self, item: T) -> None:
        """Do one thing, maybe with those of others; raises why it is not done."""
        mine = _Turn(item)
        with self._lock:
            if self._is_busy:
                self._waiting.append(mine)
            else:
                self._is_busy, mine.group = True, [mine]
        if not mine.group:
            mine.wait()
        if mine.group:
            self._lead(mine.group)
        if mine.error is not None:
            raise mine.error

    def _lead(self, group: list[_Turn[T]]) -> None:
        """Do what is asked for in a group, this thread's own among it."""
        try:
            errors = self._commit([turn.item for turn in group])
        except Exception as exc:  # noqa: BLE001 - each of them is told
            errors = [exc] * len(group)
        self._hand_over()
        for turn, error in zip(group, errors, strict=True):
            turn.error = error
        for turn in group[1:]:
            turn.wake()

    def _hand_over(self) -> None:
        """Have the first of those who have come meanwhile do it for all of them."""
        with self._lock:
            group, self._waiting = self._waiting, []
            self._is_busy = bool(group)
        if group:
            group[0].group = group
            group[0].wake()
