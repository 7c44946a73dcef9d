"""A database that says nothing: everybody is told so soon, and each process ends when it is told to."""

import contextlib
import os
import socket
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
import requests
from sqlalchemy import create_engine, text

from service.receive.mllp.framing import frame_of
from tests.faults.house import HOSPITAL, until
from tests.faults.test_server import answers, children, ended
from tests.receive.conftest import Client
from tests.server_process import free_port
from tests.store.made import NUMBERED
from tests.web.sent import ER7, a03

SECONDS = 60.0
ALL_NUMBERED = f"SELECT count(*) > 0 AND count(place) = count(*) FROM ({NUMBERED}) AS numbered"


class Processes:
    """The three processes of the service on one database, started once each."""

    def __init__(self, folder, database_url):
        (folder / "partners.yaml").write_text(HOSPITAL, encoding="utf-8")
        self.port, self.mllp_port = free_port(), free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        env = {
            **os.environ,
            "CASEBRIDGE_AUTH": "off",
            "CASEBRIDGE_DATABASE_URL": database_url,
            "CASEBRIDGE_PARTNERS": str(folder / "partners.yaml"),
            "CASEBRIDGE_PORT": str(self.port),
        }
        run = [sys.executable, "-m", "service"]
        subprocess.run([*run, "db", "upgrade"], env=env, check=True)
        words = (["serve"], ["worker"], ["mllp", "--port", str(self.mllp_port)])
        self.all = [subprocess.Popen([*run, *command], env=env, start_new_session=True) for command in words]

    def send(self, control_id):
        """A message over HTTP: the status of its answer."""
        headers = {"Content-Type": ER7, "Casebridge-Partner": "mercy"}
        raw = a03(control_id, visit=control_id)
        return requests.post(f"{self.url}/hl7v2", raw, headers=headers, timeout=SECONDS).status_code

    def send_framed(self, control_id):
        """A message over MLLP: the code of its acknowledgement."""
        with socket.create_connection(("127.0.0.1", self.mllp_port), SECONDS) as plain:
            client = Client(plain)
            client.send(a03(control_id, visit=control_id))
            return _code(client.answer())

    def get(self, path):
        return requests.get(self.url + path, timeout=SECONDS).status_code

    def close(self):
        for process in self.all:
            process.kill()
            process.wait()


def _code(raw):
    """MSA-1."""
    return next(word for word in raw.split(b"\r") if word.startswith(b"MSA|")).split(b"|")[1].decode()


@pytest.fixture
def processes(tmp_path, killable_postgres):
    name = f"casebridge_frozen_{time.time_ns()}"
    url = killable_postgres.create_database(name)
    engine = create_engine(url)

    def numbered():
        with engine.connect() as connection:
            return connection.execute(text(ALL_NUMBERED)).scalar()

    processes_ = Processes(tmp_path, url)
    try:
        until(lambda: answers(processes_.url), "the server does not answer")
        assert processes_.send("BEFORE-1") == 200
        until(lambda: listens(processes_.mllp_port), "the MLLP process does not listen")
        assert processes_.send_framed("BEFORE-2") == "AA"
        until(numbered, "the worker does not work")
        engine.dispose()
        yield processes_
    finally:
        processes_.close()
        killable_postgres.drop_database(name)


def listens(port):
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 5):
        return True


def test_everybody_is_told_of_a_database_that_stands_still_and_all_end_when_told_to(
    processes, killable_postgres
):
    server = processes.all[0]
    with contextlib.ExitStack() as stack:
        # whoever is connected: a body that does not come, a head, a frame, and one who says nothing at all
        for port, sent in (
            (processes.port, b"POST /hl7v2 HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\nMSH"),
            (processes.port, b"GET /fhir/metadata HTTP/1.1\r\nHost"),
            (processes.port, b""),
            (processes.mllp_port, frame_of(a03())[:50]),
            (processes.mllp_port, b""),
        ):
            for _ in range(20):
                sender = stack.enter_context(socket.create_connection(("127.0.0.1", port), SECONDS))
                sender.sendall(sent)
        with killable_postgres.frozen(), ThreadPoolExecutor() as asking:
            reads = [asking.submit(processes.get, "/fhir/CarePlan") for _ in range(40)]
            sent = [asking.submit(processes.send, f"FROZEN-{number}") for number in range(4)]
            framed_ones = [asking.submit(processes.send_framed, f"FRAMED-{number}") for number in range(4)]
            assert processes.get("/health/live") == 200
            assert processes.get("/health/ready") == 503
            assert {read.result() for read in reads + sent} == {503}
            assert {reply.result() for reply in framed_ones} == {"AR"}
            late = asking.submit(processes.send_framed, "LATE")
            own = children(server.pid)
            for process in processes.all:
                process.terminate()
            for process in processes.all:
                process.wait(SECONDS)
            until(lambda: all(map(ended, own)), "a process of the server goes on")
            with contextlib.suppress(OSError, AttributeError):
                late.result()
