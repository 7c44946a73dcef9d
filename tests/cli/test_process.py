"""A process that is told to stop ends, whatever it waits for, and whether or not somebody reads its log."""

import os
import signal
import subprocess
import sys
from contextlib import suppress

import pytest

# for a process to start on a machine that has other work
SECONDS = 120
BEGINNING = """
import os, signal, sys, threading
from service.cli.processes import process
from service.telemetry import configure
configure()
process.STOP_SECONDS = 0.1
"""
STUCK = (
    BEGINNING
    + """
process.stopping()
{log}
print("ready", file=sys.stderr, flush=True)
threading.Event().wait()
"""
)
FULL = """
os.set_blocking(1, False)
try:
    while True:
        os.write(1, b"x")
except BlockingIOError:
    os.set_blocking(1, True)
"""
LOOKED_AT = (
    BEGINNING
    + """
process.STOP_SECONDS = 60.0
stop = process.stopping()
# which who waits for an event or looks at it holds for some moments
with stop._cond:
    signal.raise_signal(signal.SIGTERM)
stop.wait()
"""
)
CHILD = (
    BEGINNING
    + """
stop = process.stopping(int(sys.argv[1]))
print(os.getpid(), flush=True)
stop.wait()
"""
)
PARENT = """
import os, subprocess, sys
subprocess.Popen([sys.executable, "-c", sys.argv[1], str(os.getpid())]).wait()
"""


@pytest.mark.parametrize("log", ["", FULL], ids=["gone", "full"])
def test_what_is_stuck_ends_though_nobody_reads_its_log(log):
    words, pipe = [sys.executable, "-c", STUCK.format(log=log)], subprocess.PIPE
    with subprocess.Popen(words, stdout=pipe, stderr=pipe) as process:
        assert process.stderr.readline() == b"ready\n"
        if not log:
            process.stdout.close()
        process.terminate()
        try:
            assert process.wait(SECONDS) == 1
        finally:
            process.kill()


def test_a_signal_that_comes_while_the_event_is_looked_at_is_heeded():
    assert subprocess.run([sys.executable, "-c", LOOKED_AT], timeout=SECONDS, check=False).returncode == 0


def test_a_child_ends_with_its_parent():
    process = subprocess.Popen([sys.executable, "-c", PARENT, CHILD], stdout=subprocess.PIPE)
    child = process.stdout.readline().decode().strip()
    try:
        process.kill()
        process.wait(SECONDS)
        # its end of the pipe is closed when it has ended
        assert process.stdout.read() == b""
    finally:
        process.stdout.close()
        with suppress(ProcessLookupError):
            os.kill(int(child), signal.SIGKILL)


def test_a_log_that_nobody_reads_any_more_keeps_no_work_from_going_on():
    script = (
        BEGINNING
        + """
import structlog
print("ready", flush=True)
sys.stdin.readline()
structlog.get_logger().warning("something")
os._exit(7)
"""
    )
    process = subprocess.Popen([sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    process.stdout.readline()
    process.stdout.close()
    process.communicate(b"\n", timeout=SECONDS)
    assert process.returncode == 7
