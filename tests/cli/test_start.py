"""What `casebridge serve` does from the command to the first answer, and where it cannot give one."""

import contextlib
import os
import re
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
import requests

from tests.cli.test_commands import write_a_mistake
from tests.faults.house import until
from tests.faults.test_server import children, ended
from tests.server_process import free_port

OF_THE_HOUSE = {"sqlalchemy", "markupsafe", "orjson"}
"""What the store, the web framework and the formats have of compiled code."""


def start(*words, **settings):
    """A server in a process group of its own."""
    own = {name: setting for name, setting in os.environ.items() if not name.startswith("CASEBRIDGE_")}
    env = {**own, **{f"CASEBRIDGE_{name}": setting for name, setting in settings.items()}}
    return subprocess.Popen(
        [sys.executable, "-m", "service", "serve", *words],
        env=env,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


@contextlib.contextmanager
def serving(*words, **settings):
    """A server that is ended with all its processes, however the test goes."""
    server = start(*words, **settings)
    try:
        yield server
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(server.pid, signal.SIGKILL)
        server.communicate()


def modules(pid):
    """The packages of whose compiled code a process has something in memory."""
    maps = Path(f"/proc/{pid}/maps").read_text(encoding="utf-8")
    return set(re.findall(r"/site-packages/(\w+)/\S*\.so", maps))


def answers(port):
    try:
        return requests.get(f"http://127.0.0.1:{port}/health/ready", timeout=5).ok
    except requests.RequestException:
        return False


def end_of(settings):
    """The exit code of a server that ends by itself, and what it said, line by line."""
    with serving(**settings) as server:
        _, said = server.communicate(timeout=60)
        return server.returncode, said.splitlines()


@pytest.fixture
def settings(empty_sqlite_url):
    return {"AUTH": "off", "DATABASE_URL": empty_sqlite_url, "PORT": str(free_port())}


def test_the_parent_of_who_answers_has_nothing_of_the_house_in_memory(settings):
    with serving(**settings) as server:
        until(lambda: answers(settings["PORT"]), "the server does not answer")
        until(lambda: len(children(server.pid)) == 2, "one answers, one works")
        for child in children(server.pid):
            until(
                lambda child=child: modules(child) >= OF_THE_HOUSE, "it has what its parent should not have"
            )
        assert "granian" in modules(server.pid)
        assert not OF_THE_HOUSE & modules(server.pid)


def test_with_tokens_and_a_registry_it_serves_beyond_this_machine(settings, tmp_path):
    registry = tmp_path / "partners.yaml"
    registry.write_text("partners: [{name: northern, kind: insurer}]", encoding="utf-8")
    with serving(**settings | {"AUTH": "smart", "HOST": "0.0.0.0", "PARTNERS": str(registry)}):
        until(lambda: answers(settings["PORT"]), "the server does not answer")
        address = f"http://127.0.0.1:{settings['PORT']}/fhir/CarePlan"
        assert requests.get(address, timeout=30).status_code == 401


WRONG = {
    "a setting": (
        {"AUTH": "smart", "HOST": "0.0.0.0"},
        "CASEBRIDGE_PARTNERS: Without a registry it is served on a loopback address only",
    ),
    "no tokens": (
        {"HOST": "0.0.0.0", "PARTNERS": "{folder}/kind.yaml"},
        "CASEBRIDGE_AUTH: `off` is for a loopback address only",
    ),
    "a secret": (
        {"AUTH": "smart", "SECRET_FILE": "{folder}/none"},
        "CASEBRIDGE_SECRET_FILE: {folder}/none: The secret cannot be read.",
    ),
    "a database": ({"DATABASE_URL": "mysql://127.0.0.1/x"}, "CASEBRIDGE_DATABASE_URL: Use a sqlite or "),
    "an overlay": ({"OVERLAYS": "bogus"}, "CASEBRIDGE_OVERLAYS: there is no overlay `bogus`"),
    "a mapping": ({"MAPPINGS": "{folder}/mappings"}, "outbound/Patient.yaml:5:22: `client.gendr` is unknown"),
    "the registry": ({"PARTNERS": "{folder}/kind.yaml"}, "{folder}/kind.yaml:1:26: /partners/0/kind: "),
    "no registry": (
        {"PARTNERS": "{folder}/none.yaml"},
        "{folder}/none.yaml: The partner registry cannot be ",
    ),
    "a partner": (
        {"PARTNERS": "{folder}/intake.yaml"},
        "{folder}/intake.yaml: /partners/0/intake/overlays: ",
    ),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_is_configured_wrongly_is_told_once_by_its_place_and_exits_2(settings, tmp_path, name):
    (tmp_path / "mappings").mkdir()
    write_a_mistake(tmp_path / "mappings")
    (tmp_path / "kind.yaml").write_text("partners: [{name: mercy, kind: bogus}]")
    (tmp_path / "intake.yaml").write_text(
        "partners: [{name: mercy, kind: hospital, intake: {overlays: [bogus]}}]"
    )
    more, complaint = WRONG[name]
    code, said = end_of(settings | {key: value.format(folder=tmp_path) for key, value in more.items()})
    assert (code, len(said)) == (2, 1), said
    assert said[0].startswith(complaint.format(folder=tmp_path))


def test_all_mistakes_of_the_mappings_are_told_in_one_go(settings, tmp_path):
    """However many: these are more than a pipe holds."""
    write_a_mistake(tmp_path)
    with (tmp_path / "outbound/Patient.yaml").open("a") as mapping:
        mapping.write("".join(f"  name{number}: '{{{{ client.names }}}}'\n" for number in range(2_000)))
    code, said = end_of(settings | {"MAPPINGS": str(tmp_path)})
    assert (code, len(said), len(set(said))) == (2, 2_001, 2_001)
    assert all(re.match(r"outbound/Patient\.yaml:\d+:\d+: ", line) for line in said)


def test_a_database_without_a_schema_is_told_before_anything_is_compiled(
    settings, empty_postgres_url, tmp_path
):
    nothing = {"MAPPINGS": str(tmp_path)}  # which would be told later
    code, said = end_of(settings | nothing | {"DATABASE_URL": empty_postgres_url})
    assert (code, len(said)) == (2, 1), said
    assert "schema none" in said[0]
    assert "casebridge db upgrade" in said[0]


@pytest.mark.parametrize("url", ["postgresql://127.0.0.1:1/casebridge", "sqlite:////nowhere/casebridge.db"])
def test_a_database_that_is_away_is_told_and_exits_1(settings, url):
    code, said = end_of(settings | {"DATABASE_URL": url})
    assert (code, said) == (1, ["The database does not answer; try again later."])


@pytest.fixture
def starting(settings):
    """A server whose process that answers waits for a database that another holds, and that process's id."""
    file = settings["DATABASE_URL"].removeprefix("sqlite:///")
    with (
        contextlib.closing(sqlite3.connect(file, isolation_level=None)) as held,
        serving(**settings) as server,
    ):
        held.execute("BEGIN EXCLUSIVE")
        until(
            lambda: any(holds(child, file) for child in children(server.pid)),
            "it does not come to its database",
        )
        (child,) = children(server.pid)
        yield server, child


def holds(pid, file):
    """Whether a process has a file open."""
    with contextlib.suppress(OSError):
        return any(str(descriptor.readlink()) == file for descriptor in Path(f"/proc/{pid}/fd").iterdir())
    return False


@pytest.mark.parametrize(("send", "number"), [(os.kill, signal.SIGTERM), (os.killpg, signal.SIGINT)])
def test_who_is_asked_to_end_while_it_starts_does(starting, send, number):
    """By SIGTERM, or by Ctrl-C, which comes to all its processes."""
    server, child = starting
    send(server.pid, number)
    _, said = server.communicate(timeout=120)
    assert (server.returncode, said) == (0, "")
    assert ended(child)


def test_it_ends_with_the_process_that_should_have_answered(starting):
    server, child = starting
    os.kill(child, signal.SIGKILL)
    _, said = server.communicate(timeout=120)
    assert (server.returncode, said) == (1, "")


def test_no_process_goes_on_starting_without_its_parent(starting):
    server, child = starting
    server.kill()
    server.wait()
    until(lambda: ended(child), "it goes on", 20)
