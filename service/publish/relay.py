"""The relay: the leader numbers the outbox and publishes it, in order per owner, at least once.

Each queue gets a copy of its own. One that does not take its copy is owed it from then on and catches up by
itself (`catchup`), while the others go on.
"""

import threading
import time
from collections.abc import Callable, Iterable
from typing import Final

import structlog

from service.publish import standing
from service.publish.behind import Behind
from service.publish.beside import Beside
from service.publish.catchup import TOO_LARGE, WINDOW, CatchUp
from service.publish.copies.coverage import Coverage
from service.publish.copies.predecessors import Predecessors
from service.publish.copies.preparing import Preparation
from service.publish.flights import MESSAGES, Flight, Flights, Landed
from service.publish.lanes import Lanes
from service.publish.limits import Limits
from service.publish.ports import (
    Broker,
    ChannelClosed,
    Lead,
    Misfit,
    Outbox,
    Publisher,
    Record,
    Settlement,
)
from service.publish.standing import CONFIRMS, LEADING
from service.supervision import Backoff, supervise
from service.values.access.scope import Partner
from service.values.kept.resources import NumberedMessage

BATCH: Final = 1000
IDLE_SECONDS: Final = 0.1
WAIT_SECONDS: Final = 0.05
STANDBY_SECONDS: Final = 1.0
LOOK_SECONDS: Final = 5.0
REPAIR_SECONDS: Final = 30.0
BACKOFF: Final = Backoff(0.1, 5.0)

log = structlog.get_logger()


