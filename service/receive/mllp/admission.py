"""Who holds the connections of the MLLP server, and who gives one up where there are too many.

Who is registered by address or certificate counts with its partner, everybody else with its own network. Who
comes last is let in: the one that is silent longest makes room, one that has not yet sent anything that could
be accepted before one that has, and strangers before those who are registered.
"""

import asyncio
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from ipaddress import ip_network
from typing import Final

import structlog

from service.receive.mllp.conversation import Conversation, MllpLimits
from service.values.inbound.senders import Sender

TOLD_SECONDS: Final = 10.0
Who = Callable[[Sender], frozenset[str]]
"""Return the partners that a connection may be of, by its address and certificate."""

log = structlog.get_logger()


@dataclass(eq=False, slots=True)
class Visit:
    """A connection: whose it may be, or the network of a stranger, and what is said on it."""

    task: asyncio.Task[None]
    since: float
    partners: frozenset[str] = frozenset()
    network: str = ""
    conversation: Conversation | None = None
    leaving: bool = False
    """Whether it was told to make room."""

    @property
    def whose(self) -> frozenset[str] | str:
        """Whom it counts with."""
        return self.partners or self.network

    @property
    def can_go(self) -> bool:
        """Whether nothing is lost with it: no message is in hand, or coming from a known sender."""
        talk = self.conversation
        return talk is None or not (talk.busy or (talk.proven and talk.framer.inside))

    @property
    def worth(self) -> tuple[bool, float]:
        """By which the least goes first."""
        talk = self.conversation
        return (talk.proven, talk.heard) if talk is not None else (False, self.since)


@dataclass(slots=True)
class Admission:
    """Gives connections their places; everything is O(connections), of which there are few hundred."""

    limits: MllpLimits
    who: Who
    visits: set[Visit] = field(default_factory=set)
    _told: float = field(default=float("-inf"))

    def admits(self, visit: Visit, sender: Sender) -> bool:
        """Give a connection its place by what is known of it now; return False where nobody can make room."""
        partners, network = self.who(sender), _network(sender.address)
        if visit in self.visits and (partners or network) == visit.whose:
            return True
        crowd = self._crowd(partners, network, [other for other in self._staying() if other is not visit])
        if crowd is not None:
            self._tell()
            going = [other for other in crowd if other.can_go]
            if not going:
                return False
            _dismiss(going)
        visit.partners, visit.network = partners, network
        self.visits.add(visit)
        return True

    def prove(self, visit: Visit, partner: str) -> None:
        """Count a connection with the partner whose message came on it, however many more it may be of."""
        if len(visit.partners) < 2:
            return
        visit.partners = frozenset({partner})
        mine = [other for other in self._staying() if other.partners == visit.partners]
        going = [other for other in mine if other is not visit and other.can_go]
        if len(mine) > self.limits.partner_connections and going:
            self._tell()
            _dismiss(going)

    def leave(self, visit: Visit) -> None:
        """Take a connection's place from it."""
        self.visits.discard(visit)

    def _staying(self) -> list[Visit]:
        return [visit for visit in self.visits if not visit.leaving]

    def _crowd(
        self, partners: frozenset[str], network: str, others: Sequence[Visit]
    ) -> Sequence[Visit] | None:
        """Return of whom one has to go for another connection, or None where there is room for it."""
        limits, key = self.limits, partners or network
        mine = [visit for visit in others if visit.whose == key]
        strangers = [visit for visit in others if not visit.partners]
        if len(mine) >= (limits.partner_connections * len(partners) or limits.peer_connections):
            return mine
        if not partners and len(strangers) >= limits.strangers:
            return _fullest(strangers)
        if len(others) < limits.connections:
            return None
        if strangers or not partners:
            return _fullest(strangers)
        most = _fullest(others)
        return most if len(most) > len(mine) else mine

    def _tell(self) -> None:
        now = asyncio.get_running_loop().time()
        if now - self._told >= TOLD_SECONDS:
            self._told = now
            strangers = sum(not visit.partners for visit in self.visits)
            log.warning("mllp_crowded", open=len(self.visits), strangers=strangers)


def _fullest(visits: Iterable[Visit]) -> list[Visit]:
    """Return those of whom there are most."""
    visits_of: dict[frozenset[str] | str, list[Visit]] = {}
    for visit in visits:
        visits_of.setdefault(visit.whose, []).append(visit)
    return max(visits_of.values(), key=len, default=[])


def _dismiss(visits: Sequence[Visit]) -> None:
    """Send the one away that is worth least."""
    least = min(visits, key=lambda visit: visit.worth)
    least.leaving = True
    least.task.cancel()


def _network(address: str) -> str:
    """Return the network that one stranger has: an IPv4 address, 64 bits of an IPv6 address."""
    return str(ip_network(f"{address}/{64 if ':' in address else 32}", strict=False))
