"""`casebridge serve --demo`, and what is told by its feed."""

import json
import os
import signal
import subprocess
import sys

import pytest
import requests
from click.testing import CliRunner

from service.__main__ import cli
from tests.server_process import free_port

REGISTRY = """
views: {lean: [minimum-necessary]}
partners:
  - {name: engineer, kind: engineer, view: lean}
  - {name: northern, kind: insurer}
"""


@pytest.fixture(scope="module")
def demo(tmp_path_factory):
    """What `serve --demo` says, line by line, and its address."""
    folder, port = tmp_path_factory.mktemp("demo"), str(free_port())
    (folder / "partners.yaml").write_text(REGISTRY, encoding="utf-8")
    environment = {
        "CASEBRIDGE_DATABASE_URL": f"sqlite:///{folder}/demo.db",
        "CASEBRIDGE_PARTNERS": str(folder / "partners.yaml"),
        "CASEBRIDGE_PORT": port,
    }
    mine = {key: setting for key, setting in os.environ.items() if not key.startswith("CASEBRIDGE_")}
    server = subprocess.Popen(
        [sys.executable, "-m", "service", "serve", "--demo"],
        env={**mine, **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    try:
        yield server.stdout, f"http://127.0.0.1:{port}"
    finally:
        os.killpg(server.pid, signal.SIGINT)
        server.communicate(timeout=60)


def test_river_is_not_said_to_be_loaded_where_a_token_is_wanted(tmp_path):
    mine = {key: setting for key, setting in os.environ.items() if not key.startswith("CASEBRIDGE_")}
    smart = {"CASEBRIDGE_AUTH": "smart", "CASEBRIDGE_DATABASE_URL": f"sqlite:///{tmp_path}/demo.db"}
    done = subprocess.run(
        [sys.executable, "-m", "service", "serve", "--demo"],
        env={**mine, **smart, "CASEBRIDGE_PORT": str(free_port())},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("CASEBRIDGE_AUTH: ")


def test_rivers_messages_are_there_when_it_is_said_that_river_is_loaded(demo):
    lines, url = demo
    said = next(line for line in lines if line.startswith("River is loaded"))
    types = {event["type"] for event in requests.get(f"{url}/events?count=1000", timeout=30).json()}
    assert "org.casebridge.careplan.created.v1" in types, said


def tail(url, *words):
    return CliRunner().invoke(cli, ["events", "tail", "--url", url, "--no-follow", *words])


def test_the_feed_is_followed_as_a_partner_in_its_own_view(demo):
    _, url = demo
    own, lean = (
        {json.loads(line)["id"] for line in tail(url, *words).stdout.splitlines()}
        for words in ((), ("--partner", "engineer"))
    )
    assert own
    assert lean
    assert not own & lean


@pytest.mark.parametrize("partner", ["nobody", "northern"])
def test_who_may_not_follow_it_is_told(demo, partner):
    done = tail(demo[1], "--partner", partner)
    assert done.exit_code == 1
    assert "answered 403" in done.output


def test_what_is_asked_for_is_followed_alone(demo):
    feed = requests.get(f"{demo[1]}/events?count=1000", timeout=30).json()
    owner = next(event["partitionkey"] for event in feed if event["partitionkey"].startswith("case/"))
    asked = ("--type", "CarePlan", "--type", "careteam", "--event", "created", "--case", owner[5:])
    kinds = ("org.casebridge.careplan.created.v1", "org.casebridge.careteam.created.v1")
    wanted = [event["id"] for event in feed if event["type"] in kinds and event["partitionkey"] == owner]
    assert wanted
    assert [json.loads(line)["id"] for line in tail(demo[1], *asked).stdout.splitlines()] == wanted


def test_what_comes_is_printed_as_it_comes(demo):
    url = demo[1]
    last = requests.get(f"{url}/events?_count=1000", timeout=30).headers["Casebridge-Position"]
    words = ["events", "tail", "--url", url, "--after", last, "--type", "Patient", "--event", "created"]
    with subprocess.Popen([sys.executable, "-m", "service", *words], stdout=subprocess.PIPE) as following:
        try:
            name = {"use": "usual", "given": ["Robin"]}
            put = requests.put(f"{url}/api/clients/robin", json={"names": [name]}, timeout=30)
            assert put.status_code == 201
            message = json.loads(following.stdout.readline())
        finally:
            following.kill()
    assert message["type"] == "org.casebridge.patient.created.v1"
    assert message["partitionkey"] == f"client/{put.headers['Casebridge-Id']}"


def test_a_service_that_does_not_answer_is_told_of():
    done = tail(f"http://127.0.0.1:{free_port()}")
    assert done.exit_code == 1
    assert "does not answer" in done.output
