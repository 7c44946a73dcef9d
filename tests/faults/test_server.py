"""What a killed server leaves behind."""

import contextlib
import os
import signal
import subprocess
import sys
from pathlib import Path

import requests

from tests.faults.house import until
from tests.server_process import free_port


def answers(url):
    try:
        return requests.get(f"{url}/health/ready", timeout=5).ok
    except requests.RequestException:
        return False


def ended(pid):
    """Whether it is gone, or dead and only not yet buried."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except (FileNotFoundError, ProcessLookupError):
        return True


def children(pid):
    """The processes that any of its threads has begun, the one that is there for longest first.

    Their numbers tell nothing of it: the system begins again with the low ones.
    """
    lists = [task / "children" for task in Path(f"/proc/{pid}/task").iterdir()]
    return sorted((int(child) for listed in lists for child in listed.read_text().split()), key=began)


def began(pid):
    """When a process began, in ticks since the system did: https://man7.org/linux/man-pages/man5/proc_pid_stat.5.html."""
    with contextlib.suppress(FileNotFoundError, ProcessLookupError):
        return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19])
    return 0


def test_its_processes_end_with_it_so_that_only_the_next_one_answers(sqlite_url):
    port = free_port()
    env = {
        **os.environ,
        "CASEBRIDGE_AUTH": "off",
        "CASEBRIDGE_DATABASE_URL": sqlite_url,
        "CASEBRIDGE_PORT": str(port),
    }
    server = subprocess.Popen([sys.executable, "-m", "service", "serve"], env=env, start_new_session=True)
    try:
        until(lambda: answers(f"http://127.0.0.1:{port}"), "the server does not answer")
        until(lambda: len(children(server.pid)) == 2, "there is one that answers and one that works")
        left = children(server.pid)
        server.send_signal(signal.SIGKILL)
        server.wait()
        until(lambda: all(map(ended, left)), "they went on without it", 20)
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(server.pid, signal.SIGKILL)
    assert not answers(f"http://127.0.0.1:{port}")
