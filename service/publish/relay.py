"""The relay: the leader numbers the outbox and publishes it, in order per owner, at least once."""

import threading
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Final

import structlog
from prometheus_client import Counter, Gauge

from service.publish.beside import Beside
from service.publish.coverage import Coverage, Expected
from service.publish.lanes import Lanes
from service.publish.ports import Copy, Lead, Misfit, Outbox, Outcome, Publisher, Refused
from service.publish.topology import exchanges
from service.values.resources import Numbered
from service.values.scope import Partner

WINDOW: Final = 500
BATCH: Final = 1000
IDLE_SECONDS: Final = 0.1
STANDBY_SECONDS: Final = 1.0
LOOK_SECONDS: Final = 5.0
LONGEST_PAUSE: Final = 5.0

MESSAGES = Counter("casebridge_relay_messages_total", "Outbox messages by what became of them", ["outcome"])
ALARM = Counter("casebridge_relay_unroutable_total", "Messages that a registered binding should have taken")
BACKLOG = Gauge("casebridge_relay_backlog", "Outbox messages still to publish")
LEADING = Gauge("casebridge_relay_leading", "1 while this process relays")

log = structlog.get_logger()


@dataclass(slots=True)
class _Flight:
    """A row under way: its copies not yet decided, and what was decided of the others."""

    row: Numbered
    left: int = 0
    nacked: bool = False
    routed: bool = False
    missing: bool = False


