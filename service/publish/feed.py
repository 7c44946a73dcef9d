"""The feed where no broker is configured: committed messages get their positions."""

import threading
from typing import Final

from service.publish.ports import Outbox
from service.supervision import Backoff, supervise

IDLE_SECONDS: Final = 0.1
BACKOFF: Final = Backoff(0.1, 5.0)


def number_forever(outbox: Outbox, stop: threading.Event) -> None:
    """Number committed messages for the feed where no broker is configured."""
    supervise("numbering", lambda: 0 if outbox.number() else IDLE_SECONDS, stop, BACKOFF)
