"""Room for who comes: where most connections of a process are taken, silent ones are closed.

The server that accepts them knows nothing of this: it has a bound for all, and a time for each. So that one
address, or a few, cannot hold all of them for that time, their sockets are looked at from here.
"""

import os
import socket
import threading
from collections import Counter
from collections.abc import Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import structlog

log = structlog.get_logger()

Peer = tuple[str, int]
"""The address and the port of who is connected: the address tells whose, both tell which."""
SECONDS: Final = 0.5
_DESCRIPTORS: Final = Path("/proc/self/fd")


def to_close(ages: Mapping[Peer, int], working: Collection[Peer], most: int) -> list[Peer]:
    """Return which connections are one too many each, where there are over `most`.

    Of the address that has most of them the one that has been there longest goes first, but never one that
    is `working`: whose request is there in whole and is being answered. `ages` are the higher the older.
    """
    over = len(ages) - most
    if over <= 0:
        return []
    counts = Counter(host for host, _ in ages)
    idle: dict[str, list[Peer]] = {}
    for peer in sorted(ages, key=ages.__getitem__):
        if peer not in working:
            idle.setdefault(peer[0], []).append(peer)
    closing: list[Peer] = []
    while idle and len(closing) < over:
        host = max(idle, key=lambda name: (counts[name], ages[idle[name][-1]]))
        closing.append(idle[host].pop())
        counts[host] -= 1
        if not idle[host]:
            del idle[host]
    return closing


@dataclass(slots=True)
class Connections:
    """The connections of this process on a port; over half of `capacity` the silent ones are closed."""

    port: int
    capacity: int
    working: Collection[Peer]
    """Kept by who answers: the peers whose requests are there in whole."""
    _ages: dict[Peer, int] = field(default_factory=dict)

    def watch(self) -> None:
        """Look at them as long as the process lives, in a thread, where the system shows them."""
        if _DESCRIPTORS.is_dir():
            threading.Thread(target=self._run, name="connections", daemon=True).start()

    def relieve(self) -> int:
        """Close what is too much; return how many that were."""
        most = self.capacity // 2
        descriptors = [int(path.name) for path in _DESCRIPTORS.iterdir()]
        if len(descriptors) <= most:
            self._ages.clear()
            return 0
        by_peer = {peer: number for number in descriptors if (peer := self._peer(number)) is not None}
        self._ages = {peer: self._ages.get(peer, -1) + 1 for peer in by_peer}
        return sum(self._close(by_peer[peer], peer) for peer in to_close(self._ages, set(self.working), most))

    def _run(self) -> None:
        wait = threading.Event()
        while not wait.wait(SECONDS):
            if closed := self.relieve():
                log.warning("connections.closed", count=closed)

    def _peer(self, number: int) -> Peer | None:
        """Return who is connected to our port by a descriptor, None where it is something else."""
        try:
            connection = socket.socket(fileno=number)
        except OSError:
            return None
        try:
            peer = connection.getpeername()
            return peer[:2] if connection.getsockname()[1] == self.port else None
        except (OSError, IndexError, TypeError):
            return None
        finally:
            # it is the server's
            connection.detach()

    def _close(self, number: int, peer: Peer) -> bool:
        """Close a connection unless its descriptor is another's by now; tell whether it was."""
        with suppress(OSError):
            # of a descriptor of our own it stays the same; the server, which has the other, reads its end
            own = os.dup(number)
            with socket.socket(fileno=own) as connection:
                if self._peer(own) == peer:
                    connection.shutdown(socket.SHUT_RDWR)
                    return True
        return False
