"""Depth limits: a queue past its limit is held, and let go once it is drained to half of it.

What comes meanwhile is owed to it, so it catches up in order and without a gap. First it is flagged in the
database, then unbound; when it is let go the flag is taken off first, and who catches up binds it. Who leads
next, or comes back to a broker that was away in between, finds the flag and unbinds. Where it is unbound and
not flagged, as by a leader that slept, copies come back, and it is bound again.
"""

from collections.abc import Callable, Mapping
from typing import Final

import structlog
from prometheus_client import Counter, Gauge

from service.publish.ports import Broker, Outbox

LOOK_SECONDS: Final = 0.5

REFUSALS = Counter(
    "casebridge_queue_refusals_total", "Times a registered queue did not take a message", ["queue", "why"]
)
HELD = Gauge(
    "casebridge_queue_held",
    "1 while a registered queue is past its depth limit and unbound",
    ["queue"],
    multiprocess_mode="livesum",
)

log = structlog.get_logger()


class Limits:
    """What is in the queues that have a depth limit, as far as it was counted, and which of them are held."""

    def __init__(
        self, limits: Mapping[str, int], outbox: Outbox, broker: Broker, clock: Callable[[], float]
    ) -> None:
        """Take the limit of each queue that has one."""
        self._limits, self._outbox, self._broker, self._clock = limits, outbox, broker, clock
        self.held: set[str] = set()
        # how many more may be put in before it is counted again; at first nobody knows what is in
        self._room = dict.fromkeys(limits, 0)
        self._look_at = 0.0

    def begin(self) -> None:
        """Find out which queues are held, for another may have led before; all others are counted soon."""
        self.held = set(self._outbox.held())
        self._broker.hold(self.held)
        self._room = dict.fromkeys(self._limits, 0)
        self._show()

    def note(self, queue: str) -> None:
        """Take note that a message was put into a queue."""
        if queue in self._room:
            self._room[queue] -= 1

    def hold(self) -> list[str]:
        """Count what may be past its limit, and hold what is; return these queues. Raises Unavailable."""
        due = [queue for queue, room in self._room.items() if room <= 0 and queue not in self.held]
        if not due:
            return []
        past = []
        for queue, depth in self._broker.depths(due).items():
            limit, waiting = self._limits[queue], depth or 0
            # near its limit it is not counted for each message
            self._room[queue] = max(limit - waiting, limit // 10, 1)
            if waiting >= limit:
                self._outbox.hold(queue, waiting)
                REFUSALS.labels(queue, "full").inc()
                log.error("queue_held", queue=queue, depth=waiting, limit=limit)
                past.append(queue)
        self.held.update(past)
        if past:
            self._broker.hold(self.held)
            self._show()
        return past

    def let_go(self) -> list[str]:
        """Let go what is drained, was deleted or has no limit any more; return these. Raises as `hold`."""
        if not self.held or self._clock() < self._look_at:
            return []
        self._look_at = self._clock() + LOOK_SECONDS
        drained = [
            queue
            for queue, depth in self._broker.depths(self.held).items()
            if queue not in self._limits or (depth or 0) <= self._limits[queue] // 2
        ]
        for queue in drained:
            self._outbox.let_go(queue)
            log.info("queue_let_go", queue=queue)
        self.held.difference_update(drained)
        self._room |= {queue: 0 for queue in drained if queue in self._limits}
        if drained:
            self._broker.hold(self.held)
            self._show()
        return drained

    def end(self) -> None:
        """Show of no queue that it is held: another leads by now."""
        self.held = set()
        self._show()

    def _show(self) -> None:
        for queue in self._limits.keys() | self.held:
            HELD.labels(queue).set(queue in self.held)
