"""Bundles of 10,000 entries leave the server as large as it was."""

import contextlib
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import requests

from tests.faults.house import HOSPITAL, until
from tests.faults.test_server import answers, children
from tests.server_process import free_port
from tests.web.sent import FHIR, VISIT, entry, parts

MB = 1024 * 1024
SUBJECT = "urn:uuid:00000000-0000-4000-8000-0000000000a1"


@pytest.fixture
def server(tmp_path, sqlite_url):
    """The service as it is served, and its address."""
    registry, port = tmp_path / "partners.yaml", free_port()
    registry.write_text(HOSPITAL, encoding="utf-8")
    env = {
        **os.environ,
        "CASEBRIDGE_AUTH": "off",
        "CASEBRIDGE_DATABASE_URL": sqlite_url,
        "CASEBRIDGE_PARTNERS": str(registry),
        "CASEBRIDGE_PORT": str(port),
    }
    server = subprocess.Popen([sys.executable, "-m", "service", "serve"], env=env, start_new_session=True)
    try:
        until(lambda: answers(f"http://127.0.0.1:{port}"), "the server does not answer")
        yield server, f"http://127.0.0.1:{port}"
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(server.pid, signal.SIGKILL)
        server.wait()


def resident(server):
    """How much memory its largest process holds."""
    sizes = [Path(f"/proc/{child}/statm").read_text().split()[1] for child in children(server.pid)]
    return max(map(int, sizes)) * os.sysconf("SC_PAGE_SIZE")


def large(kind, number):
    """A Bundle of 10,000 entries: stays of one patient, and observations of which nothing is kept."""
    stay, patient, _ = parts(SUBJECT)
    del stay["diagnosis"]
    stays = [
        {**stay, "id": f"{index}", "identifier": [{**VISIT, "value": f"{kind}-{number}-{index}"}]}
        for index in range(1_000, 1_000 + (100 if kind == "transaction" else 3))
    ]
    observed = {"resourceType": "Observation", "status": "final", "code": {"text": "x"}}
    many = [{**observed, "id": f"{index}"} for index in range(10_000, 19_999 - len(stays))]
    entries = [
        entry(resource, method="POST", url=resource["resourceType"]) for resource in [*stays, patient, *many]
    ]
    assert len(entries) == 10_000
    return {"resourceType": "Bundle", "type": kind, "entry": entries}


@pytest.mark.parametrize("kind", ["transaction", "batch"])
def test_bundles_of_10_000_entries_are_answered_and_leave_no_memory_behind(server, kind):
    process, url = server
    held = []
    for number in range(6):
        answer = requests.post(
            f"{url}/fhir",
            json=large(kind, number),
            headers={"Content-Type": FHIR, "Casebridge-Partner": "mercy"},
            timeout=120,
        )
        assert answer.status_code == 200, answer.text[:500]
        statuses = [entry["response"]["status"][:3] for entry in answer.json()["entry"]]
        assert len(statuses) == 10_000
        assert statuses.count("201") == (100 if kind == "transaction" else 3)
        held.append(resident(process))
    assert max(held[2:]) - max(held[:2]) < 40 * MB, [size // MB for size in held]
    assert max(held) < 350 * MB, [size // MB for size in held]
