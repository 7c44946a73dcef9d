"""A client process that asks over kept connections, HTTP's or MLLP's, as fast as it is answered.

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
from typing import Literal

ROOT = Path(__file__).parents[2]
END = b"\r\n\r\n"
LAST_CHUNK = b"\r\n0\r\n\r\n"
FRAME_END = b"\x1c\r"
NUMBER = "{0000000}"


@dataclasses.dataclass(frozen=True)
class Load:
    """What to ask of a server on this machine: requests in turn, on so many connections, for so long.

    A request is all that is sent; NUMBER in it stands for a number, `first` for the first request and so on,
    as long as itself. `protocol` is that of the answers, each of which has to be positive.
    """

    port: int
    requests: list[str]
    seconds: float
    connections: int = 8
    first: int = 0
    protocol: Literal["http", "mllp"] = "http"


@dataclasses.dataclass(frozen=True)
class Answered:
    """What came of it: answers a second, and the time of the middle and of the slowest hundredth."""

    rate: float
    median_ms: float
    p99_ms: float
    count: int


def gets(paths: list[str], headers: dict[str, str]) -> list[str]:
    """Return the requests that GET paths."""
    head = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    return [f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n{head}\r\n" for path in paths]


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

    def __init__(self, load: Load, requests: Iterator[bytes]) -> None:
        self.socket = socket.create_connection(("127.0.0.1", load.port), 30)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._requests = requests
        self._is_whole = _http if load.protocol == "http" else _mllp
        self._came = bytearray()

    def send(self) -> None:
        self._began = time.perf_counter()
        self.socket.sendall(next(self._requests))

    def receive(self) -> float | None:
        """Take what has come; the seconds the request took once the answer is whole."""
        chunk = self.socket.recv(1 << 18)
        if not chunk:
            raise ConnectionError("the server closed a kept connection")
        self._came += chunk
        if not self._is_whole(self._came):
            return None
        self._came = bytearray()
        return time.perf_counter() - self._began


def _http(came: bytearray) -> bool:
    """Whether an answer has come whole, by its length or its last chunk; anything but 200 ends the run."""
    head = came.find(END)
    if head < 0:
        return False
    status, *fields = bytes(came[:head]).split(b"\r\n")
    if b" 200 " not in status:
        raise ValueError(f"answered {status.decode()}")
    lengths = [int(field[15:]) for field in fields if field[:15].lower() == b"content-length:"]
    if not lengths:
        return came.endswith(LAST_CHUNK)
    return len(came) >= head + len(END) + lengths[0]


def _mllp(came: bytearray) -> bool:
    """Whether an acknowledgement has come whole; anything but AA ends the run."""
    if not came.endswith(FRAME_END):
        return False
    if b"\rMSA|AA|" not in came:
        raise ValueError(f"answered {came.decode()}")
    return True


def _numbered(load: Load) -> Iterator[bytes]:
    """Give the requests, in turn and for ever."""
    for number, request in zip(itertools.count(load.first), itertools.cycle(load.requests), strict=False):
        yield request.replace(NUMBER, f"{number:0{len(NUMBER)}}").encode()


def _answers(load: Load) -> Answered:
    requests = _numbered(load)
    took: list[float] = []
    with selectors.DefaultSelector() as selector:
        for _ in range(load.connections):
            connection = Connection(load, requests)
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
    return Answered(len(took) / elapsed, 1000 * middle, 1000 * last, len(took))


if __name__ == "__main__":
    print(json.dumps(dataclasses.asdict(_answers(Load(**json.load(sys.stdin))))))
