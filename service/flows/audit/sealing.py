"""The audit is sealed as it grows, by the worker."""

from dataclasses import dataclass
from threading import Event
from typing import Final, Protocol

from service.supervision import supervise

IDLE_SECONDS: Final = 5.0


class Seals(Protocol):
    """As much of the audit as sealing needs."""

    def seal(self) -> int:
        """Seal the next batch of committed rows; return how many those were."""


@dataclass(frozen=True, slots=True)
class Sealing:
    """The loop; several workers may run it."""

    seals: Seals

    def run(self, stop: Event) -> None:
        """Seal what is committed until told to stop."""
        supervise("audit", lambda: 0 if self.seals.seal() else IDLE_SECONDS, stop)
