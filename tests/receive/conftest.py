"""A running MLLP server, and senders with real sockets."""

import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

import pytest

from service.receive.mllp.admission import Who
from service.receive.mllp.certificates import Tls
from service.receive.mllp.conversation import FrameResult, MllpLimits
from service.receive.mllp.framing import frame_of
from service.receive.mllp.proxied import Proxies
from service.receive.mllp.server import MllpServer
from service.values.inbound.senders import Sender
from service.wire.hl7v2.er7.message import Message
from service.wire.hl7v2.er7.read import read

SECONDS = 60.0


def message(control_id: str, *, wishes: str = "", note: str = "") -> bytes:
    msh = f"MSH|^~\\&|ADT|HOSP|CB|CLOUD|20240131||ADT^A03^ADT_A03|{control_id}|P|2.5|{wishes}"
    return f"{msh}\rPID|1||4711\rNTE|1||{note}\r".encode()


@dataclass
class Desk:
    """A handler that keeps what it gets and acknowledges it, or does what it is told to."""

    got: list[bytes] = field(default_factory=list)
    senders: list[Sender] = field(default_factory=list)
    act: Callable[[bytes], bytes | None] | None = None
    partner: str | None = "desk"

    def __call__(self, raw: bytes, sender: Sender) -> FrameResult:
        reply = self.act(raw) if self.act else raw.replace(b"ADT^A03^ADT_A03", b"ACK^A03^ACK")
        self.got.append(raw)
        self.senders.append(sender)
        return FrameResult(() if reply is None else (reply,), self.partner)


class Running:
    """A server in a thread of this process."""

    def emptied(self) -> bool:
        """Whether all connections have ended, after waiting for it."""
        until = time.monotonic() + SECONDS
        while self.server._open and time.monotonic() < until:
            time.sleep(0.02)
        return not self.server._open

    def __init__(self, desk: Desk, limits: MllpLimits, tls: Tls | None, who: Who, proxies: Proxies) -> None:
        self.stop = threading.Event()
        self.server = MllpServer("127.0.0.1", 0, desk, who, limits=limits, tls=tls, proxies=proxies)
        self.thread = threading.Thread(target=self.server.run, args=(self.stop,))
        self.thread.start()
        assert self.server.listening.wait(SECONDS)

    def end(self) -> None:
        self.stop.set()
        self.thread.join(SECONDS)
        assert not self.thread.is_alive()


@pytest.fixture
def desk() -> Desk:
    return Desk()


@pytest.fixture
def serve(desk) -> Iterator[Callable[..., Running]]:
    """Start a server that hands messages to the desk."""
    running: list[Running] = []

    def start(
        limits: MllpLimits | None = None,
        tls: Tls | None = None,
        who: Who = lambda _: frozenset({"desk"}),
        proxies: Proxies | None = None,
    ) -> Running:
        running.append(Running(desk, limits or MllpLimits(), tls, who, proxies or Proxies()))
        return running[-1]

    yield start
    for process in running:
        process.end()


class Client:
    """One connection to a server."""

    def __init__(self, connection: socket.socket) -> None:
        self.socket = connection
        self._buffer = b""

    def send(self, *bodies: bytes) -> None:
        self.socket.sendall(b"".join(map(frame_of, bodies)))

    def answer(self) -> bytes | None:
        """The next answer's content, or None when the server has hung up."""
        while b"\x1c\r" not in self._buffer:
            data = self.socket.recv(65_536)
            if not data:
                return None
            self._buffer += data
        answer, _, self._buffer = self._buffer.partition(b"\x1c\r")
        assert answer.startswith(b"\x0b")
        return answer[1:]

    def hung_up(self) -> bool:
        """Whether the server ends the connection without another answer."""
        try:
            return self.answer() is None
        except OSError:
            return True

    def push(self, *pieces: bytes, pause: float = 0) -> None:
        """Send the pieces over and over until the server has ended the connection."""
        until = time.monotonic() + SECONDS
        with suppress(OSError):
            while True:
                for piece in pieces:
                    assert time.monotonic() < until, "the server goes on reading"
                    self.socket.sendall(piece)
                    time.sleep(pause)

    def acknowledgement(self) -> Message:
        (item,) = read(self.answer() or b"").items
        assert isinstance(item, Message)
        return item


@contextmanager
def connected(running: Running, context: ssl.SSLContext | None = None) -> Iterator[Client]:
    with socket.create_connection(("127.0.0.1", running.server.port), SECONDS) as plain:
        if context is None:
            yield Client(plain)
            return
        with context.wrap_socket(plain, server_hostname="localhost") as wrapped:
            yield Client(wrapped)
