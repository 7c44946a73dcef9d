"""The command casebridge."""

import sys

import click

from service.cli.commands import Commands
from service.cli.findings import tell
from service.errors import CasebridgeError, Misconfigured


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="casebridge")
def cli() -> None:
    """Casebridge: FHIR interoperability for care case management.

    Exit codes: 0 done; 1 found wrong, or something needed did not answer; 2 wrong use, which a wrong
    setting, partner registry or mapping is too, except where a command is there to check it.

    \b
    Example:
      casebridge serve --demo
    """  # noqa: D301  click reads \b


def main() -> None:
    """Run the command: 0 done, 1 found wrong, 2 wrong use."""
    try:
        sys.exit(cli(standalone_mode=False))
    except click.ClickException as exc:
        exc.show()
        sys.exit(2)
    except click.Abort:
        sys.exit(1)
    except CasebridgeError as exc:
        tell(exc)
        sys.exit(2 if isinstance(exc, Misconfigured) else 1)


if __name__ == "__main__":
    main()
