"""What the pages say is so: settings, metrics, targets, links, commands and requests are tried."""

import importlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from contextlib import ExitStack, chdir, contextmanager
from pathlib import Path

import pytest
import requests
from prometheus_client import REGISTRY

from service.access import entries
from service.access.policy import RIGHTS
from service.settings import Settings
from service.store.tables import metadata
from service.wire.json import dump
from tests.cli.command import casebridge
from tests.mapping.page import documents, examples, section
from tests.server_process import find, free_port

ROOT = Path(__file__).parents[1]
HOUSE = (
    "README.md",
    "DEVELOPMENT.md",
    "docs/partners.md",
    "docs/intake.md",
    "docs/operations.md",
    "docs/bulk.md",
    "docs/subscriptions.md",
    "docs/why.md",
    "docs/glossary.md",
)
# who reads a page has read those beside it: the registry of one and the server of all
READERS = {"README.md": HOUSE, "mappings/README.md": ("mappings/README.md",)}
PAGES = tuple(page for pages in READERS.values() for page in pages)
LINKED = (
    *PAGES,
    "CHANGELOG.md",
    "SECURITY.md",
    "contracts/README.md",
    "contracts/messages.md",
    "docs/access.md",
    "docs/audit.md",
    "docs/behaviour.md",
    "docs/erasure.md",
    "docs/members.md",
    "docs/smart.md",
)
SPAN = re.compile(r"(?<!`)`([^`\n]+)`(?!`)")
FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
COMMAND = re.compile(r"(?:CASEBRIDGE_\w+=\S+ )*(casebridge|curl|cp) ")
ENDLESS = re.compile(r"casebridge (serve|worker|mllp|events tail(?!.*--no-follow))")
# what any shell would do the same way
SIMPLE = re.compile(r"(?P<settings>(?:CASEBRIDGE_\w+=[\w./-]+ )*)casebridge (?P<words>[\w./ -]+)")
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
    shell_lines = "\n".join(blocks).replace("\\\n", " ").splitlines()
    return [*shell_lines, *SPAN.findall(FENCE.sub("", text))]


def commands():
    """Every line that can be tried, once each with its reader, in the order of the pages."""
    by_line = {}
    for reader, pages in READERS.items():
        for page in pages:
            for line in filter(COMMAND.match, lines(page)):
                by_line.setdefault(line, reader)
    return [(reader, line) for line, reader in by_line.items()]


def files(page):
    """What stands on the pages of a reader as a file, by its path where the reader has it."""
    text = "\n".join(map(text_of, READERS[page]))
    by_file = {example.file: example.text for example in examples(text)}
    named = {path: body for path, body in by_file.items() if path == "partners.yaml"}
    named |= {f"mappings/{path}": body for path, body in by_file.items() if path.startswith("overlays/")}
    named |= [("discharge.hl7", message) for language, message in FENCE.findall(text) if language == "hl7"]
    if page == "mappings/README.md":
        client, case = documents(text)
        named |= {"client.json": dump(client).decode(), "case.json": dump(case).decode()}
    return named


def rows():
    """The table of settings: of each name its meaning and default."""
    table = section(text_of("docs/operations.md"), "Settings")
    meanings = {}
    for line in table.splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        names = re.findall(r"`CASEBRIDGE_(\w+)`", cells[0])
        meanings |= dict.fromkeys(names, cells[1:])
    return meanings


def shown(value):
    """A default as the table tells it."""
    if value is None or value == ():
        return "none"
    return f"{value.name}/" if isinstance(value, Path) else str(value)


def test_every_setting_is_in_the_table_and_the_table_names_no_other():
    assert sorted(rows()) == sorted(name.upper() for name in Settings.__dataclass_fields__)


@pytest.mark.parametrize("name", Settings.__dataclass_fields__)
def test_the_table_tells_the_default_of_each_setting(name):
    default = shown(getattr(Settings.from_env({}), name))
    assert default in re.findall(r"[^\s,`;]+", rows()[name.upper()][1])


def test_the_service_reads_no_setting_that_is_not_one():
    source = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "service").rglob("*.py"))
    named = set(re.findall(r"\"CASEBRIDGE_(\w+)\"", source))
    assert named == {name.upper() for name in Settings.__dataclass_fields__}


def test_every_make_target_that_is_named_is_there():
    made = re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
    named = {word for page in PAGES for line in lines(page) for word in re.findall(r"^make ([a-z]+)", line)}
    assert {"demo", "test", "serve"} <= named <= set(made)


