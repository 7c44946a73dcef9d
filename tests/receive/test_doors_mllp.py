"""The process `casebridge mllp`: real sockets, and what is in the database after a positive answer."""

import os
import signal
import socket
import subprocess
import sys
import time

import pytest

from service import wiring
from service.settings import Settings
from tests.receive.conftest import SECONDS, Client
from tests.web.sent import a03

REGISTRY = """partners:
  - name: mercy
    kind: hospital
    intake: {senders: [{application: ADT, facility: MERCY, addresses: [127.0.0.1]}]}
  - name: elsewhere
    kind: hospital
    intake: {senders: [{application: ADT, facility: ELSEWHERE, addresses: [10.0.0.0/8]}]}
"""


def free_port():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


@pytest.fixture
def settings(tmp_path, database_url):
    (tmp_path / "partners.yaml").write_text(REGISTRY, encoding="utf-8")
    found = {"CASEBRIDGE_AUTH": "off", "CASEBRIDGE_DATABASE_URL": database_url}
    return {**found, "CASEBRIDGE_PARTNERS": str(tmp_path / "partners.yaml")}


@pytest.fixture
def sender(settings):
    """A connection to a process that listens."""
    wiring.upgrade(Settings.from_env(settings))
    port = free_port()
    words = [sys.executable, "-m", "service", "mllp", "--port", str(port)]
    with subprocess.Popen(words, env={**os.environ, **settings}) as process:
        try:
            until = time.monotonic() + 60
            while True:
                try:
                    connection = socket.create_connection(("127.0.0.1", port), SECONDS)
                    break
                except OSError:
                    assert process.poll() is None
                    assert time.monotonic() < until, "it does not listen"
                    time.sleep(0.1)
            with connection:
                yield Client(connection)
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(30)


def codes(*answers):
    return [(each.first("MSA").value(1), each.first("MSA").value(2)) for each in answers]


def test_what_is_acknowledged_is_a_case_and_what_is_not_says_why(sender, settings):
    strange = a03("M3").replace(b"|MERCY|", b"|ELSEWHERE|")
    sender.send(a03("M1"), a03("M1"), strange, a03("M4").replace(b"|P|2.5", b"|P|9"), a03("M5", msh11="T"))
    first = sender.answer()
    assert sender.answer() == first
    answers = [sender.acknowledgement() for _ in range(3)]
    assert b"MSA|AA|M1" in first
    assert codes(*answers) == [("AR", "M3"), ("AR", "M4"), ("AA", "M5")]
    assert "No partner is registered" in answers[0].first("ERR").value(8)
    (case,) = wiring.cases(Settings.from_env(settings), None)
    assert case.body["status"] == "planned"
    assert case.source == "mercy"
