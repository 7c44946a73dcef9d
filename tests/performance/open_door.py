"""The service as it would be without a record of what it tells: what `secured` is measured against.

Run as `python -m tests.performance.open_door PORT` with the environment of `casebridge serve`. Who asks there
is the operator of this machine, whose scope is everything.
"""

import sys
from unittest.mock import patch

from service.cli.processes.workers import server
from service.front.asgi import Front
from service.settings import Settings
from service.wiring import serving


class Silent:
    """Records nothing, and only here."""

    def __init__(self, _engine: object) -> None:
        """Need no database."""

    def record(self, _entry: object) -> None:
        """Forget it."""


def web() -> Front:
    """Return the application."""
    with patch.object(serving, "SqlRecording", Silent):
        return Front(serving.web(Settings.from_env()))


if __name__ == "__main__":
    server("127.0.0.1", int(sys.argv[1])).serve(target_loader=web, wrap_loader=False)
