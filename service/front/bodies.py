"""Bodies of requests, taken in whole: within a time, at a rate, in a number that memory has room for.

https://www.rfc-editor.org/rfc/rfc9112#section-8 tells when one has not come whole.
"""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

from service.errors import Malformed, TooLarge, TooSlow, Unavailable
from service.wire.json import LIMIT

Receive = Callable[[], Awaitable[dict[str, Any]]]
"""ASGI's: https://asgi.readthedocs.io/en/latest/specs/www.html#request-receive-event"""


@dataclass(frozen=True, slots=True)
class BodyLimits:
    """What senders of bodies may use.

    A body of `body_bytes` at most has to be there after `seconds`, and a second more for each `rate` bytes of
    it. One over `large_bytes` waits, for `room_seconds` at most, until there is room: for `large_bodies` at a
    time, `large_of_peer` of one address, kept until they are answered. What is not taken is read and dropped
    for `drain_seconds` and `drain_bytes`, so that its sender comes to read why.
    """

    body_bytes: int = LIMIT + 1
    seconds: float = 20.0
    rate: int = 32_768
    large_bytes: int = 65_536
    large_bodies: int = 12
    large_of_peer: int = 8
    room_seconds: float = 20.0
    drain_seconds: float = 5.0
    drain_bytes: int = 4 * LIMIT


@dataclass(slots=True)
class Body:
    """A body that is being taken in."""

    peer: str
    announced: int | None
    """What Content-Length says; None when the length is not known before the end."""
    content: bytearray = field(default_factory=bytearray)
    has_room: bool = False


class Bodies:
    """Takes bodies in; it belongs to one event loop."""

    def __init__(self, limits: BodyLimits | None = None) -> None:
        """Take what senders may use."""
        self._limits = limits or BodyLimits()
        self._large: Counter[str] = Counter()
        self._left = asyncio.Condition()

    @asynccontextmanager
    async def body(self, peer: str, announced: int | None) -> AsyncIterator[Body]:
        """Give a body of a peer to take in; what it needs is kept until the end of this block."""
        body = Body(peer, announced)
        try:
            yield body
        finally:
            if body.has_room:
                async with self._left:
                    self._large -= Counter((peer,))
                    self._left.notify_all()

    async def take(self, body: Body, receive: Receive) -> bytes:
        """Read a body to its end and return it.

        Raises:
            Malformed: it ended before all that was announced had come.
            TooSlow: it did not come in time.
            TooLarge: it is, or is said to be, over the limit; nothing is read of what is said to be.
            Unavailable: there is no room for it now.
        """
        self._check(body.announced or 0)
        clock = asyncio.get_running_loop().time
        until = clock() + self._limits.seconds
        more_to_come = True
        while more_to_come:
            if len(body.content) > self._limits.large_bytes and not body.has_room:
                asked = clock()
                await self._room(body)
                until += clock() - asked
            try:
                async with asyncio.timeout_at(until + len(body.content) / self._limits.rate):
                    event = await receive()
            except TimeoutError as exc:
                raise TooSlow("The body did not come in time; send it again, at once.") from exc
            if event["type"] != "http.request":
                raise Malformed("The body ended before all of it had come; send it again.")
            body.content += event.get("body", b"")
            self._check(len(body.content))
            more_to_come = event.get("more_body", False)
        if body.announced not in {None, len(body.content)}:
            raise Malformed("The body ended before all of it had come; send it again.")
        content = bytes(body.content)
        body.content.clear()
        return content

    async def drain(self, receive: Receive) -> None:
        """Drop what comes, until it ends or long enough."""
        left = self._limits.drain_bytes
        with suppress(TimeoutError):
            async with asyncio.timeout(self._limits.drain_seconds):
                while left > 0 and (event := await receive()).get("more_body", False):
                    left -= len(event["body"])

    def _check(self, size: int) -> None:
        if size > self._limits.body_bytes:
            raise TooLarge(f"Send at most {self._limits.body_bytes} bytes.")

    async def _room(self, body: Body) -> None:
        try:
            async with asyncio.timeout(self._limits.room_seconds), self._left:
                await self._left.wait_for(lambda: self._has_room(body.peer))
                self._large[body.peer] += 1
                body.has_room = True
        except TimeoutError as exc:
            raise Unavailable("Too many large bodies at once; send it again later.") from exc

    def _has_room(self, peer: str) -> bool:
        return (
            self._large.total() < self._limits.large_bodies and self._large[peer] < self._limits.large_of_peer
        )
