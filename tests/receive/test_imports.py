"""A process that takes discharges in, and no HTTP, loads no web framework: it costs memory and start time."""

import subprocess
import sys

import pytest

LOADED = """
import importlib, sys
importlib.import_module(sys.argv[1])
print(*sorted({name.partition(".")[0] for name in sys.modules} & {"flask", "werkzeug"}))
"""


def loaded(module):
    """Which of the web framework's packages a fresh interpreter has once it has imported a module."""
    run = [sys.executable, "-c", LOADED, module]
    return subprocess.run(run, check=True, capture_output=True, text=True, timeout=300).stdout.split()


@pytest.mark.parametrize("module", ["service.receive.amqp.consumer", "service.receive.mllp.server"])
def test_the_consumer_and_the_mllp_server_load_no_flask(module):
    assert loaded(module) == []


def test_a_door_over_http_does():
    assert loaded("service.receive.http.hl7v2") == ["flask", "werkzeug"]
