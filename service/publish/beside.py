"""The outbox beside the relay: rows are read ahead and marked behind while others are under way."""

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from typing import Final, ParamSpec, TypeVar

from service.publish.copies.preparing import Preparation
from service.publish.ports import Outbox
from service.values.kept.resources import NumberedMessage

P = ParamSpec("P")
T = TypeVar("T")
READ: Final = 1000
AGAIN_SECONDS: Final = 0.05
BEHIND: Final = 8


class Beside:
    """Two threads, one to number and read, one to mark, at the service of the relay's own."""

    def __init__(self, outbox: Outbox, prepare: Preparation, clock: Callable[[], float]) -> None:
        """Take the outbox, and what makes ready what is read of it; nothing is read yet."""
        self._outbox, self._prepare, self._clock = outbox, prepare, clock
        self._again_at = 0.0
        self._threads: ThreadPoolExecutor | None = None
        self._ahead: Future[list[NumberedMessage]] | None = None
        self._marks: list[Future[None]] = []

    def read(self, after: int, *, patient: bool) -> list[NumberedMessage]:
        """Return rows above a position if they have come, when they come if `patient`.

        When as many came as are read at a time, more are read behind them; else one not patient gets none
        for a while, for asking costs more than publishing. The next call names the position of the last row,
        unless `forget` came between.
        """
        if self._ahead is None:
            if not patient and self._clock() < self._again_at:
                return []
            self._ahead = self._do(self._number_and_read, after)
        if not patient and not self._ahead.done():
            return []
        rows = self._ahead.result()
        self._ahead = None
        if len(rows) < READ:
            self._again_at = self._clock() + AGAIN_SECONDS
        else:
            self._ahead = self._do(self._number_and_read, rows[-1].position)
        return rows

    def mark(self, positions: Sequence[int], state: str) -> None:
        """Have rows marked soon; raises what has kept earlier ones from being marked."""
        self._marks.append(self._do(self._outbox.mark, positions, state))
        self._settle(BEHIND)

    def owe(self, copies: Sequence[tuple[int, str]]) -> None:
        """Have copies recorded soon as owed; raises as `mark`."""
        self._marks.append(self._do(self._outbox.owe, copies))
        self._settle(BEHIND)

    def keep_last(self, last: Mapping[tuple[str, str], int]) -> None:
        """Have it recorded soon which messages queues got last; raises as `mark`."""
        self._marks.append(self._do(self._outbox.keep_last, last))
        self._settle(BEHIND)

    def settle(self) -> None:
        """Wait until all is marked."""
        self._settle(0)

    def forget(self) -> None:
        """Wait until all is marked, and drop what was read ahead."""
        self._settle(0)
        if self._ahead is not None:
            wait((self._ahead,))
        self._ahead = None

    def close(self) -> None:
        """Wait until all is marked, and end the threads; others begin when there is something to do."""
        threads, self._threads, self._ahead = self._threads, None, None
        if threads is not None:
            threads.shutdown()
        marks, self._marks = self._marks, []
        for mark in marks:
            mark.result()

    def _do(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        if self._threads is None:
            self._threads = ThreadPoolExecutor(2, "outbox")
        return self._threads.submit(work, *args, **kwargs)

    def _number_and_read(self, after: int) -> list[NumberedMessage]:
        return self._prepare.first(self._outbox.take(after, READ))

    def _settle(self, left: int) -> None:
        while len(self._marks) > left or (self._marks and self._marks[0].done()):
            self._marks.pop(0).result()
