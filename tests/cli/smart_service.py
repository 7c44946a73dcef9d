"""A running service with SMART on, which River's case was put into with a token."""

import os
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

import requests

from service.cli.access import smart_client
from tests.cli.test_start import answers
from tests.faults.house import until
from tests.flows import river
from tests.server_process import free_port
from tests.web import smart

ROOT = Path(__file__).parents[2]


@contextmanager
def serving(folder):
    """Give the address of the service while it runs."""
    port = free_port()
    entries = [
        smart.entry(name, **({"break_the_glass": True} if name == "mercy" else {})) for name in smart.KINDS
    ]
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("CASEBRIDGE_")},
        "CASEBRIDGE_AUTH": "smart",
        "CASEBRIDGE_DATABASE_URL": f"sqlite:///{folder}/c.db",
        "CASEBRIDGE_PARTNERS": str(smart.registry(folder, *entries)),
        "CASEBRIDGE_PORT": str(port),
        "PYTHONPATH": str(ROOT),
    }
    words = [sys.executable, "-m", "service", "serve"]
    server = subprocess.Popen(
        words, cwd=folder, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        until(lambda: answers(port), "the server does not answer")
        address = f"http://127.0.0.1:{port}"
        for path, document in river.STORY:
            shown = {"Authorization": f"Bearer {token(address, 'cms')}"}
            answer = requests.put(address + path, json=document, headers=shown, timeout=60)
            assert answer.status_code == 201, answer.text
        yield address
    finally:
        server.terminate()
        server.wait(60)


def token(address, partner):
    """An access token of a partner."""
    return smart_client.token(address, partner, smart.KEYS[partner])["access_token"]
