"""What a partner's queue got, or might have got, told to it again."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime

from service.errors import NotFound
from service.publish.copies.coverage import Coverage
from service.publish.copies.preparing import Preparation
from service.settings import Settings
from service.store.relay.outbox import Outbox
from service.store.relay.published import position_at, published, steps
from service.values.access.scope import Partner
from service.values.kept.resources import NumberedMessage
from service.wiring import auditing, operator
from service.wiring.rooms import open_database


@contextmanager
def replaying(
    settings: Settings, queue: str, *, since: datetime | None, case: str | None, type_: str | None
) -> Iterator[tuple[int, Iterator[int]]]:
    """Give in how many steps a queue comes to be owed messages again, and the steps, which tell how many.

    Of those that its bindings cover and its partner may see now: since an instant, of a case, of a type.
    What goes out with resources is on record before.

    Raises:
        NotFound: no partner has this queue, or there is no such case.
        Misconfigured, Unavailable: as `operator.check`.
    """
    operator.check(settings)
    coverage = Coverage([_reader(settings, queue)])
    owner = f"case/{operator.case(settings, case)[0].uuid}" if case is not None else None
    with open_database(settings) as engine:
        outbox, after = Outbox(engine), position_at(engine, since) if since is not None else 0
        prepare = Preparation(outbox, coverage, auditing.of_queues(engine))

        def wanted(row: NumberedMessage) -> bool:
            is_owners = owner is None or row.owner == owner
            return is_owners and (type_ is None or row.routing_key.startswith(f"{type_.lower()}."))

        def owe() -> Iterator[int]:
            for rows in published(engine, after):
                chosen = [row for row in rows if wanted(row) and _goes(coverage, queue, row)]
                ready = [row for row in prepare.first(chosen) if _goes(coverage, queue, row)]
                if ready:
                    outbox.owe([(row.position, queue) for row in ready])
                yield len(ready)

        yield steps(engine, after), owe()


def _reader(settings: Settings, name: str) -> Partner:
    """Return the partner that has a queue, with that one alone."""
    for partner in operator.partners(settings):
        for queue in partner.queues:
            if queue.name == name:
                return replace(partner, queues=(queue,))
    raise NotFound("No partner has this queue; `casebridge partners list` lists them.", where="--to-queue")


def _goes(coverage: Coverage, queue: str, row: NumberedMessage) -> bool:
    return any(route.queue == queue for route in coverage.routes(row))
