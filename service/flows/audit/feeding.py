"""The audit is sent on as it is sealed: each event to a repository of the operator's, at least once.

https://profiles.ihe.net/ITI/TF/Volume2/ITI-20.html · https://hl7.org/fhir/R4/http.html#create
"""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from threading import Event
from typing import Any, Final, Protocol

import structlog
from prometheus_client import Counter, Gauge

from service.errors import Unavailable
from service.supervision import supervise
from service.values.audit import RecordedEntry
from service.wire.json import dump

BATCH: Final = 200
AT_ONCE: Final = 8
"""How many events are under way at a time: each waits for its own answer."""
IDLE_SECONDS: Final = 5.0

LAG = Gauge(
    "casebridge_audit_feed_lag",
    "Sealed entries of the audit that the feed has not taken yet",
    multiprocess_mode="livesum",
)
EVENTS = Counter("casebridge_audit_feed_events_total", "AuditEvents sent to the feed by outcome", ["outcome"])

log = structlog.get_logger()

Placed = tuple[int, RecordedEntry]


class Sealed(Protocol):
    """As much of the audit as the feed needs."""

    def entries_after(self, position: int) -> Iterator[Placed]:
        """Give what is sealed above a position, each with its own."""

    def last_position(self) -> int:
        """Return the position of the last sealed row."""


class Progress(Protocol):
    """How far the feed has come."""

    def position(self) -> int:
        """Return the position of the last entry that was taken with all before it."""

    def advance(self, position: int) -> None:
        """Record another."""


class Lead(Protocol):
    """What one process at a time has."""

    def is_held(self) -> bool:
        """Tell whether it is still ours."""

    def close(self) -> None:
        """Give it up."""


class Events(Protocol):
    """What makes AuditEvents."""

    def of(self, entry: RecordedEntry) -> Iterator[tuple[str | None, dict[str, Any]]]:
        """Give the events of an entry."""


class Feeding:
    """The loop; several workers may run it, and one sends."""

    def __init__(
        self,
        sealed: Sealed,
        progress: Progress,
        lead: Callable[[], Lead | None],
        events: Events,
        post: Callable[[bytes], int],
    ) -> None:
        """Take what posts an event and returns the status, or raises Unavailable."""
        self._sealed, self._progress = sealed, progress
        self._take_lead = lead
        self._lead: Lead | None = None
        self._events = events
        self._post = post

    def run(self, stop: Event) -> None:
        """Send what is sealed until told to stop; what is not taken is sent again, later and later."""
        supervise("audit feed", self.turn, stop)
        self.close()

    def close(self) -> None:
        """Let another process send."""
        lead, self._lead = self._lead, None
        LAG.set(0)
        if lead is not None:
            lead.close()

    def turn(self) -> float:
        """Send the next entries; return how long there is nothing to do.

        Raises:
            Unavailable: one was not taken; those before it are done with, and those after it may come twice.
        """
        if self._lead is None or not self._lead.is_held():
            self._lead = self._take_lead()
        if self._lead is None:
            LAG.set(0)
            return IDLE_SECONDS
        position = self._progress.position()
        try:
            self._send(list(islice(self._sealed.entries_after(position), BATCH)))
        finally:
            lag = self._sealed.last_position() - self._progress.position()
            LAG.set(lag)
        return 0 if lag else IDLE_SECONDS

    def _send(self, entries: Sequence[Placed]) -> None:
        taken = None
        threads = ThreadPoolExecutor(AT_ONCE, "audit-feed")
        try:
            for taken in threads.map(self._send_all_of, entries):  # noqa: B007 - the last is looked at
                pass
        finally:
            # those that are not under way yet are not sent after one that was not taken
            threads.shutdown(cancel_futures=True)
            if taken is not None:
                self._progress.advance(taken)

    def _send_all_of(self, placed: Placed) -> int:
        """Send the events of an entry, and return its position."""
        position, entry = placed
        for _, event in self._events.of(entry):
            self._send_one(dump(event), position)
        return position

    def _send_one(self, event: bytes, position: int) -> None:
        try:
            status = self._post(event)
        except Unavailable:
            EVENTS.labels("unanswered").inc()
            raise
        if not 200 <= status < 300:
            EVENTS.labels("refused").inc()
            log.error("audit_feed_refused", status=status, position=position)
            raise Unavailable(f"The feed answered {status}.")
        EVENTS.labels("taken").inc()