class Relay:
    """One thread's work, another beside it at the outbox. Whoever leads publishes; the others stand by."""

    def __init__(
        self,
        outbox: Outbox,
        connect: Callable[[], Publisher],
        registry: Iterable[Partner],
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Take the outbox, a way to a broker whose topology is declared, the registry."""
        self._outbox = outbox
        self._connect = connect
        self._coverage = Coverage(registry)
        self._clock = clock
        self._lead: Lead | None = None
        self._publisher: Publisher | None = None
        self._beside = Beside(outbox)
        self._lanes = Lanes()
        self._flights: dict[int, tuple[_Flight, str]] = {}
        self._open = 0
        self._look_at = 0.0
        self._suspects: set[int] = set()
        self._done: dict[str, list[int]] = {"published": [], "unrouted": []}

    def run(self, stop: threading.Event) -> None:
        """Relay until told to stop; what fails is tried again, with longer and longer pauses."""
        failures = 0
        while not stop.is_set():
            try:
                pause = self._turn()
                failures = 0
            except Exception as exc:  # noqa: BLE001 - neither the broker's nor the database's fall may end the loop
                pause = min(0.1 * 2 ** min(failures, 20), LONGEST_PAUSE)
                failures += 1
                log.warning("relay_interrupted", kind=type(exc).__name__, pause=pause)
                self.close()
            if pause:
                stop.wait(pause)
        self.close()

    def run_once(self) -> None:
        """Publish all that is pending and may go now."""
        while not self._turn():
            pass

    def close(self) -> None:
        """Hang up and give leadership up; what was not marked will be sent again, with the same id."""
        publisher, self._publisher = self._publisher, None
        lead, self._lead = self._lead, None
        LEADING.set(0)
        held = [each.close for each in (publisher, lead) if each is not None]
        for ending in (self._flush, self._beside.close, *held):
            try:
                ending()
            except Exception as exc:  # noqa: BLE001 - it is being given up because it is broken
                log.info("relay_close_failed", kind=type(exc).__name__)
        self._done = {"published": [], "unrouted": []}

    def _turn(self) -> float:
        """Do what can be done now; return how long there is nothing to do."""
        if self._lead is None or not self._lead.held():
            self.close()
            self._lead = self._outbox.lead()
        if self._lead is None:
            return STANDBY_SECONDS
        publisher = self._publisher or self._begin()
        if self._clock() >= self._look_at:
            self._look()
        try:
            self._exchange(publisher)
        except Refused:
            self._suspect()
            return 0
        if sum(map(len, self._done.values())) >= BATCH or not self._open:
            self._flush()
        if self._open or self._lanes.waiting:
            return 0
        if self._lanes.due(self._clock()) or self._fill():
            return 0
        self._beside.forget()
        self._suspects.clear()
        return IDLE_SECONDS

    def _look(self) -> None:
        """Count what is left to do, and see which owners an operator has released."""
        self._look_at = self._clock() + LOOK_SECONDS
        BACKLOG.set(self._outbox.backlog())
        self._lanes.keep_parked(self._stopped(), self._clock())

    def _stopped(self) -> dict[str, int]:
        """Return the owners that a parked row stops, with the first such row's position."""
        return {each.owner: each.position for each in reversed(self._outbox.parked())}

    def _begin(self) -> Publisher:
        self._publisher = self._connect()
        LEADING.set(1)
        self._flights.clear()
        self._open = 0
        self._beside.forget()
        self._lanes = Lanes(self._stopped())
        return self._publisher

    def _exchange(self, publisher: Publisher) -> None:
        """Send what the window allows, take what the broker has decided."""
        if self._lanes.due(self._clock()):
            if not self._open:
                self._flush()
                self._beside.forget()
                self._lanes.rewind(self._clock())
        else:
            if self._lanes.waiting < WINDOW:
                self._fill()
            self._send(publisher)
        for tag, outcome in publisher.settle(0.05 if self._open else 0):
            self._decide(tag, outcome)

    def _fill(self) -> int:
        # with messages under way there is something else to do than to wait
        rows = self._beside.read(self._lanes.cursor, patient=not self._open)
        self._lanes.add(rows)
        return len(rows)

    def _send(self, publisher: Publisher) -> None:
        # after a refusal one at a time, so that the next refusal tells whose it is
        window = 1 if self._suspects else WINDOW
        while self._open < window and (row := self._lanes.take()) is not None:
            if not self._coverage.knows(row.message.view):
                self._done["unrouted"].append(row.position)
                self._lanes.done(row)
                continue
            flight = _Flight(row)
            try:
                for copy in self._copies(row):
                    self._flights[publisher.send(copy)] = (flight, copy.exchange)
                    flight.left += 1
            except Misfit as exc:
                self._park(row, str(exc))
            else:
                self._open += 1

    def _copies(self, row: Numbered) -> Sequence[Copy]:
        message = row.message
        plain, full = exchanges(message.view)
        copy = Copy(plain, message.routing_key, message.id, message.body)
        if not self._coverage.of(message.view, message.routing_key).full:
            return (copy,)
        # who asked for the resource gets a message that never has one, too
        return copy, Copy(full, message.routing_key, message.id, message.full or message.body)

    def _decide(self, tag: int, outcome: Outcome) -> None:
        flight, exchange = self._flights.pop(tag)
        flight.left -= 1
        if outcome == "routed":
            flight.routed = True
        elif outcome == "nacked":
            flight.nacked = True
        else:
            message = flight.row.message
            expected: Expected = self._coverage.of(message.view, message.routing_key)
            of_plain = exchange == exchanges(message.view)[0]
            flight.missing |= expected.plain if of_plain else expected.full
        if not flight.left:
            self._open -= 1
            self._settle(flight)

    def _settle(self, flight: _Flight) -> None:
        row = flight.row
        self._suspects.discard(row.position)
        if not flight.nacked and not flight.missing:
            self._done["published" if flight.routed else "unrouted"].append(row.position)
            self._lanes.done(row)
            return
        if flight.missing:
            ALARM.inc()
            log.error("relay_unroutable", routing_key=row.message.routing_key, position=row.position)
        MESSAGES.labels("nacked" if flight.nacked else "returned").inc()
        self._lanes.hold(row, self._clock())

    def _suspect(self) -> None:
        """The broker closed the channel over one of those under way: park it if it was alone."""
        rows = {flight.row.position: flight.row for flight, _ in self._flights.values()}
        self._flush()
        if len(rows) == 1:
            self._suspects.clear()
            self._park(next(iter(rows.values())), "The broker refuses it: larger than its limit.")
        else:
            self._suspects = set(rows)
        publisher, self._publisher = self._publisher, None
        if publisher is not None:
            publisher.close()
        self._begin()

    def _park(self, row: Numbered, reason: str) -> None:
        self._outbox.park(row.position, reason)
        self._lanes.park(row)
        MESSAGES.labels("parked").inc()
        log.error("relay_parked", position=row.position, routing_key=row.message.routing_key)

    def _flush(self) -> None:
        for state, positions in self._done.items():
            if positions:
                self._beside.mark(positions, state)
                MESSAGES.labels(state).inc(len(positions))
                self._done[state] = []


def number_forever(outbox: Outbox, stop: threading.Event) -> None:
    """Number committed messages for the feed where no broker is configured."""
    while not stop.is_set():
        try:
            idle = not outbox.number()
        except Exception as exc:  # noqa: BLE001 - the database's fall may not end the loop
            log.warning("numbering_interrupted", kind=type(exc).__name__)
            idle = True
        if idle:
            stop.wait(IDLE_SECONDS)
