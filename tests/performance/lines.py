"""The lines of the report: what was measured, its budget, and whether it holds."""

import math
import statistics
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

Entry = dict[str, object]
T = TypeVar("T")


def at_least(name: str, value: float, unit: str, budget: float, detail: str) -> Entry:
    """A line whose value must reach its budget."""
    return _entry(name, value, unit, budget, value >= budget, detail)


def at_most(name: str, value: float, unit: str, budget: float, detail: str) -> Entry:
    """A line whose value must not pass its budget."""
    return _entry(name, value, unit, budget, value <= budget, detail)


def _entry(name: str, value: float, unit: str, budget: float, holds: bool, detail: str) -> Entry:
    return {"name": name, "value": value, "unit": unit, "budget": budget, "holds": holds, "detail": detail}


class Allowance:
    """Until when a bench may begin another round; `cut` says which rounds that kept from being."""

    def __init__(self) -> None:
        self.until = math.inf
        self.cut: list[str] = []

    def give(self, seconds: float) -> None:
        """Allow so many seconds from now on."""
        self.until, self.cut = time.monotonic() + seconds, []

    def is_over(self, what: str) -> bool:
        """Whether time is over; what would go on is noted."""
        is_over = time.monotonic() > self.until
        self.cut += [what] if is_over else []
        return is_over


ALLOWANCE = Allowance()


def turns(what: str, count: int) -> Iterator[int]:
    """Number the rounds: 0 warms up, then as many as are wanted or there is time for, but one at least."""
    for number in range(count + 1):
        if number > 1 and ALLOWANCE.is_over(f"{what} after {number - 1} of {count} rounds"):
            return
        yield number
        if number:
            tell(f"{what}: round {number} of {count}")


def rounds(what: str, count: int, *sides: Callable[[], T]) -> list[list[T]]:
    """Measure each side once a round, in turn; return what each found. One round before them warms up."""
    measured: list[list[T]] = [[] for _ in sides]
    for _ in turns(what, count):
        for side, numbers in zip(sides, measured, strict=True):
            numbers.append(side())
    return [numbers[1:] for numbers in measured]


def ratios(over: Sequence[float], under: Sequence[float]) -> list[float]:
    """Divide round by round, so that what disturbed one round stays in it."""
    return [one / other for one, other in zip(over, under, strict=True)]


def median(numbers: Sequence[float]) -> float:
    """The median to three digits."""
    return float(f"{statistics.median(numbers):.3g}")


def spread(numbers: Sequence[float]) -> str:
    """The median with its lowest and highest."""
    return f"{statistics.median(numbers):.4g} ({min(numbers):.4g} to {max(numbers):.4g})"


def tell(what: str) -> None:
    """Say how far it is; the report alone goes to standard output."""
    print(what, file=sys.stderr, flush=True)
