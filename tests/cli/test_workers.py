"""Several workers behind one port: what they count together, and what becomes of one that dies."""

import contextlib
import os
import signal
import socket
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import requests
from prometheus_client.parser import text_string_to_metric_families

from service.cli.processes import workers
from service.wire.json import dump
from tests.cli.test_start import serving
from tests.faults.house import until
from tests.faults.test_server import children, ended
from tests.server_process import free_port

WORKERS = 2
ASKED = 60
"""So many connections come to both workers: the system spreads them by their ports."""


class Server:
    """A server with several workers."""

    def __init__(self, process, port):
        self.process, self.port = process, port
        self._url = f"http://127.0.0.1:{port}"

    def answering(self):
        """The ids of its workers that are there; the outbox's is none of them."""
        listed = (child for child in children(self.process.pid) if not ended(child))
        return [child for child in listed if b"worker" not in words(child)]

    def ready(self):
        """Whether all workers have come to answer: each says that it is ready by a line of its own."""
        with contextlib.suppress(requests.RequestException):
            return requests.get(f"{self._url}/health/ready", timeout=5).ok and self._listeners() == WORKERS
        return False

    def ask(self, method, path, **more):
        """The answer on a connection of its own."""
        return requests.request(method, self._url + path, timeout=30, **more)

    def count(self, method, status):
        """How many requests /metrics tells of, whichever worker is asked."""
        families = text_string_to_metric_families(self.ask("GET", "/metrics").text)
        samples = [sample for family in families for sample in family.samples]
        labels = {"method": method, "status": status}
        return sum(
            sample.value
            for sample in samples
            if sample.name == "casebridge_http_requests_total" and labels.items() <= sample.labels.items()
        )

    def _listeners(self):
        """How many sockets listen on the port: https://docs.kernel.org/networking/proc_net_tcp.html."""
        table = Path("/proc/net/tcp").read_text(encoding="ascii")
        rows = [line.split() for line in table.splitlines()]
        return sum(row[1].endswith(f":{self.port:04X}") and row[3] == "0A" for row in rows)


def words(pid):
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    return []


@pytest.fixture
def server(database_url):
    port = free_port()
    settings = {"AUTH": "off", "DATABASE_URL": database_url, "PORT": str(port)}
    with serving("--workers", str(WORKERS), **settings) as process:
        server = Server(process, port)
        until(server.ready, "not all workers answer")
        yield server


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_metrics_are_those_of_all_workers_whichever_is_asked(server):
    before = server.count("GET", "200")
    for _ in range(ASKED):
        assert server.ask("GET", "/health/live").ok
    counts = [server.count("GET", "200") - before for _ in range(10)]
    # each look is itself one request more
    assert counts == [ASKED + number for number in range(1, 11)]


def client_of(number):
    return {
        "identifiers": [{"system": "urn:example:clients", "value": number}],
        "names": [{"given": ["River"]}],
    }


class CaseSystem:
    """Puts clients until it is told to stop, each again until it is answered."""

    def __init__(self, server, name):
        self.stored, self.stop = [], False
        self._server, self._name = server, name

    def run(self):
        while not self.stop:
            path = f"/api/clients/{self._name}-{len(self.stored)}"
            client = client_of(path)
            status, again = None, False
            while status is None and not self.stop:
                try:
                    status = self._server.ask("PUT", path, json=client).status_code
                except requests.RequestException:
                    again = True
            # what was put before its worker died is there
            assert status is None or status == 201 or (again and status == 428), status
            self.stored += [(path, status)] if status is not None else []


def written(systems):
    return sum(len(system.stored) for system in systems)


def done(run):
    return run.done()


def test_a_worker_that_is_killed_is_replaced_and_nothing_that_was_acknowledged_is_lost(server):
    systems = [CaseSystem(server, name) for name in ("north", "south", "east", "west")]
    with ThreadPoolExecutor(len(systems)) as pool:
        runs = [pool.submit(system.run) for system in systems]
        try:
            for _ in range(WORKERS):
                enough = written(systems) + 20
                until(lambda enough=enough: written(systems) > enough or any(map(done, runs)), "no writes")
                # the one that is there for longest: one that dies as soon as it begins ends them all
                oldest, *others = server.answering()
                os.kill(oldest, signal.SIGKILL)
                until(lambda oldest=oldest: ended(oldest), "it lives on")
                until(
                    lambda others=others: set(others) < set(server.answering()),
                    "it is not replaced",
                )
                until(server.ready, "who replaces it does not answer")
        finally:
            for system in systems:
                system.stop = True
        for run in runs:
            run.result()
    stored = [case for system in systems for case in system.stored]
    assert all(server.ask("GET", path).ok for path, _ in stored)
    # what the killed ones counted is not forgotten
    assert server.count("PUT", "201") >= sum(status == 201 for _, status in stored)


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_all_workers_end_when_told_to_and_answer_what_is_in_hand(server):
    family = server.answering()
    body = dump(client_of("R-0"))
    head = (
        "PUT /api/clients/river-{number} HTTP/1.1\r\nHost: casebridge\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    )
    with contextlib.ExitStack() as stack:
        senders = []
        for number in range(ASKED):
            sender = stack.enter_context(socket.create_connection(("127.0.0.1", server.port), 30))
            mine = body.replace(b"R-0", b"R-%d" % (number % 10))
            sender.sendall(head.replace("{number}", f"{number}").encode() + mine[:-1])
            senders.append(sender)
        # who is asked after them answers after it has begun with them
        for _ in range(ASKED):
            assert server.ask("GET", "/health/live").ok
        server.process.terminate()
        for sender in senders:
            sender.sendall(body[-1:])
        assert {sender.recv(12) for sender in senders} == {b"HTTP/1.1 201"}
    assert server.process.wait(60) == 0
    assert all(map(ended, family))


@pytest.mark.parametrize(("quota", "most"), [("max 100000", 4), ("150000 100000", 2), ("50000 100000", 1)])
def test_a_container_has_as_many_cores_as_its_quota(tmp_path, monkeypatch, quota, most):
    file = tmp_path / "cpu.max"
    file.write_text(quota, encoding="ascii")
    monkeypatch.setattr(workers, "QUOTA", file)
    monkeypatch.setattr(os, "sched_getaffinity", lambda _pid: {0, 1, 2, 3})
    assert workers.cores() == most
