"""What an operator decides about parked messages, on record with the reason."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from sqlalchemy import Engine

from service.access import policy
from service.publish.amqp.topology import EVENTS
from service.publish.copies.coverage import Coverage
from service.settings import Settings
from service.store.relay import parked
from service.values.audit import AuditEntry, Disclosed, Disclosure
from service.values.kept.resources import DecidedMessage
from service.wiring.operator import check, partners
from service.wiring.rooms import now, open_database


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A message that was skipped, and the queues that do not get it for that."""

    message: DecidedMessage
    queues: tuple[str, ...]


def retry(settings: Settings, positions: Sequence[int], reason: str) -> int:
    """Have parked messages published after all; return how many. Raises NotFound, and as `operator.check`."""
    return len(_decide(settings, parked.retry, positions, _Entry("retry", reason)))


def skip(settings: Settings, positions: Sequence[int], reason: str) -> list[LeftOut]:
    """Leave parked messages out for good; return what that takes from whom. Raises as `retry`."""
    coverage = Coverage(partners(settings))
    skipped = _decide(settings, parked.skip, positions, _Entry("skip", reason))
    return [LeftOut(message, message.owed or _covering(coverage, message)) for message in skipped]


@dataclass(frozen=True, slots=True)
class _Entry:
    """Makes the entry of the audit that says so of a message."""

    decision: Literal["retry", "skip"]
    reason: str

    def __call__(self, message: DecidedMessage) -> AuditEntry:
        things = (Disclosed(message.client, f"event/{message.position}"),)
        told = Disclosure(self.decision, things, self.reason)
        purposes = policy.purposes(policy.LOCAL, ())
        return AuditEntry(now(), policy.LOCAL.name, None, purposes, 200, message.id, told)


def _decide(
    settings: Settings,
    decide: Callable[[Engine, Sequence[int], parked.Record], list[DecidedMessage]],
    positions: Sequence[int],
    entry: parked.Record,
) -> list[DecidedMessage]:
    check(settings)
    with open_database(settings) as engine:
        return decide(engine, positions, entry)


def _covering(coverage: Coverage, message: DecidedMessage) -> tuple[str, ...]:
    routes = coverage.of(message.view, message.routing_key)
    return tuple(dict.fromkeys(route.queue for route in routes if route.queue != EVENTS))
