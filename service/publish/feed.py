"""The feed where no broker is configured: committed messages get their positions."""

import threading
from typing import Final

from service.publish.ports import Outbox
from service.supervision import Backoff, Rest, supervise

IDLE_SECONDS: Final = 0.1
BACKOFF: Final = Backoff(0.1, 5.0)


def number_forever(outbox: Outbox, stop: threading.Event, rest: Rest | None = None) -> None:
    """Number committed messages for the feed where no broker is configured; `rest` as of `supervise`."""
    supervise("numbering", lambda: 0 if outbox.number() else IDLE_SECONDS, stop, BACKOFF, rest=rest)
