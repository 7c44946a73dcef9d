"""`make mutate`: changes modules in a copy of the repository and lists the changes that no test fails on.

mutmut changes what stands inside functions, an expression at a time; constants of a module stay as they are.
https://mutmut.readthedocs.io
"""

import ast
import contextlib
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import click

from service.cli.progress import progress

ROOT = Path(__file__).parents[1]
COPY = ROOT / "build" / "mutation"
LOG = COPY / "mutmut.log"
COPIED = ("service", "tests", "mappings", "contracts", "docs", "helm", "pyproject.toml")
MUTMUT = (sys.executable, "-m", "mutmut")
# what a function was asked before its change would be answered from memory, and no test see the change
FORGETFUL = """

def pytest_runtest_setup(item):
    modules = [module for name, module in sys.modules.items() if name.startswith("service")]
    for remembering in {id(value): value for module in modules for value in vars(module).values()}.values():
        # not of what answers to any name
        if type(remembering).__name__ == "_lru_cache_wrapper":
            remembering.cache_clear()
"""
# as mutmut names the functions of classes
CLASS_MARK = "ǁ"


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.argument("modules", nargs=-1, required=True)
@click.option("--tests", required=True, help="Files and folders of tests, with spaces between.")
@click.option("--options", default="", help="What pytest is given beside them.")
def main(modules: tuple[str, ...], tests: str, options: str) -> None:
    """Change MODULES, files below service/, and list with file, line and difference what TESTS do not notice.

    \b
    Example:
      make mutate MODULE=service/cases/identity/agreement.py TESTS=tests/cases
      make mutate MODULE="service/flows/case/identity/merging.py" TESTS=tests/flows ARGS="-k sqlite"
    """
    for path in (*modules, *shlex.split(tests)):
        if not (ROOT / path.partition("::")[0]).exists():
            raise click.UsageError(f"There is no {path}; write paths from the root of the repository.")
    copy(modules, shlex.split(tests), shlex.split(options))
    mutate()
    survivors = [
        (path, name, status) for path, name, status in outcomes() if status not in {"killed", "timeout"}
    ]
    for path, name, status in survivors:
        difference = difference_of(name)
        click.echo(f"\n{path}:{line_of(path, name, difference)}: {status}\n{difference}")
    click.echo(f"\n{len(survivors)} of {len(outcomes())} mutants are left.")


def copy(modules: tuple[str, ...], tests: list[str], options: list[str]) -> None:
    """Copy what the tests need, with settings for mutmut."""
    shutil.rmtree(COPY, ignore_errors=True)
    COPY.mkdir(parents=True)
    for name in COPIED:
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, COPY / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(ROOT / name, COPY / name)
    with (COPY / "tests" / "conftest.py").open("a", encoding="utf-8") as file:
        file.write(f"\nimport sys\n{FORGETFUL}")
    settings = {
        "source_paths": ["service"],
        "only_mutate": list(modules),
        "also_copy": [name for name in COPIED if name != "service"],
        "pytest_add_cli_args_test_selection": tests,
        "pytest_add_cli_args": ["-p", "no:cacheprovider", *options],
    }
    with (COPY / "pyproject.toml").open("a", encoding="utf-8") as file:
        file.write("\n[tool.mutmut]\n")
        # a JSON list of strings is one of TOML
        file.writelines(f"{name} = {json.dumps(value)}\n" for name, value in settings.items())


def mutate() -> None:
    """Run mutmut to its end, one mutant at a time."""
    # Hypothesis makes the same examples each time where CI is set
    environment = {**os.environ, "CI": "1"}
    words = [*MUTMUT, "run", "--max-children", "1"]
    click.echo("Running the tests without a change", err=True)
    with LOG.open("wb") as log:
        process = subprocess.Popen(words, cwd=COPY, env=environment, stdout=log, stderr=log)
        try:
            while process.poll() is None and not checked():
                time.sleep(0.2)
            for _ in progress(checks(process), len(outcomes()), "Mutants"):
                pass
        finally:
            process.terminate()
            process.wait()
    if not outcomes() or len(checked()) < len(outcomes()):
        raise click.ClickException(f"mutmut did not come to its end; {LOG} says why.")


def checks(process: subprocess.Popen) -> Iterator[str]:
    """The mutants, each as soon as tests ran on it, until mutmut ends."""
    checked_: set[str] = set()
    running = True
    while running:
        running = process.poll() is None
        new = checked() - checked_
        checked_ |= new
        yield from new
        time.sleep(0.2)


def checked() -> set[str]:
    return {name for _, name, status in outcomes() if status != "not checked"}


def outcomes() -> list[tuple[str, str, str]]:
    """Path, name and status of each mutant that mutmut made so far."""
    mutants = COPY / "mutants"
    return [
        (str(file.relative_to(mutants).with_suffix("")), name, STATUSES.get(code, f"ended with {code}"))
        for file in sorted(mutants.rglob("*.py.meta"))
        for name, code in codes(file).items()
    ]


def codes(file: Path) -> dict[str, int | None]:
    """The exit codes of the tests on each mutant of a file, which mutmut may be writing just now."""
    for _ in range(100):
        with contextlib.suppress(json.JSONDecodeError):
            return json.loads(file.read_text(encoding="utf-8"))["exit_code_by_key"]
        time.sleep(0.05)
    raise click.ClickException(f"{file} cannot be read.")


STATUSES = {
    None: "not checked",
    0: "survived",
    1: "killed",
    3: "killed",
    5: "no tests",
    33: "no tests",
    24: "timeout",
    36: "timeout",
    152: "timeout",
    255: "timeout",
    -24: "timeout",
}


def difference_of(name: str) -> str:
    shown = subprocess.run(
        [*MUTMUT, "show", name], cwd=COPY, capture_output=True, text=True, check=True
    ).stdout
    return "\n".join(shown.splitlines()[1:])


def line_of(path: str, name: str, difference: str) -> int:
    """The line that a mutant changes; its difference counts from the first line of the function."""
    mangled = re.sub(r"__mutmut_\d+$", "", name.rpartition(".")[2])
    qualified = mangled.removeprefix("x_").removeprefix("x").strip(CLASS_MARK).split(CLASS_MARK)
    node = ast.parse((COPY / path).read_text(encoding="utf-8"))
    for part in qualified:
        node = next(child for child in ast.walk(node) if getattr(child, "name", None) == part)
    first = min([node.lineno, *(decorator.lineno for decorator in node.decorator_list)])
    lines = difference.splitlines()
    hunk = next(number for number, line in enumerate(lines) if line.startswith("@@"))
    before = next(number for number, line in enumerate(lines[hunk + 1 :]) if line[:1] in {"-", "+"})
    return first + int(re.match(r"@@ -(\d+)", lines[hunk])[1]) - 1 + before


if __name__ == "__main__":
    main(prog_name="make mutate")
