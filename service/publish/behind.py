"""Queues that are behind: what comes for one is owed to it, and it catches up by itself until it has all."""

from collections.abc import Callable, Iterable

import structlog

from service.publish.catchup import CatchUp
from service.publish.copies.coverage import Coverage
from service.publish.limits import Limits
from service.publish.ports import Outbox

log = structlog.get_logger()


class Behind:
    """The queues that are behind, and what sends to each."""

    def __init__(
        self,
        outbox: Outbox,
        coverage: Coverage,
        limits: Limits,
        *,
        catch_up: Callable[[str], CatchUp],
        withdraw: Callable[[str], None],
    ) -> None:
        """Take what sends to a queue alone, and what has it owed what is under way to it."""
        self._outbox = outbox
        self._coverage = coverage
        self._limits = limits
        self._catch_up = catch_up
        self._withdraw = withdraw
        self._catchups: dict[str, CatchUp] = {}

    def __contains__(self, queue: str) -> bool:
        """Tell whether a queue is behind."""
        return queue in self._catchups

    def begin(self) -> None:
        """See which queues are, when nothing is under way."""
        for queue in self._limits.held & self._coverage.queues:
            self._catchups.setdefault(queue, self._catch_up(queue)).rest()
        for queue in self._outbox.debts():
            if queue in self._coverage.queues:
                self._catchups.setdefault(queue, self._catch_up(queue))
            else:
                log.error("queue_owed_but_not_registered", queue=queue)

    def look(self) -> None:
        """See which queues are meanwhile: an operator has what is past told again."""
        for queue in (self._outbox.debts().keys() & self._coverage.queues).difference(self._catchups):
            self._add(queue)

    def fail(self, queue: str, why: str) -> None:
        """Let a queue be that did not take a copy."""
        if queue not in self._catchups:
            self._add(queue)
            self._catchups[queue].fail(why)

    def keep_limits(self) -> None:
        """Put nothing more into queues that are past their limits; let those that are drained catch up."""
        for queue in self._limits.hold():
            if queue not in self._catchups:
                self._add(queue)
            self._catchups[queue].rest()
        for queue in self._limits.let_go():
            if queue in self._catchups:
                self._catchups[queue].look_again()

    def turn(self, wait: float) -> bool:
        """Send to each what can be sent now; tell whether any moved."""
        moved = [catchup.turn(wait) for catchup in tuple(self._catchups.values())]
        return any(moved)

    def rejoin(self, hang_up: Callable[[], None]) -> bool:
        """Let go of those that are owed nothing more, when nothing is under way that they could overtake.

        `hang_up` ends the channel that all share: one on which a queue refused may go on telling so.
        """
        even = [catchup for catchup in self._catchups.values() if catchup.even]
        for catchup in even:
            if self._outbox.owes(catchup.queue):
                catchup.look_again()
                continue
            del self._catchups[catchup.queue]
            catchup.close()
            log.info("queue_caught_up", queue=catchup.queue)
            hang_up()
        return bool(even)

    def forget(self) -> Iterable[CatchUp]:
        """Return what sends to them, for the end of each; none is behind then."""
        catchups, self._catchups = self._catchups, {}
        return catchups.values()

    def _add(self, queue: str) -> None:
        self._catchups[queue] = self._catch_up(queue)
        self._withdraw(queue)
