"""The watch over queues, partners' and those by which we are told: how deep, and still there."""

import threading
from collections.abc import Callable, Iterable
from typing import Final

import structlog
from prometheus_client import Counter, Gauge

from service.publish.amqp.topology import INBOUND, dead_queue
from service.supervision import supervise
from service.values.access.scope import Partner

LOOK_SECONDS: Final = 30.0

MISSING: Final = Counter("casebridge_queue_missing_total", "Looks at which a registered queue was not there")
DEPTH: Final = Gauge("casebridge_queue_depth", "Messages in a queue", ["queue"], multiprocess_mode="livesum")

log = structlog.get_logger()


def watch(
    depths: Callable[[Iterable[str]], dict[str, int | None]],
    registry: Iterable[Partner],
    stop: threading.Event,
) -> None:
    """Look again and again until told to stop; `depths` tells None of a queue that is not there."""

    def look() -> float:
        names = [name for queue in INBOUND for name in (queue, dead_queue(queue))]
        names += [queue.name for partner in registry for queue in partner.queues]
        for name, depth in depths(names).items():
            if depth is None:
                MISSING.inc()
                log.error("queue_missing", queue=name)
            else:
                DEPTH.labels(name).set(depth)
        return LOOK_SECONDS

    # the relay declares what is registered first
    stop.wait(LOOK_SECONDS)
    supervise("watch", look, stop)
