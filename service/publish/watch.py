"""The watch over queues, partners' and that of discharges: how deep, still there, declared again when not.

A queue that is gone takes nothing, and a message that another queue takes is not returned: so the relay
cannot notice. AMQP cannot ask for a binding; each is declared again at every look.
"""

import threading
from collections.abc import Callable, Iterable
from typing import Final

import structlog
from prometheus_client import Counter, Gauge

from service.errors import CasebridgeError
from service.publish.topology import DISCHARGES
from service.values.scope import Partner

LOOK_SECONDS: Final = 30.0

MISSING: Final = Counter("casebridge_queue_missing_total", "Looks at which a registered queue was not there")
DEPTH: Final = Gauge("casebridge_queue_depth", "Messages in a queue", ["queue"])

log = structlog.get_logger()


def watch(
    depths: Callable[[Iterable[str]], dict[str, int | None]],
    declare: Callable[[], None],
    registry: Iterable[Partner],
    stop: threading.Event,
) -> None:
    """Look again and again until told to stop; `depths` tells None of a queue that is not there."""
    names = [DISCHARGES, f"{DISCHARGES}.dead"]
    names += [queue.name for partner in registry for queue in partner.queues]
    while not stop.wait(LOOK_SECONDS):
        try:
            for name, depth in depths(names).items():
                if depth is None:
                    MISSING.inc()
                    log.error("queue_missing", queue=name)
                else:
                    DEPTH.labels(name).set(depth)
            declare()
        except CasebridgeError as exc:
            log.warning("watch_interrupted", kind=type(exc).__name__)