class Relay:
    """One thread's work, another beside it at the outbox. Whoever leads publishes; the others stand by."""

    def __init__(
        self,
        outbox: Outbox,
        broker: Broker,
        registry: Iterable[Partner],
        record: Record,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Take the outbox, the way to the broker, the registry that it declares, and what records."""
        self._outbox = outbox
        self._broker = broker
        self._coverage = Coverage(registry)
        self._clock = clock
        self._lead: Lead | None = None
        self._publisher: Publisher | None = None
        self._prepare = Preparation(outbox, self._coverage, record)
        self._beside = Beside(outbox, self._prepare, clock)
        self._lanes = Lanes()
        self._flights = Flights()
        self._landed = Landed(self._beside)
        self._before = Predecessors(outbox.last_in_queues, self._beside.keep_last, self._coverage)
        self._limits = Limits(self._coverage.limits, outbox, broker, clock)
        self._behind = Behind(
            outbox, self._coverage, self._limits, catch_up=self._catch_up, withdraw=self._withdraw
        )
        self._count_at = 0.0
        self._look_at = 0.0
        self._repair_at = 0.0
        self._declared = False
        self._suspects: set[int] = set()

    def run(self, stop: threading.Event) -> None:
        """Relay until told to stop; what fails is tried again, with longer and longer pauses."""
        supervise("relay", self.turn, stop, BACKOFF)
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
        held = [part.close for part in (publisher, *self._behind.forget(), lead) if part is not None]
        for ending in (self._mark, self._beside.close, *held):
            try:
                ending()
            except Exception as exc:  # noqa: BLE001 - it is being given up because it is broken
                log.info("relay_close_failed", kind=type(exc).__name__)
        self._landed = Landed(self._beside)
        self._before.forget()
        self._limits.end()

    def turn(self) -> float:
        """Do what can be done now; return how long there is nothing to do. What fails gives leadership up."""
        try:
            return self._turn()
        except Exception:
            self.close()
            raise

    def _turn(self) -> float:
        """Do what can be done now; return how long there is nothing to do."""
        if self._lead is None or not self._lead.is_held():
            self.close()
            self._lead = self._outbox.lead()
        if self._lead is None:
            standing.look_away()
            return STANDBY_SECONDS
        if self._clock() >= self._count_at:
            self._count_at = self._clock() + LOOK_SECONDS
            standing.look(self._outbox, self._coverage.queues)
        publisher = self._publisher or self._begin()
        if self._clock() >= self._look_at:
            self._look()
        self._behind.keep_limits()
        try:
            self._exchange(publisher)
        except ChannelClosed:
            self._suspect()
            return 0
        # between two of one owner none is under way; to mark each by itself would cost more than publishing
        busy = bool(self._flights.open or self._lanes.waiting)
        if self._landed.count >= BATCH or not busy:
            self._mark()
        moving = self._behind.turn(0 if busy else WAIT_SECONDS)
        if busy:
            return 0
        if self._lanes.due or self._fill():
            return 0
        self._beside.forget()
        self._suspects.clear()
        return 0 if self._behind.rejoin(self._hang_up) or moving else IDLE_SECONDS

    def _look(self) -> None:
        """See which queues and owners there is something for again, and now and then to the broker."""
        self._look_at = self._clock() + LOOK_SECONDS
        self._behind.look()
        self._lanes.keep_parked(self._stopped_owners())
        if self._clock() >= self._repair_at:
            self._repair()

    def _repair(self) -> None:
        """Declare again what operators may have taken away, and tell what they had."""
        self._repair_at = self._clock() + REPAIR_SECONDS
        for drift in self._broker.declare():
            standing.tell(drift, known=self._declared)
            if drift.what == "unreachable" and drift.queue in self._coverage.queues:
                self._behind.fail(drift.queue, "unreachable")
        self._declared = True

    def _stopped_owners(self) -> dict[str, int]:
        """Return the owners that a parked row stops, with the first such row's position."""
        return {message.owner: message.position for message in reversed(self._outbox.parked_messages())}

    def _begin(self) -> Publisher:
        self._flights = Flights()
        self._beside.forget()
        self._lanes = Lanes(self._stopped_owners())
        self._limits.begin()
        self._repair()
        self._behind.begin()
        self._publisher = self._broker.connect()
        LEADING.set(1)
        return self._publisher

    def _exchange(self, publisher: Publisher) -> None:
        """Send what the window allows, take what the broker has decided."""
        if self._lanes.due:
            if not self._flights.open:
                self._mark()
                self._beside.forget()
                self._lanes.rewind()
        else:
            if self._lanes.waiting < WINDOW:
                self._fill()
            self._send(publisher)
        outcomes = publisher.settle(WAIT_SECONDS if self._flights.open else 0)
        self._decide(outcomes)
        if any(outcome == "silent" for _, outcome in outcomes):
            self._renew()

    def _fill(self) -> int:
        # with messages to send there is something else to do than to wait
        idle = not (self._flights.open or self._lanes.waiting)
        rows = self._beside.read(self._lanes.cursor, patient=idle)
        self._before.look_up(rows)
        self._lanes.add(rows)
        return len(rows)

    def _send(self, publisher: Publisher) -> None:
        # after a refusal one at a time, so that the next refusal tells whose it is
        window = 1 if self._suspects else WINDOW
        now = self._clock()
        while self._flights.open < window and (row := self._lanes.take()) is not None:
            flight = Flight(row, now)
            try:
                # all of them before the first goes: what comes back of a parked row would land as published
                copies = self._before.copies(self._coverage.routes(row), row)
                for route, copy in copies:
                    if route.queue in self._behind:
                        flight.owed.append(route.queue)
                    else:
                        self._flights.add_copy(publisher.send(copy), flight, route)
            except Misfit as exc:
                self._park(row, str(exc))
                continue
            self._flights.open += 1
            if not flight.left:
                self._land(flight)

    def _decide(self, outcomes: Iterable[tuple[int, Settlement]]) -> None:
        sent = None
        for flight, route, outcome in self._flights.decide_copies(outcomes):
            sent = flight.sent if sent is None else sent
            if not route.is_content_with(outcome):
                flight.owed.append(route.queue)
                self._behind.fail(route.queue, outcome)
            elif outcome == "routed":
                self._before.note(route, flight.row)
                self._limits.note(route.queue)
            if not flight.left:
                self._land(flight)
        if sent is not None:
            CONFIRMS.observe(self._clock() - sent)

    def _withdraw(self, queue: str) -> None:
        """Have a queue owed what is under way to it."""
        for flight in self._flights.withdraw_copies(queue):
            self._land(flight)

    def _catch_up(self, queue: str) -> CatchUp:
        return CatchUp(
            queue,
            self._outbox,
            self._broker,
            self._coverage,
            self._prepare,
            self._before,
            self._limits,
            marked=self._settle,
            park=self._park,
            clock=self._clock,
        )

    def _land(self, flight: Flight) -> None:
        self._flights.open -= 1
        self._suspects.discard(flight.row.position)
        self._landed.add(flight)
        self._lanes.finish(flight.row)

    def _suspect(self) -> None:
        """The broker closed the channel over one of those under way: park it if it was alone."""
        rows = self._flights.rows()
        if len(rows) == 1:
            self._suspects.clear()
            self._park(next(iter(rows.values())), TOO_LARGE)
        else:
            self._suspects = set(rows)
        self._renew()

    def _renew(self) -> None:
        """Go on, on a new channel, from what is not marked."""
        self._mark()
        self._hang_up()
        self._begin()

    def _hang_up(self) -> None:
        publisher, self._publisher = self._publisher, None
        if publisher is not None:
            publisher.close()

    def _park(self, row: NumberedMessage, reason: str) -> None:
        self._outbox.park(row.position, reason)
        self._lanes.park(row)
        MESSAGES.labels("parked").inc()
        log.error("relay_parked", position=row.position, routing_key=row.routing_key)

    def _mark(self) -> None:
        self._landed.flush()
        self._before.flush()

    def _settle(self) -> None:
        """Return when all is marked."""
        self._mark()
        self._beside.settle()
