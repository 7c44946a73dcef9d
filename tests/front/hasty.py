"""The service as it is served, with less time for its senders than `casebridge serve` gives them.

Run as `python -m tests.front.hasty`; its settings are the service's.
"""

from service.cli.processes.workers import server
from service.front.asgi import Front
from service.front.bodies import BodyLimits
from service.settings import Settings
from service.wiring import serving

LIMITS = BodyLimits(seconds=1.0)


def answering() -> Front:
    """Return the application."""
    return Front(serving.web(Settings.from_env()), LIMITS)


if __name__ == "__main__":
    settings = Settings.from_env()
    server(settings.host, settings.port).serve(target_loader=answering, wrap_loader=False)
