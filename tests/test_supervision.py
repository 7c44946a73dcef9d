"""The loop of workers' threads: what it does when work fails, and what it says of it."""

import threading

import pytest
from structlog.testing import capture_logs

from service.errors import Unavailable
from service.supervision import FAILURES, Backoff, Bell, supervise

GROWING = Backoff(1, 8)


class Stop(threading.Event):
    """Keeps how long the loop would have waited, and never waits."""

    def __init__(self) -> None:
        super().__init__()
        self.pauses: list[float] = []

    def wait(self, timeout: float | None = None) -> bool:
        """Return at once."""
        self.pauses.append(timeout)
        return self.is_set()


def supervised(*turns, clock=lambda: 0.0, backoff=GROWING) -> Stop:
    """Run the turns, each an error to raise or seconds to return; then stop."""
    stop, left = Stop(), list(turns)

    def turn() -> float:
        outcome = left.pop(0)
        if not left:
            stop.set()
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    supervise("testing", turn, stop, backoff, clock)
    assert not left
    return stop


@pytest.mark.parametrize("error", [Unavailable("away"), ZeroDivisionError(), KeyError("River")])
def test_work_goes_on_after_whatever_it_raises(error):
    before = FAILURES.labels("testing", type(error).__name__)._value.get()
    assert supervised(error, 0, 0).pauses == [1]
    assert FAILURES.labels("testing", type(error).__name__)._value.get() == before + 1


def test_pauses_grow_while_it_fails_and_begin_anew_once_it_works():
    failed = Unavailable("away")
    assert supervised(*[failed] * 6, 0.5, failed, 0).pauses == [1, 2, 4, 8, 8, 8, 0.5, 1]


def test_work_that_ran_for_long_before_it_failed_begins_a_new_row_of_failures():
    times = iter([0, 1, 1, 2, 2, 60, 60, 60])
    failed = Unavailable("away")
    assert supervised(failed, failed, failed, 0, clock=lambda: next(times)).pauses == [1, 2, 1]


def test_an_unforeseen_error_is_told_with_its_place_and_without_its_text():
    with capture_logs() as logs:
        supervised(KeyError("River"), Unavailable("River is away"), 0)
    unforeseen, known = logs
    assert unforeseen["log_level"] == "error"
    assert unforeseen["at"].startswith("test_supervision.py:")
    assert known["log_level"] == "warning"
    assert "River" not in str(logs)


def test_pauses_that_are_spread_are_between_half_and_all_of_the_pause():
    backoff = Backoff(2, 3600)
    for failures in range(30):
        pauses = [backoff.spread(failures) for _ in range(50)]
        assert backoff.after(failures) / 2 <= min(pauses) <= max(pauses) <= backoff.after(failures)
        assert len(set(pauses)) > 1


def test_a_ring_ends_a_pause_for_want_of_work_and_is_not_lost():
    stop, turns = threading.Event(), []
    bell = Bell(stop, longest=300.0)
    # it rings while there is work, or before the pause begins
    bell.ring()

    def turn() -> float:
        turns.append(1)
        if len(turns) == 2:
            threading.Timer(0.05, bell.ring).start()
        if len(turns) == 3:
            stop.set()
        return 300.0 if len(turns) < 3 else 0

    supervise("testing", turn, stop, rest=bell.rest)
    assert len(turns) == 3


def test_a_ring_does_not_end_a_pause_after_a_failure():
    stop = Stop()
    bell = Bell(stop, longest=0.1)
    bell.ring()
    bell.rest(5.0)
    assert stop.pauses == [5.0]
