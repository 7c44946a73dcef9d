"""One loop for all threads of a worker: it goes on after whatever fails, with longer and longer pauses."""

import random
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import structlog
from prometheus_client import Counter

from service.errors import CasebridgeError

FAILURES: Final = Counter(
    "casebridge_worker_failures",
    "Times that the work of a thread failed and was begun again",
    ["work", "kind"],
)

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Backoff:
    """How long to wait after a failure: `first` seconds, then twice as long each time, `longest` at most."""

    first: float
    longest: float

    def after(self, failures: int) -> float:
        """Return the seconds to wait after so many failures in a row, counted from 0."""
        return min(self.first * 2.0 ** min(failures, 20), self.longest)

    def spread(self, failures: int) -> float:
        """Return as `after`, or up to half as long: not all that failed together come back together."""
        return self.after(failures) * random.uniform(0.5, 1)  # noqa: S311 - jitter, no secret


RESTING: Final = Backoff(0.25, 30.0)
Rest = Callable[[float], object]


class Bell:
    """Ends a pause for want of work; one that is longer than these has another reason, and lasts."""

    def __init__(self, stop: threading.Event, longest: float) -> None:
        """Take what ends every longer pause, and the seconds of the longest that a ring ends."""
        self._stop = stop
        self._longest = longest
        self._rung = threading.Event()

    def ring(self) -> None:
        """End the pause, or the next one."""
        self._rung.set()

    def rest(self, seconds: float) -> None:
        """Wait so long at most."""
        if seconds > self._longest:
            self._stop.wait(seconds)
        elif self._rung.wait(seconds):
            self._rung.clear()


def supervise(
    work: str,
    turn: Callable[[], float],
    stop: threading.Event,
    backoff: Backoff = RESTING,
    clock: Callable[[], float] = time.monotonic,
    rest: Rest | None = None,
) -> None:
    """Do a piece of work again and again until told to stop.

    Args:
        work: what it is called in log and metric.
        turn: does what can be done now and returns for how many seconds there is nothing more to do.
        stop: ends the loop, and every pause.
        backoff: how long to wait after failures in a row.
        clock: seconds that only go forwards.
        rest: waits for so many seconds, or until there is something to do; without it, or until `stop`.

    Whatever a turn raises is logged without its values and counted, and the next turn comes after a pause. A
    turn that ran for longer than the longest pause before it failed begins a new row of failures.
    """
    failures = 0
    while not stop.is_set():
        began = clock()
        try:
            pause = turn()
            failures = 0
        except Exception as exc:  # noqa: BLE001 - a thread that ended would stop its work without a word
            failures = 0 if clock() - began > backoff.longest else failures
            pause = backoff.after(failures)
            failures += 1
            _tell(work, exc, pause)
        if pause:
            (rest or stop.wait)(pause)


def _tell(work: str, error: Exception, pause: float) -> None:
    """Log and count a failure; of an unforeseen one the place in the code is told, for its text may quote."""
    kind = type(error.__cause__ or error).__name__
    FAILURES.labels(work, kind).inc()
    if isinstance(error, CasebridgeError):
        log.warning("work_interrupted", work=work, kind=kind, pause=pause)
    else:
        log.error("work_failed", work=work, kind=kind, at=_place_of(error), pause=pause)


def _place_of(error: Exception) -> str:
    """Return the file and line that raised an error."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    return f"{Path(trace.tb_frame.f_code.co_filename).name}:{trace.tb_lineno}" if trace is not None else ""
