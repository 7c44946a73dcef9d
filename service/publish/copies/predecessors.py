"""Which message of its owner a queue got before: each copy says so, for `sequence` counts what others get.

A queue whose bindings or whose partner's scope leave messages out has gaps in `sequence`. So a consumer could
not tell what it has lost from what was never for it, if not each message named the one before.
"""

from collections import OrderedDict
from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Final

from service.publish.amqp.topology import EVENTS
from service.publish.copies.coverage import Coverage, Route
from service.publish.ports import Copy
from service.values.kept.resources import NumberedMessage

# more than are under way, or not written down yet
MOST: Final = 100_000
# queue and owner
Key = tuple[str, str]


class Predecessors:
    """The sequence of the last message of each owner that each queue has confirmed."""

    def __init__(
        self,
        find: Callable[[Collection[Key]], Mapping[Key, int]],
        keep: Callable[[Mapping[Key, int]], None],
        coverage: Coverage,
    ) -> None:
        """Take what finds the ones that were kept, what keeps them, and which queues get all there is."""
        self._find, self._keep, self._coverage = find, keep, coverage
        self._last: OrderedDict[Key, int] = OrderedDict()
        self._new: dict[Key, int] = {}

    def look_up(self, rows: Iterable[NumberedMessage]) -> None:
        """Find out what messages that are to be sent will need, all at once."""
        if not self._coverage.partial:
            return
        keys = {
            (route.queue, row.owner)
            for row in rows
            for route in self._coverage.routes(row)
            if route.queue in self._coverage.partial
        }.difference(self._last)
        found = self._find(keys) if keys else {}
        self._last |= {key: found.get(key, 0) for key in keys}
        while len(self._last) > MOST:
            self._last.popitem(last=False)

    def before(self, route: Route, row: NumberedMessage) -> int | None:
        """Return the sequence of the message before; 0 where there is none, None where nobody knows."""
        if route.queue == EVENTS:
            return None
        if route.queue not in self._coverage.partial:
            return row.sequence - 1
        # a copy that is sent again has been noted itself
        return min(self._last.get((route.queue, row.owner), 0), row.sequence - 1)

    def copies(self, routes: Iterable[Route], row: NumberedMessage) -> list[tuple[Route, Copy]]:
        """Return the copies of a message, each behind its predecessor; raises as `Route.copy_of`."""
        return [(route, route.copy_of(row, self.before(route, row))) for route in routes]

    def note(self, route: Route, row: NumberedMessage) -> None:
        """Take note that a queue has a message."""
        if route.queue in self._coverage.partial:
            key = (route.queue, row.owner)
            self._last[key] = self._new[key] = max(row.sequence, self._last.get(key, 0))
            self._last.move_to_end(key)

    def flush(self) -> None:
        """Write down what was noted."""
        new, self._new = self._new, {}
        if new:
            self._keep(new)

    def forget(self) -> None:
        """Forget all: another may lead by now."""
        self._last.clear()
        self._new.clear()
