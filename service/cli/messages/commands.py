"""casebridge commands: what of the queue casebridge.cases could not be done."""

import click

from service.cli.messages.dead import add_dead
from service.publish.amqp import topology
from service.wiring import processes


@click.group()
def commands() -> None:
    """See to what was put aside of the queue casebridge.cases, by which case systems put and patch.

    \b
    Example:
      casebridge commands redrive
    """  # noqa: D301  click reads \b


add_dead(commands, topology.CASES, "done", processes.redriving_commands)
