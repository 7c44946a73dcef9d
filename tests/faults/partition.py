"""A network between us and a server: 10 ms long, and now and then what is sent over it is lost."""

import contextlib
import socket
from collections.abc import Iterator
from urllib.parse import urlsplit

from tests.performance.relay import Delay

ROUND_TRIP = 0.01


class Network(Delay):
    """A TCP proxy that may lose what is sent; connections that have lost something are cut afterwards."""

    def __init__(self, url: str) -> None:
        self.straight, parts = url, urlsplit(url)
        self._lost: tuple[str, ...] = ()
        super().__init__(parts.hostname, parts.port or 5672, ROUND_TRIP)
        self.url = url.replace(f"{parts.hostname}:{parts.port}", f"127.0.0.1:{self.port}", 1)

    def passes(self, way: str) -> bool:
        """As long as it is not lost."""
        return way not in self._lost

    @contextlib.contextmanager
    def losing(self, *ways: str) -> Iterator[None]:
        """Lose what is sent to the server (`in`), what comes of it (`out`), or both."""
        self._lost = ways
        try:
            yield
        finally:
            for connection in self._open[1:]:
                with contextlib.suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)
            self._lost = ()
