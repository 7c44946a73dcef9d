"""The command casebridge."""

import sys

import click

from service.cli import db, demo, events, mappings, serve
from service.errors import CasebridgeError


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="casebridge")
def cli() -> None:
    """Casebridge: FHIR interoperability for care case management."""


for command in (serve.serve, serve.worker, db.db, mappings.mappings, events.events, demo.demo):
    cli.add_command(command)


def main() -> None:
    """Run the command: 0 done, 1 found wrong, 2 wrong use."""
    try:
        cli(standalone_mode=False)
    except click.exceptions.Exit as exc:
        sys.exit(exc.exit_code)
    except click.ClickException as exc:
        exc.show()
        sys.exit(2)
    except click.Abort:
        sys.exit(1)
    except CasebridgeError as exc:
        for issue in exc.issues:
            click.echo(f"{issue.where}: {issue.what}" if issue.where else issue.what, err=True)
        sys.exit(1)


if __name__ == "__main__":
    main()