def test_the_table_of_metrics_names_each_with_its_labels():
    for path in (ROOT / "service").rglob("*.py"):
        if "from prometheus_client import" in path.read_text(encoding="utf-8"):
            importlib.import_module(".".join(path.relative_to(ROOT).with_suffix("").parts))
    collectors = {
        collector_
        for collector_ in REGISTRY._names_to_collectors.values()
        if hasattr(collector_, "_labelnames")
    }
    ours = {
        collector._name + ("_total" if collector._type == "counter" else ""): list(collector._labelnames)
        for collector in collectors
        if collector._name.startswith("casebridge_")
    }
    named = table("docs/operations.md", "Metrics")[1:]
    assert {row[0].strip("`"): re.findall(r"`(\w+)`", row[1]) for row in named} == ours


def anchors(page):
    """The anchors of a page's headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.+)$", FENCE.sub("", text_of(page)), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", LINKED)
def test_each_link_of_a_page_leads_to_a_file_and_a_heading(page):
    for link in re.findall(r"\]\(([^)\s]+)\)", FENCE.sub("", text_of(page))):
        if link.startswith("https://"):
            continue
        path, _, anchor = link.partition("#")
        target = (ROOT / page).parent / path if path else ROOT / page
        assert target.exists(), link
        assert not anchor or anchor in anchors(target.resolve().relative_to(ROOT)), link


def test_every_decision_of_the_readme_is_told_in_full():
    summaries = re.findall(
        r"^- \*\*(.+?)\*\*", section(text_of("README.md"), "Why it is built this way"), re.MULTILINE
    )
    full = re.findall(r"^- \*\*(.+?)\*\*", text_of("docs/why.md"), re.MULTILINE)
    assert summaries == [line.rstrip(".") for line in full]
    assert len(summaries) > 10


def test_every_name_in_the_glossary_is_a_name_in_the_code_and_stands_there_once():
    """Of each table the third column has the names in code, the fourth names of tables among others."""
    source = "\n".join(path.read_text(encoding="utf-8") for path in (ROOT / "service").rglob("*.py"))
    rows = [line.split(" | ") for line in text_of("docs/glossary.md").splitlines() if line.startswith("| ")]
    named = [re.findall(r"`([A-Za-z_]+)`", row[2]) for row in rows if len(row) == 4]
    tables = [name for row in rows for name in re.findall(r"tables? ((?:`\w+`(?:, )?)+)", row[-1])]
    words = {name for names in named for name in names}
    assert len(words) > 50
    assert [name for name in words if not re.search(rf"\b{name}\b", source)] == []
    known = set(metadata.tables)
    assert {name for names in tables for name in re.findall(r"`(\w+)`", names)} <= known
    terms = [row[0].strip("| ") for row in rows if len(row) == 4 and row[0] != "| term"]
    assert len(terms) == len(set(terms))


class Reader:
    """Somebody who does what pages say, on a machine where `serve --demo` runs with their registry."""

    def __init__(self, folder, page):
        self.folder, self.port = folder, free_port()
        for name in ("mappings", "contracts"):
            shutil.copytree(ROOT / name, folder / name)
        for path, text in files(page).items():
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_text(text, encoding="utf-8")
        paths = {"python": sys.executable, "curl": find("curl", ()) / "curl"}
        (folder / "bin").mkdir()
        for name, script in SHIMS.items():
            (folder / "bin" / name).write_text(script.format(**paths), encoding="utf-8")
            (folder / "bin" / name).chmod(0o755)
        self.mine = {
            "CASEBRIDGE_AUTH": "off",
            "CASEBRIDGE_DATABASE_URL": f"sqlite:///{folder}/casebridge.db",
            "CASEBRIDGE_MAPPINGS": str(folder / "mappings"),
            "CASEBRIDGE_PORT": str(self.port),
        }
        path = {"PATH": f"{folder / 'bin'}:{os.environ['PATH']}", "PYTHONPATH": str(ROOT)}
        inherited = {key: value for key, value in os.environ.items() if not key.startswith("CASEBRIDGE_")}
        self.environment = {**inherited, **path, **self.mine}

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
            process.wait(120)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            raise

    def does(self, line):
        """Run a line to its end: (exit code, output, what else it said)."""
        here = ADDRESS.sub(f"127.0.0.1:{self.port}", line)
        if simple := SIMPLE.fullmatch(here):
            settings = dict(word.split("=", 1) for word in simple["settings"].split())
            with chdir(self.folder):
                done = casebridge(*simple["words"].split(), **(self.mine | settings))
            return done.returncode, done.stdout, done.stderr
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
    deadline = time.monotonic() + 240
    while not holds():
        assert process.poll() is None, "it has ended"
        assert time.monotonic() < deadline, "it did not come true in time"
        time.sleep(0.1)


@contextmanager
def reading(page, folder):
    """Somebody reads a page, while the server runs."""
    reader = Reader(folder, page)
    server = reader.start("CASEBRIDGE_PARTNERS=partners.yaml casebridge serve --demo", "served")
    try:
        until(lambda: "River is loaded" in reader.said("served"), server)
        yield reader
    finally:
        reader.end(server)


@pytest.fixture(scope="module")
def readers(tmp_path_factory):
    with ExitStack() as stack:
        yield {
            page: stack.enter_context(reading(page, tmp_path_factory.mktemp("reader"))) for page in READERS
        }


@pytest.fixture
def reader(readers):
    """Who reads README and the pages beside it."""
    return readers["README.md"]


def test_the_lines_that_serve_prints_work(reader):
    printed = [
        line.strip() for line in reader.said("served").splitlines() if line.strip().startswith("curl ")
    ]
    assert printed
    for line in printed:
        code, _, said = reader.does(line)
        assert (code, "HTTP 2" in said) == (0, True), (line, said)


def test_there_are_lines_to_try():
    lines = [line for _, line in commands()]
    assert len([line for line in lines if "curl " in line]) > 3
    assert [line for line in lines if "casebridge " in line]


@pytest.mark.parametrize(
    ("page", "line"), [command for command in commands() if not ENDLESS.search(command[1])]
)
def test_a_line_of_the_pages_works_as_it_stands(readers, page, line):
    code, _, said = readers[page].does(line)
    assert code == 0, said
    assert "curl " not in line or re.search(r"^HTTP 2\d\d$", said, re.MULTILINE), said


def heeds_signals(process):
    """Whether a process has come to where SIGTERM ends it in good order."""
    status = Path(f"/proc/{process.pid}/status").read_text(encoding="ascii")
    caught = int(re.search(r"SigCgt:\s*([0-9a-f]+)", status)[1], 16)
    return bool(caught >> signal.SIGTERM - 1 & 1)


@pytest.mark.parametrize(("page", "line"), [command for command in commands() if ENDLESS.search(command[1])])
def test_a_process_of_the_pages_starts_and_runs_until_it_is_ended(readers, page, line):
    reader = readers[page]
    others = {"CASEBRIDGE_PORT": str(free_port())}
    process = reader.start(ADDRESS.sub(f"127.0.0.1:{reader.port}", line), "process", **others)
    try:
        until(lambda: heeds_signals(process), process)
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(2)
    finally:
        reader.end(process)
    assert "Traceback" not in reader.said("process")


def test_a_hospitals_message_becomes_what_the_page_says(reader):
    page = text_of("docs/partners.md")
    assert re.search(r"`(MSA\|AA\|\d+)`", page)[1] in reader.does(line_as("mercy", "/hl7v2"))[1]
    (case,) = json.loads(reader.does(line_as("cms", "/api/cases"))[1])["items"]
    assert case["document"]["status"] == "planned"
    (entry,) = json.loads(reader.does(line_as("cms", "/fhir/EpisodeOfCare"))[1])["entry"]
    assert entry["resource"]["patient"]["reference"].startswith("Patient/")
    deadline = time.monotonic() + 240
    types = set()
    while not {"org.casebridge.case.opened.v1", "org.casebridge.case.discharged.v1"} <= types:
        assert time.monotonic() < deadline, types
        messages = json.loads(reader.does(line_as("engineer", "/events"))[1])
        owner = f"case/{case['uuid']}"
        types = {message["type"] for message in messages if message["partitionkey"] == owner}
        time.sleep(0.2)


def line_as(partner, path):
    """The page's line that asks for a path as a partner."""
    named = f"Casebridge-Partner: {partner}'"
    (line,) = (line for line in lines("docs/partners.md") if named in line and path in line)
    return line


