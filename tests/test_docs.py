"""What README and mappings/README.md say is so: settings, targets, commands and requests are tried."""

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from service.cli.demo import PARTNERS
from service.settings import Settings
from tests.mapping.page import examples
from tests.server_process import find, free_port

ROOT = Path(__file__).parents[1]
PAGES = ("README.md", "mappings/README.md")
SPAN = re.compile(r"(?<!`)`([^`\n]+)`(?!`)")
FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
COMMAND = re.compile(r"(?:CASEBRIDGE_\w+=\S+ )*(casebridge|curl) ")
ENDLESS = re.compile(r"casebridge (serve|worker|mllp|events tail(?!.*--no-follow))")
ADDRESS = re.compile(r"(127\.0\.0\.1|localhost):8080")
SHIMS = {
    "casebridge": '#!/bin/sh\nexec "{python}" -m service "$@"\n',
    "curl": '#!/bin/sh\nexec "{curl}" -sS --fail-with-body -w "%{{stderr}}HTTP %{{http_code}}\\n" "$@"\n',
}


def text_of(page):
    return (ROOT / page).read_text(encoding="utf-8")


def lines(page):
    """Every line for a shell: those in fences of no language or a shell's, and commands within the text."""
    text = text_of(page)
    blocks = [block for language, block in FENCE.findall(text) if language in {"", "sh", "bash", "shell"}]
    found = "\n".join(blocks).replace("\\\n", " ").splitlines()
    return [*found, *SPAN.findall(FENCE.sub("", text))]


def commands():
    """Every casebridge and curl line, once each, in the order of the pages."""
    return list(dict.fromkeys(line for page in PAGES for line in lines(page) if COMMAND.match(line)))


def rows():
    """The table of settings: of each name its meaning and default."""
    table = text_of("README.md").partition("## Settings")[2].partition("\n## ")[0]
    found = {}
    for line in table.splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        names = re.findall(r"`CASEBRIDGE_(\w+)`", cells[0])
        found |= dict.fromkeys(names, cells[1:])
    return found


def told(value):
    """A default as the table tells it."""
    if value is None or value == ():
        return "none"
    return f"{value.name}/" if isinstance(value, Path) else str(value)


def test_every_setting_is_in_the_table_and_the_table_names_no_other():
    assert sorted(rows()) == sorted(name.upper() for name in Settings.__dataclass_fields__)


@pytest.mark.parametrize("name", Settings.__dataclass_fields__)
def test_the_table_tells_the_default_of_each_setting(name):
    default = told(getattr(Settings.from_env({}), name))
    assert default in re.findall(r"[^\s,`;]+", rows()[name.upper()][1])


def test_the_service_reads_no_setting_that_is_not_one():
    source = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "service").rglob("*.py"))
    named = set(re.findall(r"\"CASEBRIDGE_(\w+)\"", source))
    assert named == {name.upper() for name in Settings.__dataclass_fields__}


def test_every_make_target_that_is_named_is_there():
    made = re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
    named = {word for page in PAGES for line in lines(page) for word in re.findall(r"^make ([a-z]+)", line)}
    assert {"demo", "test", "serve"} <= named <= set(made)


class Reader:
    """Somebody who does what the pages say, on a machine where `serve --demo` runs."""

    def __init__(self, folder):
        self.folder, self.port = folder, free_port()
        for name in ("mappings", "contracts"):
            shutil.copytree(ROOT / name, folder / name)
        (folder / "partners.yaml").write_text(PARTNERS, encoding="utf-8")
        for each in examples(text_of("mappings/README.md")):
            if each.file.startswith("overlays/"):
                path = folder / "mappings" / each.file
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(each.text, encoding="utf-8")
        given = {"python": sys.executable, "curl": find("curl", ()) / "curl"}
        (folder / "bin").mkdir()
        for name, script in SHIMS.items():
            (folder / "bin" / name).write_text(script.format(**given), encoding="utf-8")
            (folder / "bin" / name).chmod(0o755)
        mine = {
            "CASEBRIDGE_AUTH": "off",
            "CASEBRIDGE_DATABASE_URL": f"sqlite:///{folder}/casebridge.db",
            "CASEBRIDGE_MAPPINGS": str(folder / "mappings"),
            "CASEBRIDGE_PORT": str(self.port),
            "PATH": f"{folder / 'bin'}:{os.environ['PATH']}",
            "PYTHONPATH": str(ROOT),
        }
        inherited = {key: value for key, value in os.environ.items() if not key.startswith("CASEBRIDGE_")}
        self.environment = {**inherited, **mine}

    def start(self, line, name, **more):
        """Start a line in a process group of its own; what it says is in the file `name`."""
        with (self.folder / name).open("w") as said:
            return subprocess.Popen(
                ["bash", "-c", line],
                cwd=self.folder,
                env={**self.environment, **more},
                stdout=said,
                stderr=said,
                start_new_session=True,
            )

    def end(self, process):
        """Ask a process group to end as Ctrl-C does, and wait until it has."""
        os.killpg(process.pid, signal.SIGINT)
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            raise

    def does(self, line):
        """Run a line to its end: (exit code, output, what else it said)."""
        here = ADDRESS.sub(f"127.0.0.1:{self.port}", line)
        done = subprocess.run(
            ["bash", "-o", "pipefail", "-c", here],
            cwd=self.folder,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=180,
            check=False,
        )
        return done.returncode, done.stdout, done.stderr

    def said(self, name):
        return (self.folder / name).read_text(encoding="utf-8")


def until(holds, process):
    """Wait while a process runs until something holds."""
    deadline = time.monotonic() + 60
    while not holds():
        assert process.poll() is None, "it has ended"
        assert time.monotonic() < deadline, "it did not come true in time"
        time.sleep(0.1)


@pytest.fixture(scope="module")
def reader(tmp_path_factory):
    reader = Reader(tmp_path_factory.mktemp("reader"))
    server = reader.start("casebridge serve --demo", "served")
    try:
        until(lambda: "River is loaded" in reader.said("served"), server)
        yield reader
    finally:
        reader.end(server)


def test_the_lines_that_serve_prints_work(reader):
    printed = [
        line.strip() for line in reader.said("served").splitlines() if line.strip().startswith("curl ")
    ]
    assert printed
    for line in printed:
        code, _, said = reader.does(line)
        assert (code, "HTTP 2" in said) == (0, True), (line, said)


def test_there_are_lines_to_try():
    tried = commands()
    assert len([line for line in tried if "curl " in line]) > 3
    assert [line for line in tried if "casebridge " in line]


@pytest.mark.parametrize("line", [line for line in commands() if not ENDLESS.search(line)])
def test_a_line_of_the_pages_works_as_it_stands(reader, line):
    code, _, said = reader.does(line)
    assert code == 0, said
    assert "curl " not in line or re.search(r"^HTTP 2\d\d$", said, re.MULTILINE), said


@pytest.mark.parametrize("line", [line for line in commands() if ENDLESS.search(line)])
def test_a_process_of_the_pages_starts_and_runs_until_it_is_ended(reader, line):
    others = {"CASEBRIDGE_PORT": str(free_port())}
    process = reader.start(ADDRESS.sub(f"127.0.0.1:{reader.port}", line), "process", **others)
    try:
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(5)
    finally:
        reader.end(process)
    assert "Traceback" not in reader.said("process")
