"""The verdict on a fact."""

from dataclasses import dataclass

from tests.real.reading.fact import Fact


@dataclass(frozen=True, slots=True)
class Seen:
    """A fact of a file and its verdict.

    `found`: it is there, or rightly is not; `told`: the answer names its place; `missing`: neither;
    `there`: it must not be; `invented`: it is served and nobody sent it.
    """

    file: str
    fact: Fact
    verdict: str