def table(page, title):
    """The rows of the tables of a section of a page, each a list of cells."""
    lines = [line for line in section(text_of(page), title).splitlines() if line.startswith("| ")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


def test_the_tables_of_partners_name_every_field_and_every_kind():
    rows = table("docs/partners.md", "The registry")
    fields = [row[0].strip("`") for row in rows if len(row) == 3][1:]
    assert sorted(fields) == sorted(entries.PartnerContract().fields)
    (kinds,) = (row[1:] for row in rows if len(row) == 6 and row[0] == "")
    assert sorted(kinds) == sorted(RIGHTS)


def test_each_kind_is_let_in_where_the_table_says_so(reader):
    rows = [row for row in table("docs/partners.md", "The registry") if len(row) == 6]
    names = {"case-system": "cms", "hospital": "mercy", "insurer": "northern", "engineer": "engineer"}
    for doors, *cells in rows[1:]:
        for path in re.findall(r"`(/[^`]+)`", doors):
            method = "POST" if path in {"/hl7v2", "/fhir/$process-message"} else "GET"
            for kind, cell in zip(rows[0][1:], cells, strict=True):
                url = f"http://127.0.0.1:{reader.port}{path}"
                answer = requests.request(
                    method, url, headers={"Casebridge-Partner": names.get(kind, "local")}, timeout=30
                )
                assert (answer.status_code != 403) == bool(cell), (path, kind, answer.status_code)
