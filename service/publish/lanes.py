"""Rows on their way out, a lane per owner: at most one of an owner is under way, the others wait in order."""

from collections import deque
from collections.abc import Collection, Iterable, Mapping
from types import MappingProxyType

from service.values.kept.resources import NumberedMessage


class Lanes:
    """Pure bookkeeping: no clock, no broker, no store."""

    def __init__(self, parked: Mapping[str, int] = MappingProxyType({})) -> None:
        """Take the owners that a row parked earlier stops, with its position."""
        self.cursor = 0
        self.waiting = 0
        self.parked = dict(parked)
        self._lanes: dict[str, deque[NumberedMessage]] = {}
        self._ready: deque[str] = deque()
        self._busy: set[str] = set()
        self._released: dict[str, int] = {}

    def add(self, rows: Iterable[NumberedMessage]) -> None:
        """Take rows read above the cursor; those of a parked or just released owner stay in the outbox."""
        for row in rows:
            self.cursor = row.position
            owner = row.owner
            if owner in self.parked or owner in self._released:
                continue
            lane = self._lanes.get(owner)
            if lane is None:
                lane = self._lanes[owner] = deque()
                if owner not in self._busy:
                    self._ready.append(owner)
            lane.append(row)
            self.waiting += 1

    def take(self) -> NumberedMessage | None:
        """Return a row whose owner has none under way, and count it as under way."""
        if not self._ready:
            return None
        owner = self._ready.popleft()
        lane = self._lanes[owner]
        row = lane.popleft()
        self.waiting -= 1
        if not lane:
            del self._lanes[owner]
        self._busy.add(owner)
        return row

    def finish(self, row: NumberedMessage) -> None:
        """Let the next row of this one's owner go."""
        owner = row.owner
        self._busy.discard(owner)
        if owner in self._lanes:
            self._ready.append(owner)

    def park(self, row: NumberedMessage) -> None:
        """Stop an owner: its later rows stay in the outbox."""
        self.parked[row.owner] = row.position
        self._forget(row.owner)

    def keep_parked(self, still: Collection[str]) -> None:
        """Let those owners go again, after a rewind, that are parked no more."""
        for owner in [owner for owner in self.parked if owner not in still]:
            self._released[owner] = self.parked.pop(owner)

    @property
    def due(self) -> bool:
        """Whether an owner waits for a rewind."""
        return bool(self._released)

    def rewind(self) -> None:
        """Let released owners go from the row that stopped them on.

        Nothing may be under way, for what waits is read again.
        """
        assert not self._busy
        first = [lane[0].position for lane in self._lanes.values()] + list(self._released.values())
        self.cursor = min([self.cursor, *(position - 1 for position in first)])
        self._released.clear()
        self._lanes.clear()
        self._ready.clear()
        self.waiting = 0

    def _forget(self, owner: str) -> None:
        self._busy.discard(owner)
        lane = self._lanes.pop(owner, None)
        if lane is not None:
            self.waiting -= len(lane)
