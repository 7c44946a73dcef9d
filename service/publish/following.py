"""The relay, begun again with the queues that are registered by then."""

import threading
import time
from collections.abc import Callable, Iterable
from typing import Final

import structlog

from service.publish.copies.coverage import Coverage
from service.publish.relay import BACKOFF, Relay
from service.supervision import Rest, supervise
from service.values.access.scope import Partner

LOOK_SECONDS: Final = 2.0

log = structlog.get_logger()


class FollowingRelay:
    """A relay for the partners of each moment; what was under way when they changed is sent again."""

    def __init__(
        self,
        make: Callable[[], Relay],
        registry: Iterable[Partner],
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Take what makes a relay for those who are registered then, and the registry, which may change."""
        self._make = make
        self._registry = registry
        self._clock = clock
        self._look_at = clock() + LOOK_SECONDS
        self._coverage = Coverage(registry)
        self._relay = make()

    def run(self, stop: threading.Event, rest: Rest | None = None) -> None:
        """Relay until told to stop; what fails is tried again, with longer and longer pauses.

        `rest` is as of `supervise`.
        """
        supervise("relay", self.turn, stop, BACKOFF, rest=rest)
        self._relay.close()

    def turn(self) -> float:
        """Do what can be done now; return how long there is nothing to do."""
        if self._clock() >= self._look_at:
            self._look_at = self._clock() + LOOK_SECONDS
            self._follow()
        return self._relay.turn()

    def _follow(self) -> None:
        coverage = Coverage(self._registry)
        if coverage.is_as(self._coverage):
            return
        self._relay.close()
        self._coverage, self._relay = coverage, self._make()
        log.info("relay_follows_registry", queues=len(coverage.queues))
