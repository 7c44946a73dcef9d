"""One connection of the MLLP server: frames in, each answered before the next is looked at."""

import asyncio
import socket
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final, Literal
from uuid import uuid4

import structlog

from service.errors import CasebridgeError, TooLarge
from service.receive.certificates import names
from service.receive.framing import FS, Frame, Framer, Oversized, framed
from service.values.senders import Sender
from service.wire.hl7v2.answer import answer, verdict_of
from service.wire.hl7v2.parse import header_of
from service.wire.hl7v2.read import LIMIT

CHUNK: Final = 65_536
LARGE: Final = 262_144
GARBAGE: Final = 65_536
LINGER_SECONDS: Final = 5.0
CR_SECONDS: Final = 0.25

End = Literal["peer", "cut off", "idle", "slow", "unread", "oversized", "garbage", "lost", "stop"]
Work = Callable[[bytes, Sender], Awaitable[tuple[bytes, ...]]]

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Limits:
    """What one server lets its senders use.

    A connection is closed after `idle_seconds` without a whole message, and when one takes longer than
    `frame_seconds` from its first byte to its last. Past `connections` a new one is closed at once. `workers`
    messages are worked on at a time; at the end there are `stop_seconds` for them. Of messages over LARGE
    bytes only `large_messages` are held in memory at a time; the senders of others wait.
    """

    message_bytes: int = LIMIT
    connections: int = 256
    workers: int = 16
    large_messages: int = 4
    idle_seconds: float = 600.0
    frame_seconds: float = 60.0
    write_seconds: float = 30.0
    stop_seconds: float = 30.0


class Conversation:
    """Reads, has worked on, and answers, until someone ends it."""

    def __init__(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        limits: Limits,
        work: Work,
        room: asyncio.Semaphore,
    ) -> None:
        """Take the connection, its limits, what is done with a message, and the room for large ones."""
        self.framer = Framer(limits.message_bytes)
        self.busy = False
        """Whether a message is in hand."""
        self.stopping = False
        """Set to end it after the message in hand."""
        self._reader = reader
        self._writer = writer
        self._limits = limits
        self._work = work
        self._room = room
        self._takes_room = False
        self._sender = _sender(writer)
        self._waiting_for: End = "idle"

    async def run(self) -> End:
        """Converse, hang up, and tell what ended it."""
        with suppress(OSError, AttributeError):
            self._writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        try:
            end = await self._converse()
        except TimeoutError:
            end = self._waiting_for
        except OSError:
            end = "lost"
        finally:
            self._leave_room()
        if end in {"cut off", "slow", "unread", "garbage", "oversized"}:
            log.warning("mllp_connection_ended", by=end)
        await self.hang_up()
        return end

    async def hang_up(self) -> None:
        """Close the connection; what the peer does not read in time is dropped."""
        if self._waiting_for != "unread":
            self._writer.close()
            if await self._closed():
                return
        self._writer.transport.abort()
        await self._closed()

    async def _closed(self) -> bool:
        """Wait from beside it: who is told to stop meanwhile can wait once more."""
        done, _ = await asyncio.wait({asyncio.ensure_future(self._end())}, timeout=LINGER_SECONDS)
        return bool(done)

    async def _end(self) -> None:
        with suppress(OSError):
            await self._writer.wait_closed()

    async def _converse(self) -> End:
        clock = asyncio.get_running_loop().time
        quiet_until = clock() + self._limits.idle_seconds
        whole_until: float | None = None
        litter = 0
        while not self.stopping:
            self._waiting_for = "idle" if whole_until is None else "slow"
            found = await self._found(quiet_until if whole_until is None else whole_until)
            if found is None:
                return "cut off" if self.framer.inside else "peer"
            for each in found:
                if isinstance(each, Oversized):
                    self._leave_room()
                    await self._refuse(each.head)
                    return "oversized"
                await self._reply(each.body)
                if self.stopping:
                    return "stop"
            if found:
                quiet_until, whole_until = clock() + self._limits.idle_seconds, None
                litter = self.framer.garbage
                self._leave_room()
            if self.framer.held > LARGE and not self._takes_room:
                await self._room.acquire()
                self._takes_room, whole_until = True, None
            if self.framer.inside:
                whole_until = whole_until or clock() + self._limits.frame_seconds
            elif self.framer.garbage - litter > GARBAGE:
                return "garbage"
        return "stop"

    async def _found(self, until: float) -> Sequence[Frame | Oversized] | None:
        """Wait for bytes and return what is complete with them; None when the peer sends no more.

        After FS it is waited but shortly for the CR: who leaves it out waits for the answer.
        """
        pending = self.framer.pending
        if pending:
            until = min(until, asyncio.get_running_loop().time() + CR_SECONDS)
        try:
            async with asyncio.timeout_at(until):
                data = await self._reader.read(CHUNK)
        except TimeoutError:
            if not pending:
                raise
            return self.framer.settle()
        return self.framer.feed(data) if data else self.framer.settle() or None

    def _leave_room(self) -> None:
        if self._takes_room:
            self._room.release()
            self._takes_room = False

    async def _reply(self, body: bytes) -> None:
        self.busy = True
        try:
            for reply in await self._work(body, self._sender):
                await self._send(reply)
        finally:
            self.busy = False

    async def _refuse(self, head: bytes) -> None:
        """Answer a message that is too large and let its sender finish: a reset could overtake the answer."""
        reply = None
        if header_of(head) is not None:
            what = f"The message has over {self._limits.message_bytes} bytes; send less in one."
            reply = refusal(head, TooLarge(what))
        if reply is not None:
            await self._send(reply)
            with suppress(TimeoutError, OSError):
                async with asyncio.timeout(LINGER_SECONDS):
                    while (data := await self._reader.read(CHUNK)) and FS not in data:
                        pass

    async def _send(self, reply: bytes) -> None:
        self._waiting_for = "unread"
        async with asyncio.timeout(self._limits.write_seconds):
            self._writer.write(framed(reply))
            await self._writer.drain()
        self._waiting_for = "idle"


def refusal(raw: bytes, error: CasebridgeError) -> bytes | None:
    """Answer a message with an error."""
    now, control_id = datetime.now(UTC), uuid4().hex[:20]
    return answer(header_of(raw), verdict_of(error), error.issues, now=now, control_id=control_id)


def _sender(writer: asyncio.StreamWriter) -> Sender:
    peer = writer.get_extra_info("peername")
    return Sender(str(peer[0]) if peer else "", names(writer.get_extra_info("peercert")))
