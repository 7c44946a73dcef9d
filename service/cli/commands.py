"""The commands of casebridge, each imported when it is asked for: many bring the whole house along.

https://click.palletsprojects.com/en/stable/complex/#lazily-loading-subcommands
"""

from importlib import import_module
from typing import Any, Final

import click

SUMMARIES: Final = {
    "audit": "Export, verify or prune the audit, the record of every disclosure.",
    "cases": "List or show the cases in the database, or undo a merge, as the operator; no names are shown.",
    "clients": (
        "Find clients that may be two persons, or two that may be one, and part who was joined wrongly."
    ),
    "commands": (
        "See to what was put aside of the queue casebridge.cases, by which case systems put and patch."
    ),
    "contracts": "Write or check the contracts: JSON Schemas, OpenAPI, AsyncAPI.",
    "db": "Upgrade or check the database.",
    "demo": "Play River's story against a server of its own, on SQLite.",
    "discharges": (
        "See what of discharges nothing reads, and to what was put aside of the queue casebridge.discharges."
    ),
    "events": "Follow the feed of messages; see to the outbox.",
    "keys": "List or rotate the keys that access tokens are signed with.",
    "mappings": "Check and try the mappings.",
    "mllp": "Take HL7 v2 messages in over MLLP; who sends them is told by intake/senders in the registry.",
    "partners": "Register, list, check, rotate or revoke partners, with those of CASEBRIDGE_PARTNERS.",
    "quarantine": (
        "List, mend, replay or discard what could not be used; nothing is ever thrown away by itself."
    ),
    "replies": "List the answers that are owed to partners' endpoints, or have them sent again.",
    "serve": "Answer HTTP; on SQLite also upgrade the schema and run the worker.",
    "token": "Get an access token by a partner's key, and print it.",
    "worker": "Relay the outbox to RabbitMQ; without a broker, number it for the feed.",
}
"""Each command's name, and the first sentence of its help."""
MODULES: Final = {
    "commands": "messages.commands",
    "demo": "demo.command",
    "discharges": "messages.discharges",
    "events": "messages.events",
    "keys": "access.keys",
    "mappings": "mappings.group",
    "mllp": "processes.mllp",
    "partners": "access.partners",
    "quarantine": "messages.quarantine",
    "replies": "messages.replies",
    "serve": "processes.serve",
    "token": "access.token",
    "worker": "processes.worker",
}
"""Where commands stand that are not in a module of their name."""


class Commands(click.Group):
    """The group of all commands; to list them none is imported."""

    def __init__(self, **attrs: Any) -> None:
        """Take what a group takes; by name there are stand-ins, which know their summary alone."""
        super().__init__(
            **attrs, commands=[click.Command(name, help=text) for name, text in SUMMARIES.items()]
        )

    def get_command(self, _ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import a command; return it, or None if there is none of this name."""
        if cmd_name not in SUMMARIES:
            return None
        module = import_module(f"service.cli.{MODULES.get(cmd_name, cmd_name)}")
        command: click.Command = getattr(module, cmd_name)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands by their summaries."""
        click.Group(commands=self.commands).format_commands(ctx, formatter)
