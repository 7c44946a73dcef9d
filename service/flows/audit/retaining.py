"""Room is made for the audit ahead, and what is older than it has to be kept is let go, by the worker."""

from collections.abc import Iterator
from dataclasses import dataclass
from threading import Event
from typing import Final, Protocol

import structlog

from service.supervision import supervise

SECONDS: Final = 3_600.0

log = structlog.get_logger()


class Retention(Protocol):
    """As much of the audit as its retention needs."""

    def may_keep(self) -> bool:
        """Tell whether the role that this process runs under has what it takes."""

    def make_ahead(self) -> int:
        """Make room for this month and the next ones; return how many parts."""

    def let_go(self) -> Iterator[int]:
        """Let go what is older than it has to be kept, in steps; give how many rows each has deleted."""


@dataclass(frozen=True, slots=True)
class Retaining:
    """The loop; several workers may run it, each hour."""

    retention: Retention

    def run(self, stop: Event) -> None:
        """Keep it so until told to stop."""
        supervise("audit retention", lambda: self._turn(stop), stop)

    def _turn(self, stop: Event) -> float:
        if not self.retention.may_keep():
            # one that may only add to the audit
            log.info("audit_retention_left_to_its_owner")
            return SECONDS
        self.retention.make_ahead()
        for _ in self.retention.let_go():
            if stop.is_set():
                break
        return SECONDS
