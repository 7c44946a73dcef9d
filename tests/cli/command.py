"""The command casebridge as its user types it, within this process: it takes a second to start another."""

import sys
from dataclasses import dataclass

import pytest
from click.testing import CliRunner

from service.__main__ import main


@dataclass(frozen=True)
class Ended:
    """What a command said, and the exit code that a shell sees."""

    returncode: int
    stdout: str
    stderr: str


def casebridge(*words, **env):
    """Run a command with more in its environment than there is; what is None is taken out of it."""
    with CliRunner().isolation(env=env) as (stdout, stderr, _), pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", ["casebridge", *words])
        with pytest.raises(SystemExit) as exited:
            main()
        sys.stdout.flush()
        sys.stderr.flush()
        return Ended(exited.value.code or 0, stdout.getvalue().decode(), stderr.getvalue().decode())
