"""What a queue is owed: sent to it alone, in order per owner, until it has all.

Each attempt has a connection of its own: a channel that met a full queue may be nacked for ever.
"""

from collections.abc import Callable
from dataclasses import dataclass
from math import inf
from typing import Final

import structlog

from service.errors import Unavailable
from service.publish.copies.coverage import Coverage, Route
from service.publish.copies.predecessors import Predecessors
from service.publish.copies.preparing import Preparation
from service.publish.lanes import Lanes
from service.publish.limits import REFUSALS, Limits
from service.publish.ports import Broker, ChannelClosed, Drift, Misfit, Outbox, Publisher
from service.supervision import Backoff
from service.values.kept.resources import NumberedMessage

WINDOW: Final = 500
READ: Final = 1000
BACKOFF: Final = Backoff(0.25, 32.0)
LOOK_SECONDS: Final = 0.1
STOPPED_SECONDS: Final = 5.0
TOO_LARGE: Final = "The broker refuses it: larger than its limit."

log = structlog.get_logger()


@dataclass(slots=True)
class _Flight:
    row: NumberedMessage
    left: int = 0


class CatchUp:
    """One queue that is behind; driven by the relay's thread, it never makes it wait for long."""

    def __init__(
        self,
        queue: str,
        outbox: Outbox,
        broker: Broker,
        coverage: Coverage,
        prepare: Preparation,
        before: Predecessors,
        limits: Limits,
        *,
        marked: Callable[[], None],
        park: Callable[[NumberedMessage, str], None],
        clock: Callable[[], float],
    ) -> None:
        """Take the queue's name; what returns when all is marked that the relay did; what parks a row.

        `before` knows which message each one follows in a queue, `limits` how full it gets.
        """
        self.queue = queue
        self.even = False
        self._outbox, self._broker, self._coverage = outbox, broker, coverage
        self._prepare, self._before, self._limits = prepare, before, limits
        self._marked, self._park, self._clock = marked, park, clock
        self._publisher: Publisher | None = None
        self._lanes = Lanes()
        self._flights: dict[int, tuple[_Flight, Route]] = {}
        self._arrived: list[int] = []
        self._window, self._cautious = 1, False
        self._tries = 0
        self._until = 0.0

    def turn(self, seconds: float) -> bool:
        """Do what can be done now, wait for confirms at most so long; tell whether something is under way."""
        if self._clock() < self._until:
            return False
        try:
            publisher = self._publisher or self._reach()
        except Unavailable:
            self.fail("unreachable")
            return False
        if not self._flights and not self._lanes.waiting and not self._read():
            return False
        try:
            self._send(publisher)
            outcomes = publisher.settle(seconds)
        except ChannelClosed:
            self._suspect()
            return True
        except Unavailable:
            self.fail("unreachable")
            return False
        for tag, outcome in outcomes:
            flight, route = self._flights.pop(tag)
            if not route.is_content_with(outcome):
                self.fail(outcome)
                return False
            self._before.note(route, flight.row)
            self._limits.note(self.queue)
            self._confirm(flight)
        return True

    def look_again(self) -> None:
        """Read at once what is owed, for there is something."""
        self.even, self._until = False, 0.0

    def rest(self) -> None:
        """Send nothing until it is told to look again."""
        self._rest()
        self.even, self._until = False, inf

    def fail(self, why: str) -> None:
        """Tell that the queue did not take something; try again after a while, longer each time."""
        self._rest()
        pause = BACKOFF.after(self._tries)
        self._tries += 1
        self._until = self._clock() + pause
        REFUSALS.labels(self.queue, why).inc()
        log.error("queue_behind", queue=self.queue, why=why, tries=self._tries, pause=pause)

    def close(self) -> None:
        """Hang up; what was not confirmed will be sent again."""
        self._rest()

    def _reach(self) -> Publisher:
        """Declare all again, for something may have been taken away, and connect."""
        if Drift(self.queue, "unreachable") in self._broker.declare():
            raise Unavailable("Nothing that is published would reach the queue.")
        self._publisher = self._broker.connect()
        return self._publisher

    def _read(self) -> bool:
        self._pay()
        self._marked()
        rows = self._prepare.again(self._outbox.owed_messages(self.queue, READ))
        self._before.look_up(rows)
        self._lanes.add(rows)
        if not rows:
            self._cautious = False
            # what is left waits for a parked row
            self.even = not self._outbox.owes(self.queue)
            self._until = self._clock() + (LOOK_SECONDS if self.even else STOPPED_SECONDS)
        return bool(rows)

    def _send(self, publisher: Publisher) -> None:
        while len(self._flights) < self._window and (row := self._lanes.take()) is not None:
            routes = [route for route in self._coverage.routes(row) if route.queue == self.queue]
            flight = _Flight(row, len(routes))
            try:
                for route, copy in self._before.copies(routes, row):
                    self._flights[publisher.send(copy)] = (flight, route)
            except Misfit as exc:
                self._park(row, str(exc))
                self._lanes.park(row)
            if not routes:
                # its binding was taken out of the registry since, or its partner may not see it any more
                self._settle(row)

    def _confirm(self, flight: _Flight) -> None:
        self._window = 1 if self._cautious else WINDOW
        self._tries = 0
        flight.left -= 1
        if not flight.left:
            self._settle(flight.row)

    def _settle(self, row: NumberedMessage) -> None:
        self._arrived.append(row.position)
        self._lanes.finish(row)

    def _suspect(self) -> None:
        """The broker closed the channel over one of those under way: park it if it was alone."""
        rows = {flight.row.position: flight.row for flight, _ in self._flights.values()}
        self._cautious = len(rows) > 1
        self._rest()
        if len(rows) == 1:
            self._park(next(iter(rows.values())), TOO_LARGE)

    def _rest(self) -> None:
        """Hang up and forget what was read."""
        publisher, self._publisher = self._publisher, None
        if publisher is not None:
            publisher.close()
        self._pay()
        self._lanes = Lanes()
        self._flights.clear()
        self._window = 1

    def _pay(self) -> None:
        arrived, self._arrived = self._arrived, []
        if arrived:
            self._outbox.pay(self.queue, arrived)
        self._before.flush()
