"""casebridge worker: the process that brings the outbox to the broker."""

import click

from service.cli.processes.collector import pausing
from service.cli.processes.process import METRICS, stopping, tell_metrics
from service.settings import Settings
from service.wiring import operator, processes
from service.wiring.compiled import catalogues


@click.command()
@click.option("--parent", type=int, hidden=True, help="End when this process, our parent, has ended.")
@METRICS
def worker(parent: int | None, metrics: str | None) -> None:
    """Relay the outbox to RabbitMQ; without a broker, number it for the feed.

    \b
    Example:
      CASEBRIDGE_AMQP_URL=amqp://localhost casebridge worker
    """  # noqa: D301  click reads \b
    # first: whatever comes may wait, for the database say
    stop = stopping(parent)
    settings = Settings.from_env()
    operator.check(settings)
    tell_metrics(metrics)
    with pausing():
        mappings = catalogues(settings)
    processes.worker(settings, mappings, stop)
