"""`casebridge serve` as somebody starts it."""

import os
import signal
import subprocess
import sys

import pytest
import requests

from tests.server_process import free_port


@pytest.fixture
def demo(sqlite_url):
    """What `serve --demo` says, line by line, and its address."""
    port = str(free_port())
    given = {"CASEBRIDGE_DATABASE_URL": sqlite_url, "CASEBRIDGE_PORT": port}
    mine = {key: each for key, each in os.environ.items() if not key.startswith("CASEBRIDGE_")}
    server = subprocess.Popen(
        [sys.executable, "-m", "service", "serve", "--demo"],
        env={**mine, **given},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    yield server.stdout, f"http://127.0.0.1:{port}"
    os.killpg(server.pid, signal.SIGINT)
    server.communicate(timeout=60)


def test_rivers_messages_are_there_when_it_is_said_that_river_is_loaded(demo):
    lines, url = demo
    said = next(line for line in lines if line.startswith("River is loaded"))
    told = {each["type"] for each in requests.get(f"{url}/events?count=1000", timeout=30).json()}
    assert "org.casebridge.careplan.created.v1" in told, said
