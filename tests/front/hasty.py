"""The service as it is served, with less time for its senders than `casebridge serve` gives them.

Run as `python -m tests.front.hasty`; its settings are the service's.
"""

from service.cli.processes import workers
from service.front.asgi import Front
from service.front.bodies import BodyLimits
from service.front.connections import Connections
from service.settings import Settings
from service.wiring import serving

LIMITS = BodyLimits(seconds=1.0)
# heads have for ever: what makes room is what is tried
HEADS = workers.HeadLimits(seconds=100_000)
workers.CONNECTIONS = 40


def answering() -> Front:
    """Return the application."""
    settings = Settings.from_env()
    front = Front(serving.web(settings), LIMITS)
    Connections(settings.port, workers.connections(), front.working).watch()
    return front


if __name__ == "__main__":
    settings = Settings.from_env()
    server = workers.server(settings.host, settings.port, heads=HEADS)
    server.serve(target_loader=answering, wrap_loader=False)
