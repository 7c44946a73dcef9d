"""How the outbox stands, as metrics: what waits since when, is owed or parked, and how fast confirms are."""

from collections.abc import Collection
from typing import Final

import structlog
from prometheus_client import Counter, Gauge, Histogram

from service.publish.ports import Drift, Outbox

log = structlog.get_logger()

DRIFTS: Final = Counter(
    "casebridge_queue_drifts_total", "Times a queue was not as declared", ["queue", "what"]
)
OWED: Final = Gauge(
    "casebridge_queue_owed",
    "Messages that a queue did not take and is owed",
    ["queue"],
    multiprocess_mode="livesum",
)
BACKLOG: Final = Gauge(
    "casebridge_relay_backlog", "Outbox messages still to publish", multiprocess_mode="livesum"
)
OLDEST: Final = Gauge(
    "casebridge_relay_oldest_seconds",
    "Seconds that the oldest message still to publish has waited",
    multiprocess_mode="livemax",
)
PARKED: Final = Gauge(
    "casebridge_relay_parked",
    "Messages that cannot be published, and stop their owner",
    multiprocess_mode="livesum",
)
LEADING: Final = Gauge("casebridge_relay_leading", "1 while this process relays", multiprocess_mode="livesum")
CONFIRMS: Final = Histogram(
    "casebridge_relay_confirm_seconds",
    "From sending a message to the broker's word on it, of one message of each batch of confirms",
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30),
)


def look(outbox: Outbox, queues: Collection[str]) -> None:
    """Tell how the outbox stands, whether the broker can be reached or not."""
    BACKLOG.set(outbox.backlog())
    OLDEST.set(outbox.oldest_seconds())
    PARKED.set(len(outbox.parked_messages()))
    debts = outbox.debts()
    for queue in {*queues, *debts}:
        OWED.labels(queue).set(debts.get(queue, 0))


def look_away() -> None:
    """Tell nothing any more: another process leads, and tells."""
    for gauge in (BACKLOG, OLDEST, PARKED):
        gauge.set(0)
    OWED.clear()


def tell(drift: Drift, *, known: bool) -> None:
    """Tell that a queue was not as declared; unless queues are `known` to have been, a missing one is new."""
    if drift.what == "missing" and not known:
        log.info("queue_declared", queue=drift.queue)
        return
    DRIFTS.labels(drift.queue, drift.what).inc()
    log.error("queue_drifted", queue=drift.queue, what=drift.what)
