"""A client process that asks over kept connections as fast as it is answered.

Run as `python -m tests.performance.load`: takes what to do as JSON on standard input, prints what came of it.
"""

import dataclasses
import itertools
import json
import selectors
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
END = b"\r\n\r\n"


@dataclasses.dataclass(frozen=True)
class Load:
    """What to ask of a server on this machine: paths in turn, on so many connections, for so long."""

    port: int
    paths: list[str]
    headers: dict[str, str]
    seconds: float
    connections: int = 8


@dataclasses.dataclass(frozen=True)
class Answered:
    """What came of it: answers a second, and the time of the middle and of the slowest hundredth."""

    rate: float
    median_ms: float
    p99_ms: float


def ask(load: Load) -> Answered:
    """Put the load on from a process of its own."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.performance.load"],
        input=json.dumps(dataclasses.asdict(load)),
        stdout=subprocess.PIPE,
        text=True,
        check=True,
        cwd=ROOT,
    )
    return Answered(**json.loads(done.stdout))


class Connection:
    """One kept connection: one request under way at a time."""

    def __init__(self, port: int, requests: Iterator[bytes]) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), 30)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._requests = requests
        self._came, self._needed = bytearray(), 0

    def send(self) -> None:
        self._began = time.perf_counter()
        self.socket.sendall(next(self._requests))

    def receive(self) -> float | None:
        """Take what has come; the seconds the request took once the answer is whole."""
        chunk = self.socket.recv(1 << 18)
        if not chunk:
            raise ConnectionError("the server closed a kept connection")
        self._came += chunk
        if not self._needed:
            head = self._came.find(END)
            if head < 0:
                return None
            self._needed = head + len(END) + _length(bytes(self._came[:head]))
        if len(self._came) < self._needed:
            return None
        self._came, self._needed = bytearray(), 0
        return time.perf_counter() - self._began


def _length(head: bytes) -> int:
    """The length of the body; anything but 200 ends the run."""
    status, *fields = head.split(b"\r\n")
    if b" 200 " not in status:
        raise ValueError(f"answered {status.decode()}")
    return next(int(each[15:]) for each in fields if each[:15].lower() == b"content-length:")


def _answers(load: Load) -> Answered:
    head = "".join(f"{name}: {value}\r\n" for name, value in load.headers.items())
    ready = [f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n{head}\r\n".encode() for path in load.paths]
    requests = itertools.cycle(ready)
    took: list[float] = []
    with selectors.DefaultSelector() as selector:
        for _ in range(load.connections):
            connection = Connection(load.port, requests)
            selector.register(connection.socket, selectors.EVENT_READ, connection)
            connection.send()
        began = time.perf_counter()
        while time.perf_counter() < began + load.seconds:
            for key, _ in selector.select(30):
                seconds = key.data.receive()
                if seconds is not None:
                    took.append(seconds)
                    key.data.send()
        elapsed = time.perf_counter() - began
        for key in list(selector.get_map().values()):
            key.data.socket.close()
    took.sort()
    middle, last = took[len(took) // 2], took[len(took) * 99 // 100]
    return Answered(len(took) / elapsed, 1000 * middle, 1000 * last)


if __name__ == "__main__":
    print(json.dumps(dataclasses.asdict(_answers(Load(**json.load(sys.stdin))))))
