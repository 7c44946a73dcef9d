"""What the worker lets go once it is old: messages that were published, and what hospitals sent.

Each hour, in steps of a transaction each; several workers may do so at once.
"""

from collections.abc import Callable, Iterator
from datetime import timedelta
from functools import partial
from threading import Event
from typing import Final

from sqlalchemy import Engine

from service.flows.discharge.quarantine import Quarantine
from service.settings import Settings
from service.store.relay import retention
from service.supervision import supervise
from service.wiring.rooms import now

SECONDS: Final = 3_600.0

Steps = Callable[[], Iterator[object]]


def loops(settings: Settings, engine: Engine, inbox: Quarantine) -> Iterator[Callable[[Event], None]]:
    """Give the loops of what is not kept for ever."""
    if settings.event_days:
        yield partial(_run, "retention of messages", partial(_messages, engine, settings.event_days))
    if settings.inbox_days:
        entries = partial(inbox.drop, timedelta(settings.inbox_days))
        yield partial(_run, "retention of the inbox", entries)
    if settings.inbox_body_days:
        bodies = partial(inbox.strip, timedelta(settings.inbox_body_days))
        yield partial(_run, "retention of bodies", bodies)


def _messages(engine: Engine, days: int) -> Iterator[int]:
    return retention.prune(engine, retention.batches(engine, now() - timedelta(days)))


def _run(name: str, steps: Steps, stop: Event) -> None:
    supervise(name, partial(_turn, steps, stop), stop)


def _turn(steps: Steps, stop: Event) -> float:
    for _ in steps():
        if stop.is_set():
            break
    return SECONDS
