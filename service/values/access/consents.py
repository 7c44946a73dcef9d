"""What a client denies, as policy hears it."""

from typing import Final, NamedTuple

ANYBODY: Final = ("", "")


class Refusal(NamedTuple):
    """To whom, as (system, value); for which purposes and of which labels, as bits, 0 for all; ISO dates."""

    system: str
    value: str
    purposes: int
    labels: int
    start: str
    end: str
