"""The service as it is served, and senders with real sockets."""

import contextlib
import json
import os
import signal
import socket
import struct
import subprocess
import sys

import pytest
import requests

from tests.faults.house import HOSPITAL, until
from tests.server_process import free_port

SECONDS = 60.0
FRAMINGS = ("length", "chunks", "within a chunk")
REGISTRY = (
    HOSPITAL
    + "  - {name: cms, kind: case-system, writes: [CarePlan, CareTeam, EpisodeOfCare]}\n"
    + "  - {name: northern, kind: insurer, identifiers: [{system: 'urn:example:payers', value: northern}]}\n"
)
ENDS = ("finished", "closed", "reset")


class Served:
    """A process of the service that answers HTTP."""

    def __init__(self, folder, words, **more):
        (folder / "partners.yaml").write_text(REGISTRY, encoding="utf-8")
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        own = {name: value for name, value in os.environ.items() if not name.startswith("CASEBRIDGE_")}
        settings = {
            "AUTH": "off",
            "DATABASE_URL": f"sqlite:///{folder}/casebridge.db",
            "PARTNERS": str(folder / "partners.yaml"),
            "PORT": str(self.port),
            **more,
        }
        env = {**own, **{f"CASEBRIDGE_{name}": setting for name, setting in settings.items()}}
        self.process = subprocess.Popen([sys.executable, "-m", *words], env=env, start_new_session=True)

    def ready(self):
        with contextlib.suppress(requests.RequestException):
            return self.get("/health/ready").ok

    def get(self, path, **headers):
        return requests.get(self.url + path, headers=headers, timeout=SECONDS)

    def connect(self):
        """A socket of a sender."""
        connection = socket.create_connection(("127.0.0.1", self.port), SECONDS)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return connection

    def refusals(self, route):
        """How many requests of a route were answered 400."""
        label = f'route="{route}",status="400"'
        lines = self.get("/metrics").text.splitlines()
        return sum(
            float(line.split()[-1])
            for line in lines
            if line.startswith("casebridge_http_requests_total") and label in line
        )

    def kept(self):
        """What is kept of what anybody sent: each entry of the inbox, each document."""
        paths = [f"/api/{kind}?_count=500" for kind in ("quarantine", "clients", "cases")]
        paths[0] += "&state=all"
        paths += [f"/api/directory/{kind}" for kind in ("practitioner", "organization", "location")]
        return {path: self.get(path).json()["items"] for path in paths}

    def close(self):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()


@contextlib.contextmanager
def serving(folder, *words, **more):
    """A process of the service, once it answers."""
    served = Served(folder, words, **more)
    try:
        until(served.ready, "the server does not answer")
        yield served
    finally:
        served.close()


@pytest.fixture(scope="session")
def served(tmp_path_factory):
    """The service as `casebridge serve` runs it, on SQLite."""
    with serving(tmp_path_factory.mktemp("served"), "service", "serve") as server:
        yield server


@pytest.fixture(scope="session")
def hasty(tmp_path_factory):
    """The service with little patience for bodies, for ever for heads, and room for 40 connections."""
    folder = tmp_path_factory.mktemp("hasty")
    env = {**os.environ, "CASEBRIDGE_DATABASE_URL": f"sqlite:///{folder}/casebridge.db"}
    subprocess.run([sys.executable, "-m", "service", "db", "upgrade"], env=env, check=True)
    with serving(folder, "tests.front.hasty") as server:
        yield server


def head(method, path, *fields, partner="mercy"):
    """The head of a request."""
    who = [f"Casebridge-Partner: {partner}"] if partner else []
    return "\r\n".join([f"{method} {path} HTTP/1.1", "Host: casebridge", *who, *fields, "", ""]).encode()


def framed(framing, body, sent):
    """The fields that announce a body, and so much of it as comes, as bytes."""
    if framing == "length":
        return f"Content-Length: {len(body)}", body[:sent]
    size = sent if framing == "chunks" else len(body)
    return "Transfer-Encoding: chunked", b"%x\r\n%s" % (size, body[:sent]) + b"\r\n" * (framing == "chunks")


def end(sender, how):
    """End what is sent: the answer can be read only of what has finished."""
    if how == "finished":
        sender.shutdown(socket.SHUT_WR)
        return
    if how == "reset":
        sender.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    sender.close()


def answer(sender):
    """The status of an answer and its body, read to its end."""
    came = b""
    while b"\r\n\r\n" not in came:
        came += (more := sender.recv(65_536))
        if not more:
            return 0, came
    top, _, body = came.partition(b"\r\n\r\n")
    fields = dict(line.lower().split(b": ", 1) for line in top.split(b"\r\n")[1:])
    while len(body) < int(fields.get(b"content-length", 0)):
        body += sender.recv(65_536)
    return int(top.split()[1]), body


def said(body):
    """What a problem or an OperationOutcome says."""
    outcome = json.loads(body)
    return outcome["detail"] if "detail" in outcome else outcome["issue"][0]["details"]["text"]
