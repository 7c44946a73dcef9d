"""Rows on their way out, a lane per owner: at most one of an owner is under way, the others wait in order."""

from collections import deque
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from service.values.resources import Numbered

FIRST_PAUSE: Final = 0.25
LONGEST_PAUSE: Final = 32.0


@dataclass(frozen=True, slots=True)
class _Held:
    position: int
    until: float


class Lanes:
    """Pure bookkeeping: no clock, no broker, no store."""

    def __init__(self, parked: Mapping[str, int] = MappingProxyType({})) -> None:
        """Take the owners that a row parked earlier stops, with its position."""
        self.cursor = 0
        self.waiting = 0
        self.parked = dict(parked)
        self._lanes: dict[str, deque[Numbered]] = {}
        self._ready: deque[str] = deque()
        self._busy: set[str] = set()
        self._held: dict[str, _Held] = {}
        self._tries: dict[str, int] = {}

    def add(self, rows: Iterable[Numbered]) -> None:
        """Take rows read above the cursor; those of a held or parked owner stay in the outbox."""
        for row in rows:
            self.cursor = row.position
            owner = row.message.owner
            if owner in self.parked or owner in self._held:
                continue
            lane = self._lanes.get(owner)
            if lane is None:
                lane = self._lanes[owner] = deque()
                if owner not in self._busy:
                    self._ready.append(owner)
            lane.append(row)
            self.waiting += 1

    def take(self) -> Numbered | None:
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

    def done(self, row: Numbered) -> None:
        """Let the next row of this one's owner go."""
        owner = row.message.owner
        self._busy.discard(owner)
        if self._tries:
            self._tries.pop(owner, None)
        if owner in self._lanes:
            self._ready.append(owner)

    def hold(self, row: Numbered, now: float) -> None:
        """Keep an owner back for a while, longer each time; `row` is then its first again.

        Those of one length of pause come due together, for a rewind is no small matter.
        """
        owner = row.message.owner
        tries = self._tries.get(owner, 0)
        self._tries[owner] = tries + 1
        pause = min(FIRST_PAUSE * 2 ** min(tries, 20), LONGEST_PAUSE)
        self._held[owner] = _Held(row.position, (now // pause + 1) * pause)
        self._forget(owner)

    def park(self, row: Numbered) -> None:
        """Stop an owner: its later rows stay in the outbox."""
        self.parked[row.message.owner] = row.position
        self._forget(row.message.owner)

    def keep_parked(self, still: Collection[str], now: float) -> None:
        """Let those owners go again that are parked no more, from the row that stopped them on."""
        for owner in [each for each in self.parked if each not in still]:
            self._held[owner] = _Held(self.parked.pop(owner), now)

    def due(self, now: float) -> bool:
        """Tell whether an owner has been held long enough."""
        return any(held.until <= now for held in self._held.values())

    def rewind(self, now: float) -> None:
        """Let go of owners held long enough; nothing may be under way, for what waits is read again."""
        assert not self._busy
        first = [lane[0].position for lane in self._lanes.values()]
        due = [owner for owner, held in self._held.items() if held.until <= now]
        first.extend(self._held.pop(owner).position for owner in due)
        self.cursor = min([self.cursor, *(position - 1 for position in first)])
        self._lanes.clear()
        self._ready.clear()
        self.waiting = 0

    def _forget(self, owner: str) -> None:
        self._busy.discard(owner)
        lane = self._lanes.pop(owner, None)
        if lane is not None:
            self.waiting -= len(lane)
