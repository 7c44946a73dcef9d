"""What was sent to have members matched is forgotten when its time is over, by the worker."""

from dataclasses import dataclass
from datetime import timedelta
from threading import Event
from typing import Final

from service.flows.ports import Clock
from service.flows.ports.matches import MatchesPort
from service.supervision import supervise

SECONDS: Final = 600.0


@dataclass(frozen=True, slots=True)
class Forgetting:
    """The loop; several workers may run it. A match is there for so many `hours`."""

    matches: MatchesPort
    clock: Clock
    hours: int

    def run(self, stop: Event) -> None:
        """Forget what is past until told to stop."""
        supervise("forgetting of matches", self.turn, stop)

    def turn(self) -> float:
        """Forget what is past; return for how many seconds there is nothing more to do."""
        self.matches.end_past(self.clock() - timedelta(hours=self.hours))
        return SECONDS
