"""Messages under way: their copies that are not decided yet, and what became of those that landed."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from prometheus_client import Counter

from service.publish.beside import Beside
from service.publish.copies.coverage import Route
from service.publish.ports import Settlement
from service.values.kept.resources import NumberedMessage

MESSAGES = Counter("casebridge_relay_messages_total", "Outbox messages by what became of them", ["outcome"])


@dataclass(slots=True)
class Flight:
    """A row under way since an instant: its copies not yet decided, and which queues are owed it."""

    row: NumberedMessage
    sent: float = 0.0
    left: int = 0
    routed: bool = False
    owed: list[str] = field(default_factory=list)


class Flights:
    """Pure bookkeeping: no clock, no broker, no store."""

    def __init__(self) -> None:
        """Nothing is under way."""
        self.open = 0
        self._copies: dict[int, tuple[Flight, Route]] = {}

    def add_copy(self, tag: int, flight: Flight, route: Route) -> None:
        """Take note that a copy was sent."""
        self._copies[tag] = (flight, route)
        flight.left += 1

    def decide_copies(
        self, outcomes: Iterable[tuple[int, Settlement]]
    ) -> Iterator[tuple[Flight, Route, Settlement]]:
        """Take note, one after the other, of what became of copies; give whose each was, where, and that.

        What a queue that has fallen behind answers later is not waited for.
        """
        for tag, outcome in outcomes:
            flight, route = self._copies.pop(tag, (None, None))
            if flight is not None and route is not None:
                flight.left -= 1
                flight.routed |= outcome == "routed"
                yield flight, route, outcome

    def withdraw_copies(self, queue: str) -> list[Flight]:
        """Let what is under way to a queue be owed to it; return the flights that wait for nothing more."""
        landed = []
        for tag, (flight, route) in tuple(self._copies.items()):
            if route.queue == queue:
                del self._copies[tag]
                flight.owed.append(queue)
                flight.left -= 1
                if not flight.left:
                    landed.append(flight)
        return landed

    def rows(self) -> dict[int, NumberedMessage]:
        """Return the rows of which a copy is not decided yet, by position."""
        return {flight.row.position: flight.row for flight, _ in self._copies.values()}


class Landed:
    """What became of rows since the outbox was told."""

    def __init__(self, beside: Beside) -> None:
        """Take who tells the outbox."""
        self._beside = beside
        self._done: dict[str, list[int]] = {"published": [], "unrouted": []}
        self._owed: list[tuple[int, str]] = []

    @property
    def count(self) -> int:
        """How many rows every queue has, or no queue wants."""
        return sum(map(len, self._done.values()))

    def add(self, flight: Flight) -> None:
        """Take note of a row whose copies are all decided."""
        if flight.owed:
            self._owed.extend((flight.row.position, queue) for queue in dict.fromkeys(flight.owed))
        else:
            self._done["published" if flight.routed else "unrouted"].append(flight.row.position)

    def flush(self) -> None:
        """Have the outbox told; raises as `Beside.mark`."""
        for state, positions in self._done.items():
            if positions:
                self._beside.mark(positions, state)
                MESSAGES.labels(state).inc(len(positions))
                self._done[state] = []
        if self._owed:
            self._beside.owe(self._owed)
            MESSAGES.labels("owed").inc(len(self._owed))
            self._owed = []
