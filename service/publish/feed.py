"""The feed where no broker is configured: committed messages get their positions."""

import threading
from typing import Final

import structlog

from service.publish.ports import Outbox

IDLE_SECONDS: Final = 0.1

log = structlog.get_logger()


def number_forever(outbox: Outbox, stop: threading.Event) -> None:
    """Number committed messages for the feed where no broker is configured."""
    while not stop.is_set():
        try:
            idle = not outbox.number()
        except Exception as exc:  # noqa: BLE001 - the database's fall may not end the loop
            log.warning("numbering_interrupted", kind=type(exc).__name__)
            idle = True
        if idle:
            stop.wait(IDLE_SECONDS)
